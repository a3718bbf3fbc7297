import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '@headgate/adapters/machine/index';

/** What stands where in a server's data folder. */
export interface Folder {
  readonly root: string;
  /** 0700: tokens and keys, each 0600. */
  readonly secrets: string;
  readonly logKey: string;
  /** The log's verifier key line, for trust files: no secret. */
  readonly logVerifier: string;
  /** Where the running server listens: what the command line finds. */
  readonly address: string;
  token(role: string): string;
}

/** Makes the data folder (traversable, because clusters below it may run as another user) and its folder of secrets. */
export async function openFolder(root: string): Promise<Folder> {
  const secrets = join(root, 'secrets');
  await makeFolder(root, 0o755);
  await mkdir(secrets, { recursive: true, mode: 0o700 });
  await chmod(secrets, 0o700);
  return {
    root,
    secrets,
    logKey: join(secrets, 'log.key'),
    logVerifier: join(root, 'log.pub'),
    address: join(root, 'server.json'),
    token: (role) => join(secrets, `${role}.token`),
  };
}
