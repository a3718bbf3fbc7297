/** For tests only: a process that makes a throw-away database and a throw-away cluster, says so, and waits to be killed. */
import { argv, stdout } from 'node:process';
import { findPrograms } from '../../../postgres-cluster/programs.ts';
import { ExternalServer } from '../../external-store/external-store.ts';
import { throwAwayCluster } from '../throw-away-cluster.ts';
import { throwAwayDatabase } from '../throw-away-database.ts';

const [, , adminUrlFile = '', root = ''] = argv;
const like = { encoding: 'UTF8', collate: 'C', ctype: 'C', settings: [] };
const { database } = await throwAwayDatabase(new ExternalServer({ file: adminUrlFile }), 'shop', { like });
const { dir } = await throwAwayCluster(root, await findPrograms(15, root));
stdout.write(`${JSON.stringify({ database, dir })}\n`);
setInterval(() => {}, 60_000);
