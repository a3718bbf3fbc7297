import type { Client, Release } from '@headgate/contract';
import { type SigningKey, sealRelease } from '@headgate/documents';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { holdsManifest, type ReleaseFolder, readReleaseFolder } from './release-folder.ts';
import { serviceAt, serviceReleaseFolder } from './service-folder.ts';

/** What a folder doesn't say itself where a service stands in it. */
export interface ReleaseFacts {
  readonly version?: string | undefined;
  /** Without any: whoever's token this is. */
  readonly authors?: readonly string[] | undefined;
}

/**
 * Reads, seals, uploads and registers the release in a folder: its release.yaml, or else what its service says. Doing it
 * twice is one release.
 */
export async function createRelease(
  client: Client,
  key: SigningKey,
  dir: string,
  { version, authors }: ReleaseFacts = {},
): Promise<Release> {
  if (!(await holdsManifest(dir)) && (await serviceAt(dir)) !== undefined) {
    const by = authors ?? [(await client.call('whoami')).id];
    const folder = await serviceReleaseFolder(dir, { version, authors: by });
    if (folder !== undefined) return registerFolder(client, key, folder);
  }
  return registerFolder(client, key, await readReleaseFolder(dir));
}

/** The same for a manifest and files that a program made. Nothing is sent before the manifest was checked and signed. */
export async function registerFolder(client: Client, key: SigningKey, folder: ReleaseFolder): Promise<Release> {
  const sealed = sealRelease(folder.manifest, key, Date.now());
  if (!('bundle' in sealed))
    throw new Failure(EXIT.refused, sealed.code, `the release manifest is not valid: ${sealed.why}`, sealed.unblock);
  for (const [digest, body] of folder.files)
    await client.call('putBlob', { digest: digest as `sha256:${string}`, body });
  const bundle = sealed.bundle as unknown as Record<string, unknown>;
  return client.call('registerRelease', { body: { manifest: sealed.bytes.toString('utf8'), bundle } });
}
