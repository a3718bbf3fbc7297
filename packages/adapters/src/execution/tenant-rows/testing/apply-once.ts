/** For tests only: applies a difference in a process of its own, which may be killed. Arguments: the cluster's folder, its port, the file. */
import { openDifferenceFile } from '@headgate/documents';
import { Cluster } from '../../../postgres-cluster/cluster.ts';
import { passwordFileOf } from '../../../postgres-cluster/database.ts';
import { findPrograms } from '../../../postgres-cluster/programs.ts';
import { applyDifference } from '../apply-difference.ts';

const [dir = '', port = '', file = ''] = process.argv.slice(2);
const cluster = new Cluster({ dir, port: Number(port) }, await findPrograms(15, dir));
const store = { name: 'main', cluster, database: 'app', user: 'app', passwordFile: passwordFileOf(cluster, 'app') };
const outcome = await applyDifference({
  file: await openDifferenceFile(file),
  ...{ store, cell: 'shared', fence: { epoch: 1, n: 1 }, by: 'usr_run', others: [], now: Date.now },
});
process.stdout.write(JSON.stringify(outcome));
