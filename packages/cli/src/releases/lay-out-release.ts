/** A release's manifest and migrations in a folder of their own, for a program that has no server to ask. */
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Client } from '@headgate/contract';
import { checkManifest, digestOf, type ManifestFact, readManifest } from '@headgate/documents';
import type { Session } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { holdsManifest, readReleaseFolder } from './release-folder.ts';
import { resolveRelease } from './resolve-release.ts';
import { serviceReleaseFolder } from './service-folder.ts';

type Digest = `sha256:${string}`;

export interface LaidOut {
  readonly dir: string;
  readonly digest: Digest;
  remove(): Promise<void>;
}

/**
 * `text`: a folder with a release, or one that is registered. What is fetched is verified by its digest. `whole`: with its
 * components' files, and its application's Verification as far as the server tells it.
 */
export async function layOutRelease(
  text: string,
  session: Pick<Session, 'cwd' | 'client'>,
  whole = false,
): Promise<LaidOut> {
  const path = resolve(session.cwd, text);
  const { manifest, bytes, digest, file } =
    (await stat(path).catch(() => undefined)) === undefined
      ? await registered(session.client, text)
      : await inFolder(path);
  const dir = await mkdtemp(join(tmpdir(), 'headgate-release-'));
  const remove = (): Promise<void> => rm(dir, { recursive: true, force: true });
  try {
    await writeFile(join(dir, 'manifest.json'), bytes);
    await mkdir(join(dir, 'files'));
    for (const { up, down } of manifest.migrations)
      for (const each of down === undefined ? [up] : [up, down])
        await writeFile(join(dir, 'files', each.digest.slice('sha256:'.length)), await file(each.digest));
    if (whole) {
      for (const each of manifest.components.flatMap(({ files }) => files))
        await writeFile(join(dir, 'files', each.digest.slice('sha256:'.length)), await file(each.digest));
      const verification = await verificationOf(session, manifest.application).catch(() => undefined);
      if (verification !== undefined) await writeFile(join(dir, 'verification.json'), JSON.stringify(verification));
    }
    return { dir, digest, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** What the server declares; a folder's release may be of an application that it doesn't know, or of no server at all. */
async function verificationOf({ client }: Pick<Session, 'client'>, application: string): Promise<unknown> {
  const { content } = await client.call('showDocument', { kind: 'Application', name: application });
  const { verification } = (content.spec ?? {}) as { readonly verification?: string };
  if (verification === undefined) return undefined;
  return (await client.call('showDocument', { kind: 'Verification', name: verification })).content;
}

type Source = Omit<ManifestFact, 'ok'> & { file(digest: Digest): Promise<Uint8Array> };

async function registered(client: Client, text: string): Promise<Source> {
  const { ref } = await resolveRelease(client, text);
  const file = async (digest: Digest): Promise<Uint8Array> => {
    const bytes = await client.call('getBlob', { digest });
    if (digestOf(bytes) === digest) return bytes;
    throw new Failure(EXIT.unverified, 'wrong-digest', `the server gave other bytes than ${digest}`);
  };
  const read = readManifest(await file(ref.digest));
  if (!read.ok) throw new Failure(EXIT.unverified, read.code, read.why, read.unblock);
  return { ...read, file };
}

/** A service's folder names no author, and a manifest has to: it is registered nowhere, so nobody is kept from approving by it. */
const NOBODYS = 'usr_nobody';

async function inFolder(path: string): Promise<Source> {
  const folder = (await holdsManifest(path))
    ? undefined
    : await serviceReleaseFolder(path, { version: undefined, authors: [NOBODYS] });
  const { manifest, files } = folder ?? (await readReleaseFolder(path));
  const checked = checkManifest(manifest);
  if (!checked.ok) throw new Failure(EXIT.refused, checked.code, checked.why, checked.unblock);
  return {
    ...checked,
    async file(digest) {
      const bytes = files.get(digest);
      if (bytes === undefined)
        throw new Failure(EXIT.refused, 'manifest-malformed', `no file has the digest ${digest}`);
      return bytes;
    },
  };
}
