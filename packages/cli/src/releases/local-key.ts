import { existsSync } from 'node:fs';
import { loadPrivateKey, type SigningKey, signingKey } from '@headgate/documents';
import { EXIT } from '../exit-codes.ts';
import { Failure, notThere } from '../failure.ts';

/** The signing key in a 0600 PEM file. */
export function localKey(file: string): SigningKey {
  if (!existsSync(file)) throw notThere(`there is no key ${file}`, 'check the path, or make a key');
  const loaded = loadPrivateKey(file);
  if (!loaded.ok) throw new Failure(EXIT.usage, loaded.code, `${file}: ${loaded.why}`, loaded.unblock);
  return signingKey(loaded.privateKeyPem);
}
