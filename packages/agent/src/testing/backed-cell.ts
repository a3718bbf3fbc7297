/** For tests only: a cell whose store has pgBackRest, with the files of its agent. Nothing of it runs until it is opened. */
import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CellConfig, parseCellConfig } from '@headgate/adapters/execution/cell-config';
import { physicalStore } from '@headgate/adapters/execution/restore-points/physical-store';
import { endRunning } from '@headgate/adapters/execution/running-cell';
import { freePorts } from '@headgate/adapters/machine/free-port';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { findPrograms, type Programs } from '@headgate/adapters/postgres-cluster/programs';
import type { CellOfVault } from '../vault-cells.ts';
import { sealedPlan } from './sealed-plan.ts';
import { typed } from './typed.ts';

export interface BackedCell {
  readonly dir: string;
  readonly programs: Programs;
  readonly config: CellConfig & CellOfVault;
  readonly repositoryDir: string;
  readonly passphraseFile: string;
  readonly agentFile: string;
  readonly workDir: string;
  /** A command, as a person types it: with the agent's file, and of the store. No passphrase may show. */
  asked(command: (args: readonly string[]) => Promise<number>, ...args: string[]): ReturnType<typeof typed>;
  query(sql: string): Promise<Record<string, unknown>[]>;
  /** Writes the cell's file anew. */
  configure(cell: object): Promise<void>;
  remove(): Promise<void>;
}

/** `vault`: more of the cell's vault. `repository`: in place of a folder. `own`: more of pgBackRest's configuration. */
export async function backedCell(more: {
  readonly vault?: object;
  readonly repository?: object;
  readonly own?: object;
}): Promise<BackedCell> {
  const dir = await mkdtemp(join(tmpdir(), 'headgate-backed-'));
  await chmod(dir, 0o755);
  const programs = await findPrograms(15, dir);
  const at = (...path: string[]): string => join(dir, ...path);
  for (const each of ['repository', 'vault', 'cell', 'work']) await mkdir(at(each), { mode: 0o755 });
  if (programs.user) await chown(at('repository'), programs.user.uid, programs.user.gid);
  await writeFile(at('passphrase'), 'correct horse battery staple\n', { mode: 0o600 });
  const [blue, green, port, listenPort, adminPort] = (await freePorts(5)) as [number, number, number, number, number];
  const config = parseCellConfig({
    ...{ cell: 'shared', environment: 'production', application: 'shop', dir: at('cell') },
    slots: { blue: { web: blue }, green: { web: green } },
    stores: {
      main: {
        ...{ clusterDir: at('pg'), port, database: 'app', user: 'app', passwordFile: at('app.password') },
        ...{ archiveDir: at('archive'), restorePointsDir: at('points') },
        pgbackrest: {
          ...{ stanza: 'main', repository: more.repository ?? { kind: 'folder', dir: at('repository') } },
          ...{ passphraseFile: at('passphrase'), ...more.own },
        },
      },
    },
    tenants: { ada: { store: 'main', ring: 'internal' } },
    router: { listenPort, adminPort, tokenFile: at('router.token') },
    vault: {
      store: { kind: 'folder', dir: at('vault') },
      recipients: ['age1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqs3290gq'],
      ...{ keyFile: at('vault-key.pem'), census: true, ...more.vault },
    },
  }) as CellConfig & CellOfVault;
  const configure = (cell: object): Promise<void> => writeFile(at('cell.json'), JSON.stringify(cell));
  await writeFile(at('token'), 'test-token\n', { mode: 0o600 });
  await writeFile(at('trust.yaml'), sealedPlan().trustText);
  await configure(config);
  const agentFile = at('agent.yaml');
  await writeFile(
    agentFile,
    `server: http://127.0.0.1:1
name: agt_test
tokenFile: ${at('token')}
dataDir: ${at('data')}
trustFile: ${at('trust.yaml')}
environments: [{name: production}]
cellFiles: [${at('cell.json')}]
`,
  );
  return {
    ...{ dir, programs, config, repositoryDir: at('repository'), passphraseFile: at('passphrase'), agentFile },
    ...{ workDir: at('work'), configure },
    asked: (command, ...args) => typed(command, ['--config', agentFile, '--store', 'main', ...args], /correct horse/),
    query: async (sql) =>
      withClient(
        await physicalStore(config, 'main', programs).cluster.connection('app'),
        async (client) => (await client.query(sql)).rows,
      ),
    async remove() {
      await endRunning({ ...config, drainMs: 0 }, () => {}).catch(() => {});
      await rm(dir, { recursive: true, force: true });
    },
  };
}
