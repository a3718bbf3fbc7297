import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { drill } from '@headgate/adapters/execution/drill/index';
import { FolderStore } from '@headgate/adapters/execution/object-store/folder-store';
import type { BackedStore } from '@headgate/adapters/execution/restore-points/backed-store';
import { PhysicalRestorePoints } from '@headgate/adapters/execution/restore-points/physical-restore-points';
import { prepareStore } from '@headgate/adapters/execution/store/store-session';
import { newIdentity } from '@headgate/adapters/execution/vault/age-stream';
import { CellVault } from '@headgate/adapters/execution/vault/cell-vault';
import { VaultConfig } from '@headgate/adapters/execution/vault/vault-config';
import { ownSigner, vaultKey } from '@headgate/adapters/execution/vault/vault-key';
import { closeWal } from '@headgate/adapters/execution/vault/wal/close-wal';
import { WalShipper } from '@headgate/adapters/execution/vault/wal/ship-wal';
import { freePort } from '@headgate/adapters/machine/free-port';
import { Cluster, openCluster } from '@headgate/adapters/postgres-cluster/cluster';
import { ensureDatabase, passwordFileOf, withClient } from '@headgate/adapters/postgres-cluster/database';
import { findPrograms } from '@headgate/adapters/postgres-cluster/programs';
import { type DrillFacts, judgeDrill } from '@headgate/domain';
import { execute, type Ports } from '@headgate/execution';
import { median } from './arithmetic.ts';
import { type Figure, figure } from './figure.ts';
import { contextOf, rows } from './restore-point.ts';
import { holding, inScratch, say } from './scratch.ts';

const ROUNDS = 3;
const OF = { environment: 'bench', cell: 'bench', store: 'main' };

/** Between two rounds of the log, as an agent is told by default. Milliseconds. */
const WAL_EVERY_MS = 30_000;
/** Rows of a kilobyte that are written after each restore point, before its log's last round. */
const LATER_ROWS = 50_000;

/**
 * Restore points of `megabytes` as the schedule takes them, copied while the store runs, encrypted into a vault in a folder, with
 * the log of what is written since; and drills of them, whose business transaction wants the last row that was written.
 */
export async function drillFigures(megabytes: number): Promise<readonly Figure[]> {
  return inScratch(async (dir) => {
    const settings = { shared_buffers: '256MB', max_wal_size: '4GB', autovacuum: 'off' };
    const archiveDir = join(dir, 'archive');
    const config = { dir: join(dir, 'cluster'), port: await freePort(), archiveDir, settings };
    const programs = await findPrograms(15, dir);
    return holding(
      () => new Cluster(config, programs).stop(),
      async () => {
        const cluster = await openCluster(config, programs);
        const login = { database: 'app', user: 'app', passwordFile: passwordFileOf(cluster, 'app') };
        await ensureDatabase(cluster, login);
        const restorePointsDir = join(dir, 'points');
        const more = { archiveDir, restorePointsDir, files: [], keep: 1, census: true };
        const store: BackedStore = { name: 'main', cluster, ...login, ...more };
        await prepareStore(store);
        await withClient(await cluster.connection('app'), async (client) => {
          await client.query(rows(Math.round((megabytes * 1_000_000) / 1_000)));
          await client.query('alter table line owner to app; create index on line(account); checkpoint');
        });
        return figuresOf(await measure(dir, store));
      },
    );
  });
}

/** Medians; a drill that didn't go well is no measure. */
export function figuresOf(rounds: readonly DrillFacts[]): readonly Figure[] {
  const results = rounds.map((facts) => judgeDrill(facts));
  const wrong = results.flatMap(({ because, missing }) => [...because, ...missing]);
  for (const each of wrong) say(`a drill did not go well: ${each}`);
  const rto = results.map(({ ok, rtoMs, rtoUntil }) =>
    ok && rtoUntil === 'first-transaction' && rtoMs !== undefined ? rtoMs / 1_000 : Number.NaN,
  );
  const rpo = results.map(({ rpoMs }) => (rpoMs === undefined ? Number.NaN : rpoMs / 1_000));
  say(`RTO ${rto.map((s) => s.toFixed(1)).join(', ')} s; RPO ${rpo.map((s) => s.toFixed(1)).join(', ')} s`);
  const bad = wrong.length > 0 || rounds.length === 0 || rto.some(Number.isNaN);
  return [figure('drill-rto', bad ? Number.NaN : median(rto)), figure('drill-rpo', bad ? Number.NaN : median(rpo))];
}

async function measure(dir: string, store: BackedStore): Promise<readonly DrillFacts[]> {
  const vaultDir = join(dir, 'vault');
  await mkdir(vaultDir);
  const { identity, recipient } = await newIdentity();
  const keyFile = join(dir, 'vault-key.pem');
  const key = await vaultKey(keyFile);
  const config = VaultConfig.parse({
    store: { kind: 'folder', dir: vaultDir },
    recipients: [recipient],
    keyFile,
    keep: { last: 2, days: 0, weeks: 0 },
  });
  const vault = new FolderStore(vaultDir);
  const stores = new Map([['main', { restorePointsDir: store.restorePointsDir, tenants: ['ada'] }]]);
  const partBytes = config.partMiB * 1024 * 1024;
  const restorePoints = new PhysicalRestorePoints(new Map([['main', store]]));
  const ports = { restorePoints, vault: new CellVault({ config, store: vault, key, stores, partBytes }) };
  const trust = { signers: [ownSigner(key)] };
  const signal = new AbortController().signal;
  const transactions = {
    command: [process.execPath, join(import.meta.dirname, 'drill-business.ts')],
    timeoutMs: 600_000,
  };
  const recipients = [recipient];
  const { archiveDir } = store;
  const shipper = new WalShipper({ store: vault, archiveDir, of: OF, recipients, key, now: Date.now, signal });
  const rounds: DrillFacts[] = [];
  for (let n = 0; n < ROUNDS; n++) {
    const ctx = { ...contextOf(n + 1), environment: OF.environment, cell: OF.cell };
    const outcome = await execute({ kind: 'restore-point', store: 'main' }, ctx, ports as unknown as Ports);
    if (outcome.kind !== 'done') throw new Error(JSON.stringify(outcome));
    await shipper.ship(await closeWal(store, Date.now));
    const last = `written after restore point ${n}`;
    await withClient(await store.cluster.connection('app'), async (client) => {
      await client.query(
        `insert into line(id, name, remark)
           select (select max(id) from line) + n, 'later', (select string_agg(md5(n::text || j), ' ') from generate_series(1, 26) j)
             from generate_series(1, $1) n`,
        [LATER_ROWS],
      );
      await client.query('insert into line(id, name) values ((select max(id) + 1 from line), $1)', [last]);
    });
    await shipper.ship(await closeWal(store, Date.now));
    transactions.command[2] = last;
    const facts = await drill({
      from: OF,
      of: { form: 'physical', store },
      ...{
        vault,
        trust,
        identities: [identity],
        transactions,
        signal,
        deadlineMs: 3_600_000,
        walEveryMs: WAL_EVERY_MS,
      },
      workDir: join(dir, 'drills'),
      now: Date.now,
      say: () => {},
      detail: say,
    });
    rounds.push(facts);
  }
  return rounds;
}
