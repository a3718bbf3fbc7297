/** For tests only: an agent's part in one migration, in a process of its own that can be killed. Its input is one JSON file. */
import { readFileSync } from 'node:fs';
import type { MigrationRef } from '@headgate/domain';
import { stepContext } from '@headgate/testkit/execution/step-context';
import { Cluster } from '../../../postgres-cluster/cluster.ts';
import type { ClusterConfig } from '../../../postgres-cluster/cluster-config.ts';
import { findPrograms } from '../../../postgres-cluster/programs.ts';
import { CommandMigrations } from '../command-config.ts';
import { CommandMigrator } from '../command-migrator.ts';

export interface OneMigration {
  readonly dir: string;
  readonly cluster: ClusterConfig;
  readonly passwordFile: string;
  readonly migrations: unknown;
  readonly migration: MigrationRef;
  readonly text: string;
  readonly n: number;
}

const one = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as OneMigration;
const programs = await findPrograms(15, one.dir);
const store = {
  name: 'main',
  cluster: new Cluster(one.cluster, programs),
  database: 'app',
  user: 'app',
  passwordFile: one.passwordFile,
  migrations: CommandMigrations.parse(one.migrations),
};
const migrator = new CommandMigrator(new Map([['main', store]]), {
  dir: `${one.dir}/commands`,
  user: programs.user,
  node: '',
});
console.log('begins');
const answer = await migrator.up('main', one.migration, one.text, stepContext({ fence: { epoch: 7, n: one.n } }));
console.log(JSON.stringify(answer));
