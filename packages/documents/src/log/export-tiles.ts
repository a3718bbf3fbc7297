import { leafOf } from './entry.ts';
import { Frontier } from './merkle.ts';
import { bundlePath, TILE_WIDTH, type Tile, tilePath, writeBundle } from './tiles.ts';

export interface ExportFile {
  readonly path: string;
  readonly bytes: Buffer;
}

/** Lays a log out as tlog-tiles, entry by entry, holding the right edge alone. Pure: its files are written by its caller. */
export class ExportTiles {
  readonly #frontier = Frontier.empty();
  #entries: Uint8Array[] = [];
  /** Hashes of the last tile of each level. */
  readonly #edge: Buffer[][] = [];

  get size(): number {
    return this.#frontier.size;
  }

  root(): Buffer {
    return this.#frontier.root();
  }

  /** Takes the next entry's stored bytes; answers the files that became full by it. */
  add(entry: Uint8Array): ExportFile[] {
    this.#entries.push(entry);
    const full: ExportFile[] = [];
    for (const node of this.#frontier.append(leafOf(entry))) {
      if (node.level % 8 !== 0) continue;
      const level = node.level / 8;
      this.#edge[level] ??= [];
      const hashes = this.#edge[level];
      hashes.push(node.hash);
      if (hashes.length < TILE_WIDTH) continue;
      full.push(...this.#files(level, { level, index: (node.index + 1) / TILE_WIDTH - 1, width: TILE_WIDTH }));
      this.#edge[level] = [];
      if (level === 0) this.#entries = [];
    }
    return full;
  }

  /** The partial files that the tree has at this size. */
  edge(): ExportFile[] {
    return this.#edge.flatMap((hashes, level) => {
      if (hashes.length === 0) return [];
      const index = Math.floor(this.size / TILE_WIDTH ** (level + 1));
      return this.#files(level, { level, index, width: hashes.length });
    });
  }

  #files(level: number, tile: Tile): ExportFile[] {
    const hashes = { path: tilePath(tile), bytes: Buffer.concat(this.#edge[level] ?? []) };
    return level > 0 ? [hashes] : [{ path: bundlePath(tile), bytes: writeBundle(this.#entries) }, hashes];
  }
}
