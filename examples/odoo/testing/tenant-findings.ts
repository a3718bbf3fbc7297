/**
 * For tests only: what isn't as it should be of tenants that were upgraded or restored, in words. Every source is asked
 * by itself: the database, the code that answers, what Headgate keeps in the cell, what its control plane says of it, and
 * a customer who logs in, looks at attachments and posts an invoice.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { findStore, storeVersion } from '@headgate/adapters/execution/odoo/index';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import type { World } from '@headgate/example-psa/demo/world.ts';
import type { BroughtUpCell } from '../bring-up/cell.ts';
import type { OdooExample } from '../bring-up.ts';
import { type OdooVersion, schemaOf } from '../build.ts';
import { numbersWrong, postInvoice, tenantState } from '../demo/tenant-state.ts';
import { logIn } from './log-in.ts';

/** How long the control plane may take to see what is so, and how long it must go on to: two looks of the agent. Milliseconds. */
const SEEN_MS = 20_000;
const STAYS_MS = 5_000;

export interface Promised {
  readonly version: OdooVersion;
  /** SHA-256 of what was attached before anything happened, by name. */
  readonly attachments: Readonly<Record<string, string>>;
  /** Numbers of invoices that customers were given. */
  readonly invoices: readonly string[];
}

/** `seen`: its store, by the control plane. Posts an invoice, so it changes the tenant. Empty: all is as it should be. */
async function tenantFindings(
  cell: BroughtUpCell,
  tenant: string,
  promised: Promised,
  seen: unknown,
): Promise<readonly string[]> {
  const { schema, module } = schemaOf(promised.version);
  const found: string[] = [];
  const expect = (what: string, is: unknown, should: unknown): void => {
    const [one, other] = [JSON.stringify(is), JSON.stringify(should)];
    if (one !== other) found.push(`${tenant}: ${what} is ${one}, not ${other}`);
  };
  const state = await tenantState(cell, tenant);
  expect('the module in the database', state.moduleVersion, module);
  expect('the code that answers', state.codeVersion, module);
  const recorded = await storeVersion(cell.stores, findStore(cell.stores, tenant));
  expect('what Headgate keeps in the cell', recorded, { kind: 'at', version: schema });
  expect('what the control plane saw', seen, { schemaVersion: schema });
  expect('what an attachment holds', state.attachments, promised.attachments);
  expect('what is left over', await leftOver(cell, tenant), []);
  expect('who logs in', await logIn(cell, tenant), 'api');
  found.push(...(await numbersWrong(cell, tenant)));
  const before = await postedNumbers(cell, tenant);
  const lost = promised.invoices.filter((number) => before.filter((each) => each === number).length !== 1);
  expect('the list of invoices that were promised and aren’t there once', lost, []);
  expect('how often a number was promised twice', promised.invoices.length - new Set(promised.invoices).size, 0);
  const highest = Math.max(...[...before, ...promised.invoices].map(numberOf));
  const next = await postInvoice(cell, tenant).then(numberOf, (error: Error) => error.message);
  expect('the next invoice', next, highest + 1);
  return found;
}

/** The same of all tenants of a cell. */
export async function cellFindings(
  world: World<OdooExample>,
  cell: BroughtUpCell,
  version: OdooVersion,
  attachments: ReadonlyMap<string, Readonly<Record<string, string>>>,
  invoices: ReadonlyMap<string, readonly string[]>,
): Promise<readonly string[]> {
  const found: string[] = [];
  const seen = await seenBy(world, cell, schemaOf(version).schema);
  for (const { id } of cell.cell.tenants) {
    const promised = { version, attachments: attachments.get(id) ?? {}, invoices: invoices.get(id) ?? [] };
    found.push(...(await tenantFindings(cell, id, promised, seen?.[id])));
  }
  return found;
}

/** What tenants have attached, to compare it with later. */
export async function attachmentsOf(
  cell: BroughtUpCell,
): Promise<ReadonlyMap<string, Readonly<Record<string, string>>>> {
  const by = new Map<string, Readonly<Record<string, string>>>();
  for (const { id } of cell.cell.tenants) by.set(id, (await tenantState(cell, id)).attachments);
  return by;
}

/** The control plane's own view of the stores; it looks now and then, so it is asked until it agrees and stays so, or time is up. */
async function seenBy(
  world: World<OdooExample>,
  cell: BroughtUpCell,
  schema: number,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const operator = await world.client('operator');
  const until = performance.now() + SEEN_MS;
  let since = performance.now();
  for (;;) {
    const stores = (await operator.call('showCell', { cell: cell.cell.cell })).observed?.state.stores ?? {};
    const now = performance.now();
    const agrees = Object.values(stores).every((seen) => seen.schemaVersion === schema && seen.drift === undefined);
    if (!agrees) since = now;
    if (now - since > STAYS_MS || now > until) return stores;
    await sleep(200);
  }
}

/** What an upgrade or a restore makes for itself and takes away again. */
async function leftOver(cell: BroughtUpCell, tenant: string): Promise<readonly string[]> {
  return withClient(await cell.stores.cluster.connection(), async (client) => {
    const { rows } = await client.query<{ what: string }>(
      `select 'login ' || rolname as what from pg_roles where rolname like 'hg\\_' || $1 || '\\_%'
       union all select 'database ' || datname from pg_database where datname = $1 || '__restoring'`,
      [tenant],
    );
    return rows.map(({ what }) => what);
  });
}

async function postedNumbers(cell: BroughtUpCell, tenant: string): Promise<readonly string[]> {
  return withClient(await cell.stores.cluster.connection(tenant), async (client) => {
    const { rows } = await client.query<{ name: string }>(
      `select m.name from public.account_move m join public.account_journal j on j.id = m.journal_id
       where j.code = 'INV' and m.state = 'posted'`,
    );
    return rows.map(({ name }) => name);
  });
}

function numberOf(name: string): number {
  return Number(/(\d+)$/.exec(name)?.[1]);
}
