/** For tests only, a program: seals one restore point, and says each time that an object has begun. To be killed. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stepContext } from '@headgate/testkit/execution/step-context';
import { FolderStore } from '../../object-store/folder-store.ts';
import { CellVault } from '../cell-vault.ts';
import { VaultConfig } from '../vault-config.ts';
import { vaultKey } from '../vault-key.ts';

const [dir, recipient, id, partBytes] = process.argv.slice(2) as [string, string, string, string];
const restorePointsDir = join(dir, 'restore-points');
const keyFile = join(dir, 'own.pem');
const config = VaultConfig.parse({
  store: { kind: 'folder', dir: join(dir, 'vault') },
  recipients: [recipient],
  keyFile,
});
const manifest = JSON.parse(await readFile(join(restorePointsDir, id, 'manifest.json'), 'utf8'));
const folder = new FolderStore(join(dir, 'vault'));
const store = {
  name: folder.name,
  async put(key: string, content: AsyncIterable<Uint8Array>, signal: AbortSignal) {
    let said = false;
    const slow = async function* () {
      for await (const chunk of content) {
        yield chunk;
        // Asked for the next one: the first is written.
        if (!said) process.stdout.write('begins\n');
        said = true;
        await new Promise((done) => setTimeout(done, 50));
      }
    };
    return folder.put(key, slow(), signal);
  },
  get: folder.get.bind(folder),
  list: folder.list.bind(folder),
  delete: folder.delete.bind(folder),
  sweep: folder.sweep.bind(folder),
  protections: folder.protections.bind(folder),
};
const stores = new Map([['main', { restorePointsDir, tenants: [] }]]);
const vault = new CellVault({ config, store, key: await vaultKey(keyFile), stores, partBytes: Number(partBytes) });
const point = { id, store: 'main', takenAt: manifest.takenAt, manifest: 'sha256:' as const, bytes: 0, verified: true };
const { kind } = await vault.keep(point, stepContext());
process.stdout.write(`${kind}\n`);
