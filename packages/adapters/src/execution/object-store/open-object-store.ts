import type { ObjectStore } from '@headgate/execution';
import { readSecret } from '../../machine/durable-file.ts';
import { FolderStore } from './folder-store.ts';
import type { ObjectStoreConfig, SecretSource } from './object-store-config.ts';

/** Opens a store. Secrets are read now; nobody is asked anything yet. */
export async function openObjectStore(config: ObjectStoreConfig): Promise<ObjectStore> {
  if (config.kind === 'folder') return new FolderStore(config.dir);
  // Loaded where it is used: it is large, and most agents have no need of it.
  const { S3Store } = await import('./s3-store.ts');
  return new S3Store(config, {
    accessKeyId: await secretOf(config.accessKeyId),
    secretAccessKey: await secretOf(config.secretAccessKey),
  });
}

/** Reads a secret. Errors name the place and never the secret. */
export async function secretOf(source: SecretSource): Promise<string> {
  const text = 'file' in source ? await readSecret(source.file) : process.env[source.variable];
  if (text === undefined || text.trim() === '') {
    const where = 'file' in source ? source.file : `the environment variable ${source.variable}`;
    throw new Error(`${where} is not set; the object store's secret belongs there`);
  }
  return text.trim();
}
