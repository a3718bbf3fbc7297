import type { ObjectFacts, ObjectStore } from '@headgate/execution';
import { describe, expect, test } from 'vitest';
import { once } from './migrator-suite.ts';

const signal = new AbortController().signal;

/** Bytes that differ from place to place, so that nothing can be left out or moved unseen. */
export function patterned(size: number, seed = 1): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  let x = seed >>> 0;
  for (let i = 0; i < size; i++) {
    x = (Math.imul(x, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = x >>> 24;
  }
  return bytes;
}

/** In chunks of uneven sizes. */
export async function* chunked(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  for (let at = 0, n = 1; at < bytes.length; n = (n * 7 + 13) % 70_001) {
    yield bytes.subarray(at, at + n);
    at += n;
  }
}

export async function readWhole(content: AsyncIterable<Uint8Array> | undefined): Promise<Buffer | undefined> {
  if (content === undefined) return undefined;
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

async function listed(store: ObjectStore, prefix: string): Promise<ObjectFacts[]> {
  const all: ObjectFacts[] = [];
  for await (const each of store.list(prefix, signal)) all.push(each);
  return all;
}

/** What all object stores do. `make` is asked once; `large` is a size that takes the store's way for large objects. Bytes. */
export function objectStoreSuite(name: string, make: () => Promise<ObjectStore>, large: number): void {
  describe(`${name} is an object store`, () => {
    const opened = once(make);

    test.each([
      ['nothing', 0],
      ['one byte', 1],
      ['some thousand bytes', 123_457],
      ['a large object', large],
      ['a large object and one byte', large + 1],
    ])('gives back %s as it was put', async (_, size) => {
      const store = await opened();
      const bytes = patterned(size, size + 1);
      expect(await store.put(`sizes/s-${size}`, chunked(bytes), signal)).toBe(size);
      expect((await readWhole(await store.get(`sizes/s-${size}`, signal)))?.equals(bytes)).toBe(true);
      expect(await listed(store, `sizes/`)).toContainEqual(expect.objectContaining({ key: `sizes/s-${size}`, size }));
    });

    test('an object that is put again is the newer one, whole', async () => {
      const store = await opened();
      await store.put('again/one', chunked(patterned(5_000, 1)), signal);
      await store.put('again/one', chunked(patterned(300, 2)), signal);
      expect((await readWhole(await store.get('again/one', signal)))?.equals(patterned(300, 2))).toBe(true);
    });

    test('what is not there is not there, and can be removed', async () => {
      const store = await opened();
      expect(await store.get('none/one', signal)).toBeUndefined();
      await store.delete('none/one', signal);
      expect(await listed(store, 'none/')).toEqual([]);
    });

    test('lists by whole prefix, in the order of the keys, what is there', async () => {
      const store = await opened();
      for (const key of ['list/b/2', 'list/a', 'list/b/1', 'list/b.x', 'listing/x'])
        await store.put(key, chunked(patterned(10)), signal);
      expect((await listed(store, 'list/')).map(({ key }) => key)).toEqual([
        'list/a',
        'list/b.x',
        'list/b/1',
        'list/b/2',
      ]);
      await store.delete('list/b/1', signal);
      expect((await listed(store, 'list/b/')).map(({ key }) => key)).toEqual(['list/b/2']);
      expect(Math.abs((await listed(store, 'list/a'.replace('a', '')))[0]!.changedAt - Date.now())).toBeLessThan(
        120_000,
      );
    });

    test.each([
      ['small', 1_000],
      ['large', large],
    ])('a %s put whose content breaks off leaves what was there, and nothing that is listed', async (which, size) => {
      const store = await opened();
      const key = `broken/${which}`;
      await store.put(key, chunked(patterned(10, 3)), signal);
      const breaks = async function* () {
        yield* chunked(patterned(size));
        yield patterned(200_000);
        throw new Error('the disk that was read from broke');
      };
      await expect(store.put(key, breaks(), signal)).rejects.toThrow('the disk that was read from broke');
      expect((await readWhole(await store.get(key, signal)))?.equals(patterned(10, 3))).toBe(true);
      expect((await listed(store, 'broken/')).filter((each) => each.key.includes(which)).length).toBe(1);
    });

    test('an aborted put leaves nothing', async () => {
      const store = await opened();
      const stop = new AbortController();
      const content = async function* () {
        yield patterned(1_000);
        stop.abort();
        yield patterned(large);
      };
      await expect(store.put('aborted/one', content(), stop.signal)).rejects.toThrow();
      expect(await listed(store, 'aborted/')).toEqual([]);
    });

    test.each([
      '',
      '/a',
      'a/',
      'a//b',
      '../a',
      'a/../b',
      'a/.',
      '.hidden',
      'a\0b',
      'a b',
      'ä',
      '-a',
      'a\\b',
      `${'a/'.repeat(20)}b`,
    ])('the key %j leads nowhere', async (key) => {
      const store = await opened();
      await expect(store.put(key, chunked(patterned(1)), signal)).rejects.toThrow('no key of an object');
      await expect(store.get(key, signal)).rejects.toThrow('no key of an object');
      await expect(store.delete(key, signal)).rejects.toThrow('no key of an object');
    });

    test('sweeping spares what is there and what began since', async () => {
      const store = await opened();
      await store.put('swept/one', chunked(patterned(10)), signal);
      await store.sweep('swept/', Date.now() + 3_600_000, signal);
      expect((await listed(store, 'swept/')).length).toBe(1);
    });

    test('says of each protection whether it is on, off or not known, and why', async () => {
      const { versioning, replication } = await (await opened()).protections(signal);
      for (const each of [versioning, replication])
        expect(each).toEqual({
          state: expect.stringMatching(/^(on|off|unknown)$/),
          detail: expect.stringMatching(/\S/),
        });
    });
  });
}
