/** `headgate-agent recover`: a store as it was at a moment, from its vault, beside the one that serves. */

import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { AnyCellConfig } from '@headgate/adapters/execution/cell-kinds';
import type { Moment, Recovered } from '@headgate/adapters/execution/recover/recover-aside';
import { visibleJson } from '@headgate/contract';
import { digestOfJson, type Trust } from '@headgate/documents';
import { type Answer, granted, ObjectStoreTrouble } from '@headgate/execution';
import type { AgentConfig } from '../config.ts';
import { print, warn } from '../output.ts';
import {
  type BringAsk,
  bringBeside,
  momentOf,
  momentWords,
  NoIdentity,
  recoverableOf,
} from '../recover/bring-beside.ts';
import { bringOdooTenant, odooJson, odooLines } from '../recover/odoo-tenant.ts';
import { reportRestoration } from '../restoration/report-restoration.ts';
import { tenantsIn } from '../restoration/tenants-in.ts';
import { onlyOne } from '../vault-cells.ts';
import { complain, trustedIn, wrongUsage } from './command-line.ts';
import { interruptible } from './interruptible.ts';

export const RECOVER_USAGE = `headgate-agent recover: brings a store back to a moment, from its vault, beside the one that serves

  headgate-agent recover --config FILE --store STORE [--cell CELL] [MOMENT] --identity FILE --to DIR [--id ID]
                         [--as ID] [--because WHY] [--lacking N] [--compare] [--json]

MOMENT is one of these; without one it is the last that the vault has:
--at TIME                2026-11-22T09:30:00Z, with a zone: all that was committed until then
--before PROMOTION       just before that promotion's first migration of the store
--transaction XID        up to that transaction of PostgreSQL's, and with it

The newest restore point before the moment is fetched (--id names another one), and the store's write-ahead log from there on:
each piece's signature and SHA-256, and none missing. A PostgreSQL of its own recovers it in DIR, an empty folder with room for
two copies, and goes on running there, on this machine alone. The store, its agent and its vault aren't touched. Take from
it what is needed; how it is reached and ended is printed.

--identity FILE   age's, mode 0600; without it the cell's vault.drill.identityFile
--as ID           who asks for it, and
--because WHY     why: both stand on the log, which hears of it
--json            the same as one line

CELL may be left out where there is one with a vault. Stores whose PostgreSQL Headgate keeps; others have backup tools of theirs.
A store with pgBackRest comes back from its repository, with the passphrase in place of an identity; --id may be a backup's label.

A tenant of Odoo comes back with the files that its rows name then, in DIR/filestore: its cell has postgresql.pgbackrest. Each file is taken
from the live filestore, else from a restore point, and compared with its name (SHA-1) and size; the vault's are opened by --identity.
--lacking N       exactly N files can't be had, as a refusal said by name: it comes back without them
--compare         also reads all rows of then and of now, and says in which tables they differ, and by how many rows

Exit codes: 0 it runs, 1 refused or wrong, 2 wrong usage, 3 the object store is away, full, or refuses, 78 configuration.
`;

const EXIT = { ok: 0, refused: 1, usage: 2, away: 3, config: 78 } as const;

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const OPTIONS = {
  ...{ config: text, store: text, cell: text, at: text, before: text, transaction: text },
  ...{ identity: text, to: text, id: text, as: text, because: text, lacking: text },
  ...{ compare: flag, json: flag, help: flag },
} as const;
type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];

/** Runs it and answers the exit code. */
export async function recover(args: readonly string[]): Promise<number> {
  let values: Values;
  try {
    ({ values } = parseArgs({ args: [...args], options: OPTIONS }));
  } catch (error) {
    return misused(error);
  }
  if (values.help === true) {
    print(RECOVER_USAGE);
    return EXIT.ok;
  }
  const { config, store, to } = values;
  if (config === undefined || store === undefined || to === undefined)
    return misused('it needs --config, --store and --to');
  const read = trustedIn(config);
  if (!read.ok) return read.code;
  const over = interruptible(new Error('it was interrupted'));
  try {
    const cell = onlyOne(recoverableOf(read.config, store, values.cell));
    if (values.lacking !== undefined && (cell.kind !== 'odoo' || !/^[1-9]\d{0,8}$/.test(values.lacking)))
      return misused('--lacking is a number of files that a tenant of Odoo may come back without');
    if (values.compare === true && cell.kind !== 'odoo')
      return misused('--compare is for tenants of Odoo; of other stores recover-store propose says the difference');
    const moment = momentOf(values, cell.cell);
    if (typeof moment === 'string') return misused(moment);
    return await bring(cell, store, resolve(to), moment, read, values, over.signal);
  } catch (error) {
    if (error instanceof NoIdentity) return misused(error.message);
    return complain([(error as Error).message], error instanceof ObjectStoreTrouble ? EXIT.away : EXIT.refused);
  } finally {
    over.over();
  }
}

