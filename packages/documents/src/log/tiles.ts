/**
 * The log as files: C2SP tlog-tiles. A tile holds up to 256 hashes of one level, a bundle the entries under one tile of
 * leaves. Full tiles never change; the rightmost of each level may be partial, and is named by its width.
 */
import { type Refused, refuse } from '../refusal.ts';
import { foldOf, parentOf } from './merkle.ts';

/** Hashes in a full tile, entries in a full bundle. */
export const TILE_WIDTH = 256;
const HASH_BYTES = 32;
/** Largest bundle: 256 entries of 65,535 bytes, each behind its length. Bytes. */
export const MAX_ENTRY_BUNDLE_BYTES = TILE_WIDTH * (65_535 + 2);

/** The signed tree head's file. */
export const CHECKPOINT = 'checkpoint';

export interface Tile {
  /** 0 holds leaf hashes; a hash of level 1 covers a full tile of level 0, and so on. */
  readonly level: number;
  readonly index: number;
  /** Hashes in it, 1 to 256. */
  readonly width: number;
}

/** Path of a tile of hashes: `tile/1/x001/x234/067.p/8`. */
export function tilePath({ level, index, width }: Tile): string {
  return `tile/${level}/${numbered(index, width)}`;
}

/** Path of the entries under a tile of level 0. */
export function bundlePath({ index, width }: Pick<Tile, 'index' | 'width'>): string {
  return `tile/entries/${numbered(index, width)}`;
}

/** The tiles of a tree of `size` leaves on one level, from left to right. */
export function* tilesOn(level: number, size: number): Generator<Tile> {
  const hashes = hashesOn(level, size);
  const full = Math.floor(hashes / TILE_WIDTH);
  for (let index = 0; index < full; index++) yield { level, index, width: TILE_WIDTH };
  const width = hashes % TILE_WIDTH;
  if (width > 0) yield { level, index: full, width };
}

/** The number of levels that have tiles in a tree of `size` leaves. */
export function levelsOf(size: number): number {
  let levels = 0;
  for (let hashes = size; hashes > 0; hashes = Math.floor(hashes / TILE_WIDTH)) levels++;
  return levels;
}

/** Hashes that a level's tiles hold together: complete subtrees of 256^level leaves. */
export function hashesOn(level: number, size: number): number {
  return Math.floor(size / TILE_WIDTH ** level);
}

/** Every file of the log at this size, the checkpoint left out. */
export function* filesOf(size: number): Generator<string> {
  for (let level = 0; level < levelsOf(size); level++)
    for (const tile of tilesOn(level, size)) {
      yield tilePath(tile);
      if (level === 0) yield bundlePath(tile);
    }
}

/** A bundle's bytes: each entry behind its length as 16 bits, big-endian. */
export function writeBundle(entries: readonly Uint8Array[]): Buffer {
  const length = entries.reduce((sum, entry) => sum + 2 + entry.length, 0);
  const bundle = Buffer.allocUnsafe(length);
  let at = 0;
  for (const entry of entries) {
    if (entry.length > 65_535) throw new RangeError(`an entry of ${entry.length} bytes is in no bundle`);
    bundle.writeUInt16BE(entry.length, at);
    bundle.set(entry, at + 2);
    at += 2 + entry.length;
  }
  return bundle;
}

/** The entries of a bundle: exactly `width` of them, and nothing behind. A refusal has those that could be read. */
export function readBundle(
  bytes: Uint8Array,
  width: number,
):
  | { readonly ok: true; readonly entries: readonly Buffer[] }
  | (Refused<'bundle-shape'> & { readonly entries: readonly Buffer[] }) {
  const bundle = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries: Buffer[] = [];
  const wrong = (why: string) => ({ ...refuse('bundle-shape', 'entry bundle', why), entries });
  let at = 0;
  while (at < bundle.length) {
    if (entries.length === width) return wrong(`${bundle.length - at} bytes stand behind its ${width} entries`);
    if (at + 2 > bundle.length) return wrong(`it ends within the length of entry ${entries.length}`);
    const end = at + 2 + bundle.readUInt16BE(at);
    if (end > bundle.length) return wrong(`it ends within entry ${entries.length}`);
    entries.push(bundle.subarray(at + 2, end));
    at = end;
  }
  if (entries.length < width) return wrong(`it holds ${entries.length} entries, expected ${width}`);
  return { ok: true, entries };
}

/** A tile's hash at a position. */
export function hashIn(tile: Uint8Array, position: number): Buffer {
  return Buffer.from(tile.buffer, tile.byteOffset + position * HASH_BYTES, HASH_BYTES);
}

/** Whether a tile holds this hash at a position. */
export function isHashIn(tile: Uint8Array, position: number, hash: Buffer): boolean {
  return hash.compare(tile, position * HASH_BYTES, (position + 1) * HASH_BYTES) === 0;
}

/** Bytes of a tile. */
export function tileBytes(width: number): number {
  return width * HASH_BYTES;
}

/** The root over a full tile: what the level above holds of it. */
export function foldTile(tile: Uint8Array): Buffer {
  return foldPower(tile, 0, TILE_WIDTH);
}

/** The root that the partial tiles of all levels say, the lowest level first; what is full is named by a level above. */
export function rootOfEdge(partial: readonly Uint8Array[]): Buffer {
  const peaks: Buffer[] = [];
  for (const tile of [...partial].reverse()) {
    const width = tile.length / HASH_BYTES;
    let at = 0;
    for (let span = TILE_WIDTH / 2; span >= 1; span /= 2) {
      if (at + span > width) continue;
      peaks.push(foldPower(tile, at, span));
      at += span;
    }
  }
  return foldOf(peaks);
}

function foldPower(tile: Uint8Array, from: number, span: number): Buffer {
  let hashes = Array.from({ length: span }, (_, i) => hashIn(tile, from + i));
  while (hashes.length > 1)
    hashes = Array.from({ length: hashes.length / 2 }, (_, i) =>
      parentOf(hashes[2 * i] as Buffer, hashes[2 * i + 1] as Buffer),
    );
  return hashes[0] as Buffer;
}

/** Three digits a path element; all but the last begin with an x, so that no file stands where a folder must. */
function numbered(index: number, width: number): string {
  const digits = String(index);
  const parts = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/\d{3}/g) as string[];
  const path = parts.map((part, i) => (i < parts.length - 1 ? `x${part}` : part)).join('/');
  return width === TILE_WIDTH ? path : `${path}.p/${width}`;
}
