import {
  digestOf,
  MAX_BUNDLE_BYTES,
  openSealedPoint,
  type PointIdentity,
  type SealedPart,
  type SealedPoint,
  type SigningKey,
  signSealedPoint,
  type Trust,
} from '@headgate/documents';
import type { Digest } from '@headgate/domain';
import { type Answer, denied, granted, type ObjectStore } from '@headgate/execution';
import { encrypt } from './age-stream.ts';
import { checkPart } from './check-parts.ts';
import { measured, readBounded } from './measured.ts';
import { ChangedFile, PlainContent } from './plain-content.ts';
import { filesOfKind, type PartKind, PointContents, partsOf } from './point-contents.ts';
import { partKey, pointPrefix, SEALED } from './vault-keys.ts';

export interface Sealing {
  readonly store: ObjectStore;
  /** Folder of the restore point. */
  readonly dir: string;
  /** Its own manifest as it stands there. */
  readonly manifest: string;
  readonly identity: PointIdentity;
  /** What the manifest in the vault says beside what is found here. */
  readonly facts: Pick<SealedPoint, 'application' | 'tenants' | 'epoch' | 'takenFor' | 'database'>;
  readonly recipients: readonly string[];
  readonly key: SigningKey;
  /** Whose manifests are known again: of an earlier try. */
  readonly trust: Pick<Trust, 'signers'>;
  /** Size of the parts before encryption. */
  readonly partBytes: number;
  readonly now: () => number;
  readonly signal: AbortSignal;
}

/**
 * Copies a restore point into a vault. The order is what makes it safe to be killed anywhere: every part is written and read
 * back first, and the manifest, by which alone it exists, comes last.
 */
export async function sealPoint(sealing: Sealing): Promise<Answer<SealedPoint>> {
  const { store, identity, signal } = sealing;
  const manifest = digestOf(sealing.manifest);
  const before = await sealedBefore(sealing, manifest);
  if (before !== undefined) return before;
  // Of a try that was cut short: encrypted by keys that nobody knows any more.
  for await (const { key } of store.list(pointPrefix(identity), signal)) await store.delete(key, signal);

  const contents = PointContents.parse(JSON.parse(sealing.manifest));
  const text = Buffer.from(sealing.manifest);
  const written: SealedPart[] = [];
  const writer = new PartWriter(sealing, written);
  const wrong =
    (await writer.write('contents', 'contents', text.length, once(text))) ??
    (await writeContent(sealing, contents, 'database', writer)) ??
    (await writeContent(sealing, contents, 'files', writer)) ??
    (await writer.end());
  if (wrong !== undefined) return denied('check-failed', wrong);
  const [first, ...parts] = written as [SealedPart, ...SealedPart[]];
  const sealed: SealedPoint = {
    v: 1,
    ...identity,
    ...sealing.facts,
    tenants: [...sealing.facts.tenants],
    takenAt: contents.takenAt,
    sealedAt: sealing.now(),
    schemaVersion: contents.schemaVersion,
    files: contents.files.length,
    bytes: contents.files.reduce((sum, file) => sum + file.size, 0),
    recipients: [...sealing.recipients],
    contents: first,
    parts,
  };
  const bundle = Buffer.from(`${JSON.stringify(signSealedPoint(sealed, manifest, sealing.key))}\n`);
  if (bundle.length > MAX_BUNDLE_BYTES)
    return denied(
      'rejected',
      `the manifest of ${identity.id} would have ${bundle.length} bytes; ${MAX_BUNDLE_BYTES} are read`,
    );
  const key = `${pointPrefix(identity)}${SEALED}`;
  await store.put(key, once(bundle), signal);
  const back = await store.get(key, signal);
  const same = back !== undefined && (await readBounded(back, bundle.length))?.equals(bundle);
  if (same !== true) {
    await store.delete(key, signal);
    return denied('check-failed', `${SEALED} of ${identity.id} isn't in ${store.name} as it was written`);
  }
  return granted(sealed);
}

/** What an earlier try sealed, read back once more; `undefined`: it is to be written. */
async function sealedBefore(sealing: Sealing, manifest: Digest): Promise<Answer<SealedPoint> | undefined> {
  const { store, identity, trust, signal } = sealing;
  const found = await store.get(`${pointPrefix(identity)}${SEALED}`, signal);
  if (found === undefined) return undefined;
  const bundle = await readBounded(found, MAX_BUNDLE_BYTES);
  const opened = openSealedPoint(bundle, trust, identity);
  if (!opened.ok) return denied('check-failed', `${SEALED} of ${identity.id} in ${store.name}: ${opened.why}`);
  if (opened.manifest !== manifest)
    return denied('check-failed', `${store.name} has another restore point of the name ${identity.id}`);
  for (const part of [opened.sealed.contents, ...opened.sealed.parts]) {
    const wrong = await checkPart(store, identity, part, signal);
    if (wrong !== undefined) return denied('check-failed', wrong);
  }
  return granted(opened.sealed);
}

/** Writes what the files of one kind hold. What is wrong, if something is. */
async function writeContent(
  sealing: Sealing,
  contents: PointContents,
  kind: PartKind,
  writer: PartWriter,
): Promise<string | undefined> {
  const content = new PlainContent(sealing.dir, filesOfKind(contents, kind));
  try {
    for (const { name, size, ...part } of partsOf(contents, sealing.partBytes)) {
      if (part.kind !== kind) continue;
      const wrong = await writer.write(name, kind, size, content.take(size));
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  } catch (error) {
    if (error instanceof ChangedFile) return `${error.message} (restore point ${sealing.identity.id})`;
    throw error;
  } finally {
    await content.close();
  }
}

/** Encrypts parts into the store, one after the other; each is read back while the next is written. */
class PartWriter {
  private readonly sealing: Sealing;
  private readonly written: SealedPart[];
  private reading: Promise<string | undefined> = Promise.resolve(undefined);

  constructor(sealing: Sealing, written: SealedPart[]) {
    this.sealing = sealing;
    this.written = written;
  }

  /** What is wrong with the one before, if something is. */
  async write(
    name: string,
    kind: SealedPart['kind'],
    plainSize: number,
    plain: AsyncIterable<Uint8Array>,
  ): Promise<string | undefined> {
    const { store, identity, recipients, signal } = this.sealing;
    const cipher = measured(encrypt(plain, recipients));
    await store.put(partKey(identity, name), cipher.through, signal);
    const part: SealedPart = { name, kind, ...cipher.result(), plainSize };
    this.written.push(part);
    const wrong = await this.end();
    this.reading = checkPart(store, identity, part, signal);
    this.reading.catch(() => {}); // awaited with the next, or at the end
    return wrong;
  }

  /** Waits for the last one to be read back. */
  end(): Promise<string | undefined> {
    return this.reading;
  }
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}
