import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { entriesOf, exportOf } from './export.test-support.ts';
import { Frontier } from './merkle.ts';
import {
  bundlePath,
  filesOf,
  hashesOn,
  readBundle,
  rootOfEdge,
  TILE_WIDTH,
  tilePath,
  tilesOn,
  writeBundle,
} from './tiles.ts';

describe('tlog-tiles', () => {
  test.each([
    [{ level: 0, index: 0, width: 256 }, 'tile/0/000'],
    [{ level: 0, index: 273, width: 112 }, 'tile/0/273.p/112'],
    [{ level: 1, index: 1_234_067, width: 256 }, 'tile/1/x001/x234/067'],
    [{ level: 2, index: 1_000, width: 8 }, 'tile/2/x001/000.p/8'],
  ])('names %j as the specification does', (tile, path) => {
    expect(tilePath(tile)).toBe(path);
    expect(bundlePath(tile)).toBe(path.replace(/^tile\/\d+/, 'tile/entries'));
  });

  it('has the tiles of the specification’s own examples', () => {
    const widths = (level: number, size: number) => [...tilesOn(level, size)].map(({ width }) => width);
    expect(widths(0, 70_000)).toEqual([...Array(273).fill(256), 112]);
    expect(widths(1, 70_000)).toEqual([256, 17]);
    expect(widths(2, 70_000)).toEqual([1]);
    expect([...filesOf(256)]).toEqual(['tile/0/000', 'tile/entries/000', 'tile/1/000.p/1']);
    expect([...filesOf(0)]).toEqual([]);
  });

  it('are laid out exactly as listed, whatever the size, and their right edge leads to the root', () => {
    const leaves = entriesOf(66_000);
    for (const size of [0, 1, 2, 255, 256, 257, 511, 512, 1_000, 65_535, 65_536, 66_000]) {
      const made = exportOf(leaves.slice(0, size));
      const tiles = [...made.paths()].filter((path) => path.startsWith('tile/'));
      expect(tiles.toSorted()).toEqual([...filesOf(size)].sort());
      const partial = [0, 1, 2].flatMap((level) => {
        const width = hashesOn(level, size) % TILE_WIDTH;
        const index = Math.floor(hashesOn(level, size) / TILE_WIDTH);
        return width === 0 ? [] : [made.files.get(tilePath({ level, index, width })) as Buffer];
      });
      const root = Buffer.from(made.files.get('checkpoint')!.toString().split('\n')[2]!, 'base64');
      expect(rootOfEdge(partial)).toEqual(root);
    }
    expect(rootOfEdge([])).toEqual(Frontier.empty().root());
  });

  it('hold entries that are read back as they were, each behind its length in two bytes', () => {
    expect(writeBundle([Buffer.from('ab'), Buffer.alloc(0)])).toEqual(Buffer.from([0, 2, 97, 98, 0, 0]));
    const entries = fc.array(
      fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes)),
      { minLength: 1, maxLength: 256 },
    );
    fc.assert(
      fc.property(entries, (list) => {
        expect(readBundle(writeBundle(list), list.length)).toEqual({ ok: true, entries: list });
        expect(readBundle(writeBundle(list), list.length + 1).ok).toBe(false);
        expect(readBundle(writeBundle(list), list.length - 1).ok).toBe(false);
      }),
    );
  });

  it('read no bundle that was cut, wherever', () => {
    const bundle = writeBundle(entriesOf(5));
    for (let length = 0; length < bundle.length; length++)
      expect(readBundle(bundle.subarray(0, length), 5).ok).toBe(false);
  });
});
