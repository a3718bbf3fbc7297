import { readIfThere, readSecret, writeDurably } from '@headgate/adapters/machine/index';
import type { ControlStore } from '@headgate/control';
import { generateNoteKey, type NoteSigner, noteSigner } from '@headgate/documents';
import type { Folder } from './folder.ts';

/** What an installation is known by: made once with its database, and the first entry on its log. */
export interface Installation {
  readonly id: string;
  /** The log's origin line, and the name of its key. */
  readonly origin: string;
  /** Verifier key line of the key that signs tree heads. */
  readonly logKey: string;
}

const STREAM = 'installation/this';

export interface OpenedInstallation {
  readonly installation: Installation;
  /** Absent when this server's folder doesn't hold the log's key: another server signs. */
  readonly signer: NoteSigner | undefined;
}

/**
 * Takes up the installation that the database belongs to, or founds it: an id, and the key that signs the log's tree
 * heads, in this server's folder. A further server on the same database gets the key when a person copies the file.
 */
export async function openInstallation(
  store: ControlStore,
  folder: Folder,
  newId: (prefix: string) => string,
): Promise<OpenedInstallation> {
  for (;;) {
    const row = (await store.load([STREAM])).get(STREAM);
    if (row !== undefined) {
      const installation = row.state as Installation;
      await writeDurably(folder.logVerifier, `${installation.logKey}\n`);
      return { installation, signer: await heldSigner(folder, installation) };
    }
    const id = newId('ins');
    const origin = `headgate/${id}`;
    // The key is on the disk before the log knows it, and one that is there is never replaced.
    if ((await readIfThere(folder.logKey)) === undefined)
      await writeDurably(folder.logKey, generateNoteKey(origin, 'tree-head').privateKeyPem, 0o600);
    const { verifierKey: logKey } = noteSigner(origin, 'tree-head', await readSecret(folder.logKey));
    const installation: Installation = { id, origin, logKey };
    const entry = { type: 'installation.founded', data: installation };
    await store.commit({
      by: 'sys',
      writes: [{ stream: STREAM, expected: 0, entries: [entry], state: installation, dueAt: null }],
    });
  }
}

async function heldSigner(folder: Folder, installation: Installation): Promise<NoteSigner | undefined> {
  if ((await readIfThere(folder.logKey)) === undefined) return undefined;
  const signer = noteSigner(installation.origin, 'tree-head', await readSecret(folder.logKey));
  return signer.verifierKey === installation.logKey ? signer : undefined;
}
