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
import { listVault } from '@headgate/adapters/execution/vault/vaulted-points';
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

/** One round: a drill, and the two restore points that were sealed before it, back to back. */
export interface DrillRound {
  readonly facts: DrillFacts;
  /** The older one's moment, and when the newer one lay in the vault. Milliseconds. */
  readonly takenAt: number;
  readonly nextSealedAt: number;
}

/**
 * Restore points of `megabytes` as the schedule takes them, copied while the store runs, encrypted into a vault in a folder; and
 * drills of them, with a business transaction.
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
export function figuresOf(rounds: readonly DrillRound[]): readonly Figure[] {
  const results = rounds.map(({ facts }) => judgeDrill(facts));
  const wrong = results.flatMap(({ because, missing }) => [...because, ...missing]);
  for (const each of wrong) say(`a drill did not go well: ${each}`);
  const rto = results.map(({ ok, rtoMs, rtoUntil }) =>
    ok && rtoUntil === 'first-transaction' && rtoMs !== undefined ? rtoMs / 1_000 : Number.NaN,
  );
  // Right before the newer one is sealed, the older one is what there is.
  const rpo = rounds.map(({ takenAt, nextSealedAt }) => (nextSealedAt - takenAt) / 1_000);
  say(`RTO ${rto.map((s) => s.toFixed(1)).join(', ')} s; RPO ${rpo.map((s) => s.toFixed(1)).join(', ')} s`);
  const bad = wrong.length > 0 || rounds.length === 0 || rto.some(Number.isNaN);
  return [figure('drill-rto', bad ? Number.NaN : median(rto)), figure('drill-rpo', bad ? Number.NaN : median(rpo))];
}

async function measure(dir: string, store: BackedStore): Promise<readonly DrillRound[]> {
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
  const rounds: DrillRound[] = [];
  for (let n = 0; n < ROUNDS; n++) {
    for (const step of [2 * n + 1, 2 * n + 2]) {
      const ctx = { ...contextOf(step), environment: OF.environment, cell: OF.cell };
      const outcome = await execute({ kind: 'restore-point', store: 'main' }, ctx, ports as unknown as Ports);
      if (outcome.kind !== 'done') throw new Error(JSON.stringify(outcome));
    }
    const [newer, older] = (await listVault(vault, OF, trust, signal)).points;
    if (newer?.sealed === undefined || older === undefined) throw new Error('two restore points should be there');
    const facts = await drill({
      from: OF,
      of: { form: 'physical', store },
      ...{ vault, trust, identities: [identity], transactions, signal, deadlineMs: 3_600_000 },
      workDir: join(dir, 'drills'),
      now: Date.now,
      say: () => {},
      detail: say,
    });
    rounds.push({ facts, takenAt: older.takenAt, nextSealedAt: newer.sealed.sealedAt });
  }
  return rounds;
}
