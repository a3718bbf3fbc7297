import { digestOf, type PointIdentity, type SealedPart, type SealedPoint } from '@headgate/documents';
import type { Digest } from '@headgate/domain';
import { type Answer, denied, granted, type ObjectStore } from '@headgate/execution';
import { decrypt, Undecipherable } from './age-stream.ts';
import { checkPart, missing, spoiled } from './check-parts.ts';
import { measured, readBounded } from './measured.ts';
import { filesOfKind, type PartKind, PointContents } from './point-contents.ts';
import { AnotherFile, UnsealedFiles } from './unsealed-files.ts';
import { partKey, pointPrefix } from './vault-keys.ts';

export interface Unsealing {
  readonly store: ObjectStore;
  readonly point: PointIdentity;
  /** As its signed manifest says. */
  readonly sealed: SealedPoint;
  readonly manifest: Digest;
  readonly signal: AbortSignal;
}

/** Looks whether every part is there and of its size, without reading any: what is plainly wrong is said at once. */
export async function allThere({ store, point, sealed, signal }: Unsealing): Promise<Answer<void>> {
  const sizes = new Map<string, number>();
  for await (const { key, size } of store.list(pointPrefix(point), signal)) sizes.set(key, size);
  for (const part of [sealed.contents, ...sealed.parts]) {
    const size = sizes.get(partKey(point, part.name));
    if (size === undefined) return denied('check-failed', missing(point, part, store));
    if (size !== part.size) return denied('check-failed', spoiled(point, part, size));
  }
  return granted(undefined);
}

/** Reads every part back and compares it as it lies there. Needs nobody's secret. */
export async function checkParts(unsealing: Unsealing): Promise<Answer<void>> {
  const { store, point, sealed, signal } = unsealing;
  const there = await allThere(unsealing);
  if (!there.ok) return there;
  for (const part of [sealed.contents, ...sealed.parts]) {
    const wrong = await checkPart(store, point, part, signal);
    if (wrong !== undefined) return denied('check-failed', wrong);
  }
  return granted(undefined);
}

/**
 * Decrypts a restore point, and compares every part with the signed manifest and every file with the restore point's own.
 * With `dir` the files are written there; whoever calls removes that when the answer is no. Returns the own manifest's text.
 */
export async function unseal(
  unsealing: Unsealing,
  identities: readonly string[],
  dir: string | undefined,
): Promise<Answer<string>> {
  const { point, sealed, manifest } = unsealing;
  const there = await allThere(unsealing);
  if (!there.ok) return there;
  const text = await readContents(unsealing, identities);
  if (!text.ok) return text;
  const bad = (why: string) => denied('check-failed', `the part contents of ${point.id}: ${why}`);
  if (digestOf(text.value) !== manifest) return bad("it isn't the manifest that was sealed");
  const contents = PointContents.safeParse(parsed(text.value));
  if (!contents.success) return bad('it is a manifest of another form');
  if (contents.data.id !== point.id || contents.data.store !== point.store)
    return bad(`it is of ${contents.data.id} of the store ${contents.data.store}`);
  for (const kind of ['database', 'files'] as const) {
    const files = await readFiles(unsealing, identities, contents.data, kind, dir);
    if (!files.ok) return files;
  }
  return sealed.files === contents.data.files.length ? text : bad(`it names ${contents.data.files.length} files`);
}

async function readContents(
  { store, point, sealed: { contents: part }, signal }: Unsealing,
  identities: readonly string[],
): Promise<Answer<string>> {
  const found = await store.get(partKey(point, part.name), signal);
  if (found === undefined) return denied('check-failed', missing(point, part, store));
  const bytes = measured(found, part.size);
  const plain = await reading(point, part, () => readBounded(decrypt(bytes.through, identities), part.plainSize));
  if (!plain.ok) return plain;
  const read = bytes.result();
  if (plain.value === undefined || read.size !== part.size || read.sha256 !== part.sha256)
    return denied('check-failed', spoiled(point, part, read.size));
  return granted(plain.value.toString('utf8'));
}

async function readFiles(
  { store, point, sealed, signal }: Unsealing,
  identities: readonly string[],
  contents: PointContents,
  kind: PartKind,
  dir: string | undefined,
): Promise<Answer<void>> {
  const files = new UnsealedFiles(filesOfKind(contents, kind), dir);
  const parts = sealed.parts.filter((part) => part.kind === kind);
  try {
    for (const part of parts) {
      const found = await store.get(partKey(point, part.name), signal);
      if (found === undefined) return denied('check-failed', missing(point, part, store));
      const bytes = measured(found, part.size);
      const read = await reading(point, part, async () => {
        for await (const chunk of decrypt(bytes.through, identities)) await files.write(chunk);
      });
      if (!read.ok) return read;
      const { size, sha256 } = bytes.result();
      if (size !== part.size || sha256 !== part.sha256) return denied('check-failed', spoiled(point, part, size));
    }
    const last = parts.at(-1) ?? sealed.contents;
    return await reading(point, last, () => files.end());
  } finally {
    await files.close();
  }
}

/** What a part's content says about itself as an answer; everything else is broken infrastructure. */
async function reading<T>(point: PointIdentity, part: SealedPart, work: () => Promise<T>): Promise<Answer<T>> {
  try {
    return granted(await work());
  } catch (error) {
    const which = `the part ${part.name} of ${point.id}`;
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
