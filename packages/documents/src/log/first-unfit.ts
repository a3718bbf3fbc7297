import { foldTile, hashesOn, hashIn, levelsOf, rootOfEdge, TILE_WIDTH, type Tile, tileBytes } from './tiles.ts';
import type { TreeHead } from './tree-head.ts';

/** Places `from` up to, but without, `to`: one of them is the first that doesn't fit. */
export interface Places {
  readonly from: number;
  readonly to: number;
}

/** Hash of the complete subtree of 256^level leaves at an index, as somebody computed it; undefined without one. */
export type Hashes = (level: number, index: number) => Uint8Array | undefined;

/**
 * Where a tree first differs from the one that `head` signed, given the signed tree's tiles, as far as these tiles are
 * themselves proven by the head: from the top down, each proves the ones below it. `unproven` when the tiles don't even
 * lead to the head's root; undefined when nothing differs.
 */
export function firstUnfit(
  head: Pick<TreeHead, 'size' | 'root'>,
  told: (tile: Tile) => Uint8Array | undefined,
  own: Hashes,
): Places | 'unproven' | undefined {
  const edge: { readonly first: number; readonly level: number; readonly bytes: Uint8Array }[] = [];
  for (let level = 0; level < levelsOf(head.size); level++) {
    const hashes = hashesOn(level, head.size);
    const width = hashes % TILE_WIDTH;
    if (width === 0) continue;
    const index = Math.floor(hashes / TILE_WIDTH);
    const bytes = told({ level, index, width });
    if (bytes?.length !== tileBytes(width)) return 'unproven';
    edge.push({ first: index * TILE_WIDTH, level, bytes });
  }
  if (!rootOfEdge(edge.map(({ bytes }) => bytes)).equals(head.root)) return 'unproven';

  function below(level: number, index: number, signed: Uint8Array): Places | undefined {
    const computed = own(level, index);
    if (computed !== undefined && Buffer.compare(computed, signed) === 0) return undefined;
    const span = TILE_WIDTH ** level;
    const all = { from: index * span, to: (index + 1) * span };
    if (level === 0) return all;
    const child = told({ level: level - 1, index, width: TILE_WIDTH });
    if (child?.length !== tileBytes(TILE_WIDTH) || !foldTile(child).equals(signed)) return all;
    return within(level - 1, index * TILE_WIDTH, child) ?? all;
  }
  function within(level: number, first: number, tile: Uint8Array): Places | undefined {
    for (let i = 0; i < tile.length / tileBytes(1); i++) {
      const found = below(level, first + i, hashIn(tile, i));
      if (found !== undefined) return found;
    }
    return undefined;
  }
  // What the highest level covers stands furthest to the left.
  for (const { level, first, bytes } of edge.reverse()) {
    const found = within(level, first, bytes);
    if (found !== undefined) return found;
  }
  return undefined;
}
