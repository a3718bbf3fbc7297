/** For tests only, a program: drills, and stays at its business transactions until it is killed. */
import { join } from 'node:path';
import { Cluster } from '../../../postgres-cluster/cluster.ts';
import { findPrograms } from '../../../postgres-cluster/programs.ts';
import { FolderStore } from '../../object-store/folder-store.ts';
import { ownSigners } from '../../vault/vault-key.ts';
import { drill } from '../drill.ts';

const { dir, from, identities, workDir, vaultDir, port } = JSON.parse(process.argv[2]!);
const cluster = new Cluster({ dir: join(dir, 'cluster'), port }, await findPrograms(15, dir));
const store = {
  ...{ name: 'main', cluster, database: 'app', user: 'app', passwordFile: '', files: [], keep: 1 },
  ...{ archiveDir: join(dir, 'archive'), restorePointsDir: join(dir, 'restore-points') },
};
const facts = await drill({
  from,
  of: { form: 'physical', store },
  vault: new FolderStore(vaultDir),
  trust: { signers: [...(await ownSigners(join(dir, 'vault-key.pem')))] },
  identities,
  transactions: {
    command: [process.execPath, '-e', `require('node:fs').writeSync(2, 'x'); setTimeout(() => {}, 600000)`],
    timeoutMs: 600_000,
  },
  workDir,
  deadlineMs: 60_000,
  signal: new AbortController().signal,
  now: Date.now,
  say: (line) => void process.stdout.write(`${line.includes('transactions') ? 'transactions' : line}\n`),
});
throw new Error(`it came to its end: ${facts.ended}`);
