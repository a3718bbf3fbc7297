/** Writes what a folder holds into a vault: encrypted parts that are each read back, and the signed manifest last. */
import { MAX_BUNDLE_BYTES, type SealedPart, type SignedBundle } from '@headgate/documents';
import { type Answer, denied, granted, type ObjectStore } from '@headgate/execution';
import { ahead } from '../../machine/ahead.ts';
import { type Hashing, HashThread } from '../../machine/thread-hash.ts';
import { encrypt } from './age-stream.ts';
import { checkPart } from './check-parts.ts';
import { hashingHere, measured, readBounded } from './measured.ts';
import { ChangedFile, PlainContent } from './plain-content.ts';
import { type ContentFile, filesOfKind, type PartKind, partsOf } from './point-contents.ts';
import { partIn, SEALED, type SealedPlace } from './vault-keys.ts';

/** From so much on it is hashed by a thread: less is done before one has begun. Bytes. */
const APART = 32 * 1024 * 1024;

export interface PartsSealing {
  readonly store: ObjectStore;
  readonly place: SealedPlace;
  /** Folder of what is sealed. */
  readonly dir: string;
  /** Its own manifest, and the files that this one names. */
  readonly manifest: string;
  readonly files: readonly ContentFile[];
  readonly recipients: readonly string[];
  /** Size of the parts before encryption. */
  readonly partBytes: number;
  readonly signal: AbortSignal;
}

export interface SealedParts {
  readonly contents: SealedPart;
  readonly parts: SealedPart[];
}

/** Writes the parts, the own manifest first; each is there as it was written, or the answer is no. */
export async function sealParts(sealing: PartsSealing): Promise<Answer<SealedParts>> {
  const { store, place, signal } = sealing;
  // Of a try that was cut short: encrypted by keys that nobody knows any more.
  for await (const { key } of store.list(place.prefix, signal)) await store.delete(key, signal);
  const text = Buffer.from(sealing.manifest);
  const written: SealedPart[] = [];
  const bytes = sealing.files.reduce((sum, { size }) => sum + size, 0);
  const thread = bytes < APART ? undefined : new HashThread();
  const hashing = (): Hashing => thread?.begin() ?? hashingHere();
  try {
    const writer = new PartWriter(sealing, hashing, written);
    const wrong =
      (await writer.write('contents', 'contents', text.length, once(text))) ??
      (await writeContent(sealing, hashing, 'database', writer)) ??
      (await writeContent(sealing, hashing, 'files', writer)) ??
      (await writer.end());
    if (wrong !== undefined) return denied('check-failed', wrong);
  } finally {
    await thread?.close();
  }
  const [contents, ...parts] = written as [SealedPart, ...SealedPart[]];
  return granted({ contents, parts });
}

/** Writes the signed manifest, by which alone the parts are something, and reads it back. */
export async function sealManifest(
  store: ObjectStore,
  { id, prefix }: SealedPlace,
  signed: SignedBundle,
  signal: AbortSignal,
): Promise<Answer<void>> {
  const bundle = Buffer.from(`${JSON.stringify(signed)}\n`);
  if (bundle.length > MAX_BUNDLE_BYTES)
    return denied('rejected', `the manifest of ${id} would have ${bundle.length} bytes; ${MAX_BUNDLE_BYTES} are read`);
  const key = `${prefix}${SEALED}`;
  await store.put(key, once(bundle), signal);
  const back = await store.get(key, signal);
  const same = back !== undefined && (await readBounded(back, bundle.length))?.equals(bundle);
  if (same === true) return granted(undefined);
  await store.delete(key, signal);
  return denied('check-failed', `${SEALED} of ${id} isn't in ${store.name} as it was written`);
}

/** Writes what the files of one kind hold. What is wrong, if something is. */
async function writeContent(
  sealing: PartsSealing,
  hashing: () => Hashing,
  kind: PartKind,
  writer: PartWriter,
): Promise<string | undefined> {
  const content = new PlainContent(sealing.dir, filesOfKind(sealing, kind), hashing);
  try {
    for (const { name, size, ...part } of partsOf(sealing, sealing.partBytes)) {
      if (part.kind !== kind) continue;
      const wrong = await writer.write(name, kind, size, content.take(size));
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  } catch (error) {
    if (error instanceof ChangedFile) return `${error.message} (${sealing.place.id})`;
    throw error;
  } finally {
    await content.close();
  }
}

/** Encrypts parts into the store, one after the other; each is read back while the next is written. */
class PartWriter {
  private readonly sealing: PartsSealing;
  private readonly hashing: () => Hashing;
  private readonly written: SealedPart[];
  private reading: Promise<string | undefined> = Promise.resolve(undefined);

  constructor(sealing: PartsSealing, hashing: () => Hashing, written: SealedPart[]) {
    this.sealing = sealing;
    this.hashing = hashing;
    this.written = written;
  }

  /** What is wrong with the one before, if something is. */
  async write(
    name: string,
    kind: SealedPart['kind'],
    plainSize: number,
    plain: AsyncIterable<Uint8Array>,
  ): Promise<string | undefined> {
    const { store, place, recipients, signal } = this.sealing;
    const cipher = measured(encrypt(ahead(plain), recipients));
    await store.put(partIn(place, name), cipher.through, signal);
    const part: SealedPart = { name, kind, ...cipher.result(), plainSize };
    this.written.push(part);
    const wrong = await this.end();
    this.reading = checkPart(store, place, part, signal, this.hashing());
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
