/** Reads sealed parts back from a vault: sizes, digests, decryption, and every single file. */
import { digestOf, type SealedPart } from '@headgate/documents';
import type { Digest } from '@headgate/domain';
import { type Answer, denied, granted, type ObjectStore } from '@headgate/execution';
import { decrypt, Undecipherable } from './age-stream.ts';
import { checkPart, missing, spoiled } from './check-parts.ts';
import { measured, readBounded } from './measured.ts';
import { type ContentFile, filesOfKind, type PartKind } from './point-contents.ts';
import { AnotherFile, UnsealedFiles } from './unsealed-files.ts';
import { partIn, type SealedPlace } from './vault-keys.ts';

export interface PartsUnsealing {
  readonly store: ObjectStore;
  readonly place: SealedPlace;
  /** As the signed manifest says. */
  readonly sealed: {
    readonly contents: SealedPart;
    readonly parts: readonly SealedPart[];
    /** How many files. */
    readonly files: number;
  };
  /** Of the own manifest. */
  readonly manifest: Digest;
  readonly signal: AbortSignal;
}

/** What an own manifest says, read by whoever knows its form; or what is wrong with it, in words. */
export type ReadContents<C> = (value: unknown) => C | string;

/** Looks whether every part is there and of its size, without reading any: what is plainly wrong is said at once. */
export async function allPartsThere({ store, place, sealed, signal }: PartsUnsealing): Promise<Answer<void>> {
  const sizes = new Map<string, number>();
  for await (const { key, size } of store.list(place.prefix, signal)) sizes.set(key, size);
  const wrong = wrongPart(store, place, sealed, sizes);
  return wrong === undefined ? granted(undefined) : denied('check-failed', wrong);
}

/** The first part that a listing lacks, or has in another size, in words; `undefined`: none. `sizes`: in bytes, by key. */
export function wrongPart(
  store: ObjectStore,
  place: SealedPlace,
  sealed: Pick<PartsUnsealing['sealed'], 'contents' | 'parts'>,
  sizes: ReadonlyMap<string, number>,
): string | undefined {
  for (const part of [sealed.contents, ...sealed.parts]) {
    const size = sizes.get(partIn(place, part.name));
    if (size === undefined) return missing(place, part, store);
    if (size !== part.size) return spoiled(place, part, size);
  }
  return undefined;
}

/** Reads every part back and compares it as it lies there. Needs nobody's secret. */
export async function checkAllParts(unsealing: PartsUnsealing): Promise<Answer<void>> {
  const { store, place, sealed, signal } = unsealing;
  const there = await allPartsThere(unsealing);
  if (!there.ok) return there;
  for (const part of [sealed.contents, ...sealed.parts]) {
    const wrong = await checkPart(store, place, part, signal);
    if (wrong !== undefined) return denied('check-failed', wrong);
  }
  return granted(undefined);
}

/** The own manifest alone, decrypted and compared: that the identity opens it, and what it promises. */
export async function unsealContents<C>(
  unsealing: PartsUnsealing,
  identities: readonly string[],
  read: ReadContents<C>,
): Promise<Answer<{ readonly text: string; readonly contents: C }>> {
  const { place, manifest } = unsealing;
  const text = await readOwnManifest(unsealing, identities);
  if (!text.ok) return text;
  const bad = (why: string) => denied('check-failed', `the part contents of ${place.id}: ${why}`);
  if (digestOf(text.value) !== manifest) return bad("it isn't the manifest that was sealed");
  const contents = read(parsed(text.value));
  return typeof contents === 'string' ? bad(contents) : granted({ text: text.value, contents });
}

/**
 * Decrypts all parts, and compares each with the signed manifest and every file with the own one. With `dir` the files are
 * written there; whoever calls removes that when the answer is no. Returns the own manifest, as text and as it was read.
 */
export async function unsealParts<C extends { readonly files: readonly ContentFile[] }>(
  unsealing: PartsUnsealing,
  identities: readonly string[],
  dir: string | undefined,
  read: ReadContents<C>,
): Promise<Answer<{ readonly text: string; readonly contents: C }>> {
  const { place, sealed } = unsealing;
  const there = await allPartsThere(unsealing);
  if (!there.ok) return there;
  const own = await unsealContents(unsealing, identities, read);
  if (!own.ok) return own;
  const { contents } = own.value;
  for (const kind of ['database', 'files'] as const) {
    const files = await readFiles(unsealing, identities, contents, kind, dir);
    if (!files.ok) return files;
  }
  return sealed.files === contents.files.length
    ? own
    : denied('check-failed', `the part contents of ${place.id}: it names ${contents.files.length} files`);
}

async function readOwnManifest(
  { store, place, sealed: { contents: part }, signal }: PartsUnsealing,
  identities: readonly string[],
): Promise<Answer<string>> {
  const found = await store.get(partIn(place, part.name), signal);
  if (found === undefined) return denied('check-failed', missing(place, part, store));
  const bytes = measured(found, part.size);
  const plain = await reading(place, part, () => readBounded(decrypt(bytes.through, identities), part.plainSize));
  if (!plain.ok) return plain;
  const read = bytes.result();
  if (plain.value === undefined || read.size !== part.size || read.sha256 !== part.sha256)
    return denied('check-failed', spoiled(place, part, read.size));
  return granted(plain.value.toString('utf8'));
}

async function readFiles(
  { store, place, sealed, signal }: PartsUnsealing,
  identities: readonly string[],
  contents: { readonly files: readonly ContentFile[] },
  kind: PartKind,
  dir: string | undefined,
): Promise<Answer<void>> {
  const files = new UnsealedFiles(filesOfKind(contents, kind), dir);
  const parts = sealed.parts.filter((part) => part.kind === kind);
  try {
    for (const part of parts) {
      const found = await store.get(partIn(place, part.name), signal);
      if (found === undefined) return denied('check-failed', missing(place, part, store));
      const bytes = measured(found, part.size);
      const read = await reading(place, part, async () => {
        for await (const chunk of decrypt(bytes.through, identities)) await files.write(chunk);
      });
      if (!read.ok) return read;
      const { size, sha256 } = bytes.result();
      if (size !== part.size || sha256 !== part.sha256) return denied('check-failed', spoiled(place, part, size));
    }
    const last = parts.at(-1) ?? sealed.contents;
    return await reading(place, last, () => files.end());
  } finally {
    await files.close();
  }
}

/** What a part's content says about itself as an answer; everything else is broken infrastructure. */
async function reading<T>({ id }: SealedPlace, part: SealedPart, work: () => Promise<T>): Promise<Answer<T>> {
  try {
    return granted(await work());
  } catch (error) {
    const which = `the part ${part.name} of ${id}`;
    if (error instanceof Undecipherable) return denied('check-failed', `${which} can't be decrypted: ${error.message}`);
    if (error instanceof AnotherFile) return denied('check-failed', `${which}: ${error.message}`);
    throw error;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
