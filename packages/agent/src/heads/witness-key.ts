import { join } from 'node:path';
import { readSecret, writeDurably } from '@headgate/adapters/machine/durable-file';
import { generateNoteKey, isNoteKeyName, type NoteSigner, noteSigner } from '@headgate/documents';

/** The agent's own key, with which it co-signs tree heads: made once, Ed25519, 0600; its verifier line beside it. */
export async function witnessKey(dataDir: string, agent: string): Promise<NoteSigner> {
  const path = join(dataDir, 'witness.pem');
  if (!isNoteKeyName(agent)) throw new TypeError(`${agent} can't name a witness key`);
  const kept = await readSecret(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  const pem = kept ?? generateNoteKey(agent, 'witness').privateKeyPem;
  if (kept === undefined) await writeDurably(path, pem, 0o600);
  const signer = noteSigner(agent, 'witness', pem);
  await writeDurably(join(dataDir, 'witness.pub'), `${signer.verifierKey}\n`);
  return signer;
}