async function bring(
  cell: AnyCellConfig,
  store: string,
  to: string,
  moment: Moment,
  { config, trust }: { readonly config: AgentConfig; readonly trust: Trust },
  values: Values,
  signal: AbortSignal,
): Promise<number> {
  const startedAt = Date.now();
  const say = (line: string): void => void (values.json === true || warn(`${line}\n`));
  const { id, identity: identityFile } = values;
  const ask = { store, to, moment, trust, id, identityFile, signal, say };
  const brought = await broughtOf(cell, ask, values);
  if (!brought.ok) return complain([brought.why], EXIT.refused);
  const { recovered, json, lines } = brought.value;
  const { point, lastCommitAt } = recovered;
  const { as: by, because } = values;
  const words = momentWords(moment);
  await reportRestoration({
    ...{ config, keyFile: cell.vault?.keyFile, say },
    facts: {
      ...{ kind: 'beside', environment: cell.environment, cell: cell.cell, moment: words },
      stores: [{ store, point, ...(lastCommitAt !== undefined && { lastCommitAt }) }],
      ...tenantsIn(cell, store),
      ...{
        subject: digestOfJson({ of: { environment: cell.environment, cell: cell.cell, store }, point, moment: words }),
        approvals: [],
        startedAt,
        at: Date.now(),
        result: 'done',
      },
      ...(by !== undefined && { by }),
      ...(because !== undefined && { because }),
    },
  });
  print(values.json === true ? `${visibleJson(json)}\n` : `${lines.join('\n')}\n`);
  return EXIT.ok;
}

interface Brought {
  readonly recovered: Pick<Recovered, 'point' | 'lastCommitAt'>;
  /** What is said of it. */
  readonly json: object;
  readonly lines: readonly string[];
}

async function broughtOf(
  cell: AnyCellConfig,
  ask: Omit<BringAsk, 'cell'>,
  { lacking, compare = false }: Values,
): Promise<Answer<Brought>> {
  const { store, to } = ask;
  if (cell.kind === 'odoo') {
    const odoo = { ...ask, cell, lacking: lacking === undefined ? undefined : Number(lacking), compare };
    const brought = await bringOdooTenant(odoo);
    if (!brought.ok) return brought;
    const { value } = brought;
    return granted({ recovered: value, json: odooJson(value), lines: odooLines(value, odoo) });
  }
  if (!Object.hasOwn(cell.stores, store))
    throw new Error(`${cell.cell} has no store ${store} whose PostgreSQL Headgate keeps`);
  const recovered = await bringBeside({ ...ask, cell });
  if (!recovered.ok) return recovered;
  const { value } = recovered;
  const { database } = cell.stores[store]!;
  return granted({ recovered: value, json: asJson(value, database), lines: linesOf(value, store, database, to) });
}

function asJson({ cluster, point, segments, reachedAt, lastCommitAt }: Recovered, database: string) {
  const { port } = cluster.config;
  return {
    port,
    database,
    passwordFile: cluster.passwordFile,
    dir: cluster.dir,
    point,
    segments,
    reachedAt,
    lastCommitAt,
  };
}

function linesOf(
  { cluster, point, segments, reachedAt, lastCommitAt }: Recovered,
  store: string,
  database: string,
  to: string,
): readonly string[] {
  const last =
    lastCommitAt === undefined ? 'nothing was committed since it was taken' : `last commit ${timeText(lastCommitAt)}`;
  return [
    `The store ${store} runs again beside itself: from ${point}${segments === undefined ? '' : ` with ${segments} segment${segments === 1 ? '' : 's'} of its log`}, ${last}.`,
    reachedAt === undefined
      ? 'What was written after the last segment that PostgreSQL archived isn’t in the repository, and pgBackRest doesn’t say up to when that is.'
      : `The vault’s log goes up to ${timeText(reachedAt)}.`,
    `  look   PGPASSWORD=$(cat ${cluster.passwordFile}) psql -h 127.0.0.1 -p ${cluster.config.port} -U postgres ${database}`,
    `  end    ${join(cluster.programs.bin, 'pg_ctl')} -D ${cluster.data} stop${asWhom(cluster.programs.user?.name)}; then remove ${to}`,
  ];
}

/** PostgreSQL’s own program refuses to be run by root. */
function asWhom(user: string | undefined): string {
  return user === undefined ? '' : ` (as ${user})`;
}

function timeText(at: number): string {
  return new Date(at).toISOString();
}

function misused(why: unknown): number {
  return wrongUsage('recover', why, EXIT.usage);
}
