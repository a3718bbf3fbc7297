import { leafOf } from './entry.ts';
import { EntryChecks } from './entry-checks.ts';
import { type UnfitExport, unfit } from './export-verdict.ts';
import { firstUnfit, type Hashes, type Places } from './first-unfit.ts';
import { Frontier } from './merkle.ts';
import {
  bundlePath,
  hashIn,
  isHashIn,
  MAX_ENTRY_BUNDLE_BYTES,
  readBundle,
  TILE_WIDTH,
  type Tile,
  tileBytes,
  tilePath,
  tilesOn,
} from './tiles.ts';
import type { TreeHead } from './tree-head.ts';

/** The files of an export. Paths are relative, with `/`. */
export interface ExportFiles {
  paths(): Iterable<string>;
  /** A file's bytes, at most one more than `maxBytes`; undefined when there is none. */
  read(path: string, maxBytes: number): Uint8Array | undefined;
}

/** A head that was opened, and who holds it. */
export interface Mark {
  readonly head: TreeHead;
  readonly from: string;
  readonly by: readonly string[];
}

/** An earlier export of the log. */
export interface Before {
  readonly head: TreeHead;
  readonly tile: (tile: Tile) => Uint8Array | undefined;
}

/** One pass over entries and tiles, from left to right. */
export class ExportWalk {
  readonly #files: ExportFiles;
  readonly #frontier = Frontier.empty();
  readonly #checks = new EntryChecks();
  /** Own hashes of the levels that tiles above the leaves hold. */
  readonly #nodes = new Map<number, Buffer[]>();
  readonly #marks: readonly Mark[];
  #nextMark = 0;
  /** Size up to which every head was found continued. */
  #continued = 0;
  #forked: Mark | undefined;
  #entryTrouble: UnfitExport | undefined;
  #tileTrouble: UnfitExport | undefined;

  constructor(files: ExportFiles, marks: readonly Mark[]) {
    this.#files = files;
    this.#marks = marks.toSorted((a, b) => a.head.size - b.head.size);
    this.#compareMarks();
  }

  get entries(): number {
    return this.#frontier.size;
  }

  /** Takes the next tile of leaves with its entries; answers what makes it impossible to go on. */
  take(tile: Tile): UnfitExport | undefined {
    const { index, width } = tile;
    const first = index * TILE_WIDTH;
    const bundleFile = bundlePath(tile);
    const bundle = this.#files.read(bundleFile, MAX_ENTRY_BUNDLE_BYTES);
    const leaves = this.#files.read(tilePath(tile), tileBytes(TILE_WIDTH));
    const absent = bundle === undefined ? bundleFile : leaves === undefined ? tilePath(tile) : undefined;
    if (bundle === undefined || leaves === undefined || absent !== undefined)
      return (
        this.#entryTrouble ?? unfit('export-missing', `${absent} is missing`, { firstBad: first, file: absent ?? '' })
      );
    if (leaves.length !== tileBytes(width))
      return this.#entryTrouble ?? { ...tileUnfit(tilePath(tile)), firstBad: first };
    const read = readBundle(bundle, width);
    if (!read.ok) {
      const differs = read.entries.findIndex((bytes, i) => !leafOf(bytes).equals(hashIn(leaves, i)));
      const firstBad = first + Math.min(differs < 0 ? read.entries.length : differs, width - 1);
      return this.#tileTrouble ?? unfit('bundle-shape', `${bundleFile}: ${read.why}`, { firstBad, file: bundleFile });
    }
    for (const [i, bytes] of read.entries.entries()) {
      const place = first + i;
      const leaf = leafOf(bytes);
      if (this.#tileTrouble === undefined && !isHashIn(leaves, i, leaf)) this.#mismatch(tilePath(tile), place);
      const refused = this.#checks.check(bytes, place);
      if (refused !== undefined)
        this.#entryTrouble ??= unfit(refused.code, `the ${refused.what}: ${refused.why}`, {
          firstBad: place,
          file: bundleFile,
        });
      for (const node of this.#frontier.append(leaf))
        if (node.level % 8 === 0 && node.level > 0) this.#keep(node.level / 8, node.hash);
      this.#compareMarks();
    }
    return undefined;
  }

