import { chmod, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { FolderFormat } from '@headgate/adapters/machine/data-format';

/** What a server's data folder went through. The database has migrations of its own. */
export const SERVER_FORMAT: FolderFormat = {
  name: 'the server’s data folder',
  sign: 'log.pub',
  steps: [
    {
      what: 'what is in its folder of secrets is its owner’s alone to read, whatever it was restored as',
      async migrate(root) {
        const folder = join(root, 'secrets');
        for (const entry of await readdir(folder, { withFileTypes: true }))
          if (entry.isFile()) await chmod(join(folder, entry.name), 0o600);
      },
    },
  ],
};
