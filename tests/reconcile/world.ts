/**
 * The real example: store, ledger, the stable version at work in slot blue, and the version that is being promoted in
 * folders, to be started and killed. Customers keep what they asked for, and can be asked for it.
 */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { StoreAndHttpSides } from '@headgate/adapters/execution/reconcile/store-and-http-sides';
import { type JsonServer, jsonServer } from '@headgate/adapters/execution/testing/json-server';
import { parseDocuments } from '@headgate/documents/kinds/parse-documents';
import type { ReconciliationContent } from '@headgate/documents/kinds/reconciliation';
import type { ReconciliationSummary } from '@headgate/domain';
import type { Comparison, Ports } from '@headgate/execution';
import { reconcile } from '@headgate/execution/steps/reconciler';
import { stepContext } from '@headgate/testkit/execution/step-context';
import { buildRelease } from '../../examples/psa/build.ts';
import { exampleDocuments } from '../../examples/psa/documents.ts';
import { EXAMPLE_CELLS } from '../../examples/psa/tenants.ts';
import { eventually, openStand, type Running, type Stand } from '../../examples/psa/testing/stand.ts';
import type { Databases, Wish } from './books.ts';

/** The version that crashes, and the one that takes over. */
const PROMOTED = '1.1.0';
const STABLE = '1.0.0';

const UNFINISHED = `SELECT 1 FROM job WHERE tenant_id = $1 AND state <> 'done'`;

export interface World {
  readonly stand: Stand;
  readonly databases: Databases;
  readonly blue: Running;
  readonly tenants: readonly string[];
  /** Folder of the promoted version's programs. */
  readonly programs: string;
  /** The example's document, with the customers as the third source. */
  readonly document: ReconciliationContent;
  /** What customers asked for, whether they got an answer or not. */
  readonly wishes: Wish[];
  compare(tenant: string, document?: unknown): Promise<Comparison>;
  /** The real step. Throws when it isn't done. */
  step(tenant: string, document?: unknown): Promise<ReconciliationSummary>;
  route(tenant: string, slot: string): Promise<void>;
  /** Brings a tenant back to the stable version, and waits until that has nothing left to do for it. */
  settled(tenant: string): Promise<void>;
  /** Until none of these sessions is left, so that what they had open is rolled back. */
  forgotten(ports: readonly number[], database: 'store' | 'ledger'): Promise<void>;
  close(): Promise<void>;
}

export async function openWorld(): Promise<World> {
  const cell = EXAMPLE_CELLS.find((each) => each.cell === 'shared')!;
  const tenants = cell.tenants.map(({ id }) => id);
  const stand = await openStand(cell.tenants, 400);
  let customers: JsonServer | undefined;
  try {
    await stand.migrate(PROMOTED, 'up');
    const programs = path.join(stand.dir, PROMOTED);
    await buildRelease(PROMOTED, programs);
    const blue = await stand.start(STABLE, 'blue');
    const wishes: Wish[] = [];
    customers = await jsonServer(({ url, headers }) =>
      headers.authorization === 'Bearer customers'
        ? { body: { wishes: wishes.filter(({ tenant }) => tenant === url.searchParams.get('tenant')) } }
        : { status: 401 },
    );
    const customersToken = path.join(stand.dir, 'customers-token');
    await writeFile(customersToken, 'customers\n', { mode: 0o600 });
    const sides = new StoreAndHttpSides(
      new Map([['store', stand.held]]),
      {
        ledger: { url: stand.erpUrl, tokenFile: stand.erpTokenFile },
        customers: { url: customers.url, tokenFile: customersToken },
      },
      new Map(cell.tenants.map(({ id }) => [id, 'store'])),
    );
    const document = withCustomers();
    const route = async (tenant: string, slot: string): Promise<void> => {
      await stand.admin.query('UPDATE headgate.route SET slot = $2, n = n + 1 WHERE tenant = $1', [tenant, slot]);
    };
    const { close: closeStand } = stand;
    return {
      stand,
      databases: { store: stand.store, ledger: stand.ledger },
      blue,
      tenants,
      programs,
      document,
      wishes,
      compare: (tenant, of = document) => sides.compare(of, 'store', [tenant], stepContext()),
      async step(tenant, of = document) {
        const action = {
          kind: 'reconcile',
          store: 'store',
          reconciliation: { name: 'psa-invoices', digest: `sha256:${'0'.repeat(64)}` },
          tenants: [tenant],
        } as const;
        const context = stepContext({ document: async () => of });
        const outcome = await reconcile(action, context, { ledgerSides: sides } as unknown as Ports);
        if (outcome.kind !== 'done' || outcome.result.reconciliation === undefined)
          throw new Error(`the step ended otherwise: ${JSON.stringify(outcome)}`);
        return outcome.result.reconciliation;
      },
      route,
      async settled(tenant) {
        await route(tenant, 'blue');
        await eventually(async () => (await stand.store.query(UNFINISHED, [tenant])).rowCount === 0, 15_000);
      },
      forgotten: (ports, database) =>
        eventually(async () => {
          const { rowCount } = await (database === 'store' ? stand.admin : stand.ledger).query(
            'SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND client_port = ANY($1)',
            [ports],
          );
          return rowCount === 0;
        }, 15_000),
      async close() {
        await customers?.close();
        await closeStand();
      },
    };
  } catch (error) {
    await customers?.close();
    await stand.close();
    throw error;
  }
}

/**
 * The example's own document, and beside it the customers' own books: the store tells by which request an invoice was made.
 * In the example no system keeps what was asked for; where one does (a shop, a portal), the document says so like this.
 */
function withCustomers(): ReconciliationContent {
  const file = exampleDocuments().find((each) => each.file.endsWith('reconciliation.yaml'))!;
  const parsed = parseDocuments(file.text, file);
  const content = parsed.ok ? parsed.documents[0]?.content : undefined;
  if (content?.kind !== 'Reconciliation') throw new Error('the example declares no reconciliation');
  const sql = content.spec.left.sql.replace(
    'i.erp_reference,',
    `i.erp_reference, (SELECT r.key FROM request r WHERE r.tenant_id = i.tenant_id
       AND r.body ->> 'number' = i.number::text AND r.body ->> 'totalCents' IS NOT NULL) AS request_key,`,
  );
  if (sql === content.spec.left.sql) throw new Error('the example’s left side doesn’t read as it did');
  const asked = {
    connection: 'customers',
    path: '/wishes?tenant={tenant}',
    items: '/wishes',
    key: 'key',
    left: 'request_key',
  };
  return { ...content, spec: { ...content.spec, left: { sql }, asked } };
}
