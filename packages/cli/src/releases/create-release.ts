import type { Client, Release } from '@headgate/contract';
import { type SigningKey, sealRelease } from '@headgate/documents';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { instant } from '../output.ts';
import { holdsManifest, type ReleaseFolder, readReleaseFolder } from './release-folder.ts';
import { serviceAt, serviceReleaseFolder } from './service-folder.ts';

/** What a folder doesn't say itself where a service stands in it. */
export interface ReleaseFacts {
  readonly version?: string | undefined;
  /** Without any: whoever's token this is. */
  readonly authors?: readonly string[] | undefined;
  /** Hears of another release that is called the same, before anything is sent; what it throws is the end of it. */
  readonly calledTheSame?: (earlier: Release) => void;
  /** Hears what nobody asks about the release. */
  readonly warned?: (words: string) => void;
}

/** Releases of an application that are looked through for one of the same version: the newest. */
const MOST_PAGES = 50;

/**
 * Reads, seals, uploads and registers the release in a folder: its release.yaml, or else what its service says. Doing it
 * twice is one release.
 */
export async function createRelease(
  client: Client,
  key: SigningKey,
  dir: string,
  { version, authors, calledTheSame, warned }: ReleaseFacts = {},
): Promise<Release> {
  if (!(await holdsManifest(dir)) && (await serviceAt(dir)) !== undefined) {
    const by = authors ?? [(await client.call('whoami')).id];
    const folder = await serviceReleaseFolder(dir, { version, authors: by });
    if (folder !== undefined) {
      for (const words of folder.warnings ?? []) warned?.(words);
      return registerFolder(client, key, folder, calledTheSame);
    }
  }
  return registerFolder(client, key, await readReleaseFolder(dir), calledTheSame);
}

/** The same for a manifest and files that a program made. Nothing is sent before the manifest was checked and signed. */
export async function registerFolder(
  client: Client,
  key: SigningKey,
  folder: ReleaseFolder,
  calledTheSame?: ReleaseFacts['calledTheSame'],
): Promise<Release> {
  const sealed = sealRelease(folder.manifest, key, Date.now());
  if (!('bundle' in sealed))
    throw new Failure(EXIT.refused, sealed.code, `the release manifest is not valid: ${sealed.why}`, sealed.unblock);
  if (calledTheSame !== undefined) {
    // Checked by now: sealing reads no other form.
    const { application, version } = folder.manifest as { readonly application: string; readonly version: string };
    const earlier = await otherOfVersion(client, application, version, sealed.digest);
    if (earlier !== undefined) calledTheSame(earlier);
  }
  for (const [digest, body] of folder.files)
    await client.call('putBlob', { digest: digest as `sha256:${string}`, body });
  const bundle = sealed.bundle as unknown as Record<string, unknown>;
  return client.call('registerRelease', { body: { manifest: sealed.bytes.toString('utf8'), bundle } });
}

/** The newest release of an application that has the version and is another one. */
async function otherOfVersion(
  client: Client,
  application: string,
  version: string,
  digest: string,
): Promise<Release | undefined> {
  let cursor: string | null = null;
  for (let page = 0; page < MOST_PAGES; page++) {
    const answer: { items: Release[]; next: string | null } = await client.call('listReleases', {
      application,
      limit: 200,
      ...(cursor === null ? {} : { cursor }),
    });
    const found = answer.items.find(({ ref }) => ref.version === version && ref.digest !== digest);
    if (found !== undefined) return found;
    cursor = answer.next;
    if (cursor === null) return undefined;
  }
  return undefined;
}

/** That two releases are called the same, for people. */
export function calledTheSameText({ application, ref, registeredAt, registeredBy }: Release): string {
  return `${application} ${ref.version} is there already and is another one: ${ref.digest}, registered at ${instant(registeredAt)} by ${registeredBy}`;
}