  /** After the last tile: what doesn't fit, the worst first. */
  trouble(head: TreeHead, earlier: Before | undefined): UnfitExport | undefined {
    const own: Hashes = (level, index) => (level === 0 ? this.#leaf(index) : this.#nodes.get(level)?.[index]);
    const said = (tile: Tile) => this.#files.read(tilePath(tile), tileBytes(TILE_WIDTH));
    const rewritten = earlier === undefined ? undefined : firstUnfit(earlier.head, earlier.tile, own);
    if (rewritten === 'unproven') return unfit('head', 'the files of the earlier export do not lead to its own head');
    if (!this.#frontier.root().equals(head.root)) {
      const unlike = firstUnfit(head, said, own);
      const places = narrower(rewritten, unlike === 'unproven' ? undefined : unlike);
      const why = `the entries hash to ${this.#frontier.root().toString('hex')}, the signed head says ${head.root.toString('hex')}`;
      return unfit('log-root', why, places === undefined ? this.#roughly() : told(places));
    }
    if (this.#forked !== undefined || rewritten !== undefined) {
      const who = this.#forked === undefined ? 'the earlier export' : this.#forked.from;
      const size = this.#forked?.head.size ?? (earlier as Before).head.size;
      const why = `the log of ${head.size} entries does not continue the one of ${size} entries that ${who} holds: its history was rewritten`;
      return unfit('head-forked', why, rewritten === undefined ? this.#roughly() : told(rewritten));
    }
    return this.#entryTrouble ?? this.#tileTrouble ?? this.#upperTiles(head.size);
  }

  /**
   * The log had more entries when `longer` was signed. What is left may have been written anew as well, after a restore for
   * example: an earlier export tells where; without one it is anywhere behind the last head of `others` that it continues.
   */
  shrunk(
    longer: Mark,
    size: number,
    by: { readonly earlier?: Before | undefined; readonly others: ReadonlySet<string> } = { others: new Set() },
  ): UnfitExport {
    const why = `the export's head names ${size} entries, but the log had ${longer.head.size} when ${longer.from} was signed: its tail was cut`;
    const own: Hashes = (level, index) => (level === 0 ? this.#leaf(index) : this.#nodes.get(level)?.[index]);
    const { earlier, others } = by;
    const differs = earlier === undefined ? undefined : firstUnfit(earlier.head, earlier.tile, own);
    if (differs === 'unproven') return unfit('head', 'the files of the earlier export do not lead to its own head');
    if (differs !== undefined) {
      const anew = differs.from < size ? ', and what stands there now is not what stood there' : '';
      return unfit('head-shrunk', `${why}${anew}`, told(differs));
    }
    const most = Math.min(size, this.#forked?.head.size ?? size);
    const continued = this.#marks.filter(({ head, from }) => others.has(from) && head.size < most);
    const from = Math.max(0, ...continued.map(({ head }) => head.size));
    return unfit('head-shrunk', `${why}; an export from before (--earlier) shows where`, told({ from, to: most + 1 }));
  }

  /** Between the last head that it continues and the first that it doesn't. */
  #roughly(): Omit<UnfitExport, 'ok' | 'code' | 'why'> {
    const to = this.#forked?.head.size;
    return to === undefined ? {} : told({ from: this.#continued, to });
  }

  #upperTiles(size: number): UnfitExport | undefined {
    for (const [level, hashes] of this.#nodes)
      for (const tile of tilesOn(level, size)) {
        const bytes = this.#files.read(tilePath(tile), tileBytes(TILE_WIDTH));
        if (bytes === undefined)
          return unfit('export-missing', `${tilePath(tile)} is missing`, { file: tilePath(tile) });
        const from = tile.index * TILE_WIDTH;
        if (!Buffer.concat(hashes.slice(from, from + tile.width)).equals(bytes)) return tileUnfit(tilePath(tile));
      }
    return undefined;
  }

  #mismatch(file: string, place: number): void {
    this.#tileTrouble ??= { ...tileUnfit(file), firstBad: place };
  }

  #keep(level: number, hash: Buffer): void {
    const hashes = this.#nodes.get(level);
    if (hashes === undefined) this.#nodes.set(level, [hash]);
    else hashes.push(hash);
  }

  #leaf(place: number): Buffer | undefined {
    const index = Math.floor(place / TILE_WIDTH);
    const width = Math.min(TILE_WIDTH, this.#frontier.size - index * TILE_WIDTH);
    const read = readBundle(
      this.#files.read(bundlePath({ index, width }), MAX_ENTRY_BUNDLE_BYTES) ?? Buffer.alloc(0),
      width,
    );
    const entry = read.ok ? read.entries[place % TILE_WIDTH] : undefined;
    return entry === undefined ? undefined : leafOf(entry);
  }

  #compareMarks(): void {
    const { size } = this.#frontier;
    const from = this.#nextMark;
    while (this.#marks[this.#nextMark]?.head.size === size) this.#nextMark += 1;
    if (this.#nextMark === from) return;
    const root = this.#frontier.root();
    const unlike = this.#marks.slice(from, this.#nextMark).find(({ head }) => !root.equals(head.root));
    this.#forked ??= unlike;
    if (this.#forked === undefined) this.#continued = size;
  }
}

function narrower(a: Places | undefined, b: Places | undefined): Places | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a.from < b.from || (a.from === b.from && a.to < b.to) ? a : b;
}

function told({ from, to }: Places): Pick<UnfitExport, 'firstBad' | 'lastBad'> {
  return to - from === 1 ? { firstBad: from } : { firstBad: from, lastBad: to - 1 };
}

function tileUnfit(file: string): UnfitExport {
  return unfit('export-tile', `${file} holds other hashes than the entries have`, { file });
}
