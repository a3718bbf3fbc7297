/** For tests only: one migration by SQL, in a process of its own that can be killed. */
import { readFile } from 'node:fs/promises';
import type { MigrationRef } from '@headgate/domain';
import type { MigrationBack } from '@headgate/execution';
import { stepContext } from '@headgate/testkit/execution/step-context';
import { Cluster } from '../../../postgres-cluster/cluster.ts';
import type { ClusterConfig } from '../../../postgres-cluster/cluster-config.ts';
import { findPrograms } from '../../../postgres-cluster/programs.ts';
import { SqlMigrator } from '../sql-migrator.ts';

export interface OneSqlMigration {
  readonly dir: string;
  readonly cluster: ClusterConfig;
  readonly passwordFile: string;
  readonly migration: MigrationRef | MigrationBack;
  readonly text: string;
  readonly n: number;
}

if (import.meta.main) {
  const one = JSON.parse(await readFile(process.argv[2] ?? '', 'utf8')) as OneSqlMigration;
  const { dir, passwordFile, migration, text, n } = one;
  const cluster = new Cluster(one.cluster, await findPrograms(15, dir));
  const store = { name: 'main', cluster, database: 'app', user: 'app', passwordFile };
  const migrator = new SqlMigrator(new Map([['main', store]]));
  process.stdout.write('begun\n');
  const ctx = stepContext({ fence: { epoch: 1, n } });
  const answer =
    'up' in migration
      ? await migrator.down('main', migration, text, ctx)
      : await migrator.up('main', migration, text, ctx);
  process.stdout.write(`${JSON.stringify(answer)}\n`);
  process.exit(0);
}
