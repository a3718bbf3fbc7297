/**
 * For tests only: the shipped agent as a process, in a cell that is nothing but two real sides. `HARM` says what goes wrong
 * with what a plan does: the process is `killed` right after it; it is `dropped`, and told as done; or it is `doubled`.
 */
import { connectionsOf } from '@headgate/adapters/execution/reconcile/sides-to-look-at';
import { StoreAndHttpSides } from '@headgate/adapters/execution/reconcile/store-and-http-sides';
import { passwordFileOf, withClient } from '@headgate/adapters/postgres-cluster/database';
import { Cluster, findPrograms } from '@headgate/adapters/postgres-cluster/index';
import { SHIPPED, startAgent } from '@headgate/agent/agent';
import type { Cell } from '@headgate/agent/cells/cell';
import { cellOn } from '@headgate/agent/cells/real-cell';
import { loadConfig } from '@headgate/agent/config';
import { openLog } from '@headgate/agent/log';
import { type Difference, granted, type LedgerSides } from '@headgate/execution';
import { aCell } from '@headgate/testkit/domain/builders';

const [file = ''] = process.argv.slice(2);
const read = loadConfig(file);
if (!read.ok) throw new Error(read.problems.join('\n'));
const { config } = read;
const [own] = config.cells;
if (own?.kind !== 'process') throw new Error('expected a cell of processes');
const { clusterDir, port, database, user } = own.stores.store!;
const cluster = new Cluster({ dir: clusterDir, port }, await findPrograms(15, clusterDir));
const sides = new StoreAndHttpSides(
  new Map([['store', { name: 'store', cluster, database, user, passwordFile: passwordFileOf(cluster, user) }]]),
  connectionsOf(own),
  new Map(Object.entries(own.tenants).map(([tenant, { store }]) => [tenant, store])),
);
const harmed: LedgerSides = {
  compare: (...asked) => sides.compare(...asked),
  settleMs: (document) => sides.settleMs(document),
  async apply(document, store, differences, ctx) {
    const harm = process.env.HARM;
    if (harm === 'dropped') return granted({ replayed: differences.length, acknowledged: 0, cancelled: 0, posted: 0 });
    const answer = await sides.apply(document, store, differences, ctx);
    if (harm === 'killed') process.kill(process.pid, 'SIGKILL');
    if (harm === 'doubled') for (const each of differences) await postAgain(each);
    return answer;
  },
};

/** Somebody posts an invoice under a key of their own, too. */
async function postAgain({ key, tenant, left }: Difference): Promise<void> {
  const { number, currency, net_cents, tax_cents, total_cents } = left!.fields;
  await withClient({ connectionString: process.env.LEDGER_URL! }, (client) =>
    client.query(
      `INSERT INTO ledger_entry (key, fingerprint, tenant, invoice, currency, net_cents, tax_cents, total_cents)
       VALUES ($1 || '-again', '', $2, $3, $4, $5, $6, $7)`,
      [key, tenant, number, currency, net_cents, tax_cents, total_cents],
    ),
  );
}

const until = async (name: string): Promise<void> => {
  // Held open until the test's file is there: a look that takes as long as a test wants.
  const { existsSync } = await import('node:fs');
  while (!existsSync(name)) await new Promise((resolve) => setTimeout(resolve, 20));
};

const on = cellOn({ config: own, ledgerSides: harmed } as never);
const cell: Cell = {
  ...on,
  observe: async () => ({ state: aCell(), manifests: [] }),
  keptPoints: async () => [],
  keep: async () => {},
  close: async () => {},
  async carryOut() {
    await until(`${file}.step-may-end`);
    return { kind: 'done', result: { routed: 1 } };
  },
};
const agent = await startAgent(config, { ...SHIPPED, openCell: async () => cell }, openLog(config.name, 'error'));
process.stdout.write('ready\n');
process.once('SIGTERM', () => void agent.stop().then(() => process.exit(0)));
