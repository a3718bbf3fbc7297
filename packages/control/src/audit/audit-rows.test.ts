import { canonicalBytes, digestOfJson } from '@headgate/documents';
import { expect, test } from 'vitest';
import { MemoryBlobs, MemoryLog, MemoryStore } from '../memory/index.ts';
import { streams } from '../records.ts';
import { nameOfToken } from '../use-cases/principals.ts';
import { auditRows, KINDS } from './audit-rows.ts';
import { FOLDS } from './folds.ts';

test('no kind of stream is left out of the audit, and it comes in the order of names', () => {
  const named = Object.values(streams).map((stream) =>
    typeof stream === 'string' ? stream : (stream as (...parts: string[]) => string)('a', 'b'),
  );
  for (const stream of named) expect(KINDS).toContain(stream.split('/', 1)[0]);
  expect([...KINDS].sort()).toEqual(KINDS);
});

test('no fold is written for a kind that the audit never comes to', () => {
  for (const kind of Object.keys(FOLDS)) expect(KINDS).toContain(kind);
});

const at = 1_000_000;
const token = { id: 'usr_ann', roles: ['developer'], revoked: false, tokenHash: 'ab' };

/** One principal's row, whose entry says so much. */
async function principal(data: object, placed = true) {
  let now = at;
  const log = new MemoryLog(() => now);
  const store = new MemoryStore({ clock: () => now, log });
  const stream = 'principal/usr_ann';
  const entries = [{ type: 'principal.created', data: { id: 'usr_ann', roles: ['developer'], ...data } }];
  await store.commit({ by: 'sys', writes: [{ stream, expected: 0, entries, state: token, dueAt: null }] });
  if (placed) await log.place(10);
  now += 120_000;
  const read = { specOf: () => undefined, statedIn: () => undefined, signedIn: () => undefined };
  const means = { store, blobs: new MemoryBlobs(), digestOf: digestOfJson, canonical: canonicalBytes, ...read };
  const audit = (more: object = {}) => auditRows(means, log, { limit: 10, ...more });
  return Object.assign(audit, { store, log, means, stream });
}

test('a token that the log doesn’t name is called unchecked; one that it names otherwise is a difference', async () => {
  const before = await (await principal({}))();
  expect(before).toMatchObject({ checked: 1, differences: [], unchecked: [{ stream: 'principal/usr_ann' }] });
  const named = await (await principal({ token: nameOfToken('ab') }))();
  expect(named).toMatchObject({ differences: [], unchecked: [] });
  const other = await (await principal({ token: nameOfToken('cd') }))();
  expect(other).toMatchObject({ differences: [{ field: 'token' }], unchecked: [] });
});

test('an entry that waits for its place longer than it may is a difference, and in a backup none', async () => {
  const audit = await principal({}, false);
  const why = expect.stringContaining('has waited for its place on the log since 1970-01-01T00:16:40');
  expect((await audit({ placedWithinMs: 60_000 })).differences).toEqual([
    { stream: 'principal/usr_ann', field: 'log', why },
  ]);
  expect((await audit({ placedWithinMs: 180_000 })).differences).toEqual([]);
  expect((await audit()).differences).toEqual([]);
});

test('a row that was set back to before its last entry is a difference; one that moves on while it is read is none', async () => {
  const audit = await principal({ token: nameOfToken('ab') });
  const { store, log, means, stream } = audit;
  const before = (await store.load([stream])).get(stream)!;
  const entries = [{ type: 'principal.revoked', data: {} }];
  await store.commit({
    by: 'sys',
    writes: [{ stream, expected: 1, entries, state: { ...token, revoked: true }, dueAt: null }],
  });
  await log.place(10);
  const read = (row: typeof before, now: typeof before) =>
    auditRows(
      {
        ...means,
        store: {
          now: () => store.now(),
          list: async (kind: string) => (kind === 'principal' ? [row] : []),
          load: async () => new Map([[stream, now]]),
        } as never,
      },
      log,
      { limit: 10 },
    );
  const after = (await store.load([stream])).get(stream)!;
  expect((await read(before, before)).differences).toEqual([
    { stream, field: 'version', why: 'the row counts 1 entries, the log holds 2 or more' },
  ]);
  expect(await read(before, after)).toMatchObject({ differences: [], unchecked: [] });
  expect(await read(after, after)).toMatchObject({ differences: [], unchecked: [] });
});

test('what a newer Headgate wrote is called unchecked, and its entries are counted all the same', async () => {
  const { store, log, means, stream } = await principal({ token: nameOfToken('ab') });
  const row = { ...(await store.load([stream])).get(stream)!, state: { of: 'later' }, newer: true };
  const read = (version: number) => {
    const list = async (kind: string) => (kind === 'principal' ? [{ ...row, version }] : []);
    return auditRows({ ...means, store: { now: () => store.now(), list } as never }, log, { limit: 10 });
  };
  const why = expect.stringContaining('a newer Headgate wrote it');
  expect(await read(1)).toMatchObject({ differences: [], unchecked: [{ stream, why }] });
  expect(await read(2)).toMatchObject({ differences: [{ stream, field: 'version' }], unchecked: [] });
});
