import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { restorePointsSuite } from '@headgate/testkit/execution/restore-points-suite';
import { stepContext } from '@headgate/testkit/execution/step-context';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../../machine/free-port.ts';
import { segmentsBetween } from '../../postgres-cluster/copied-parts.ts';
import { withClient } from '../../postgres-cluster/database.ts';
import { type RealStore, realStore } from '../testing/real-store.ts';
import type { BackedStore } from './backed-store.ts';
import { restoring } from './in-place.ts';
import { PhysicalRestorePoints } from './physical-restore-points.ts';
import { archiveToNow, restoreAside } from './recovery.ts';

let real: RealStore;
let backed: BackedStore;
let points: PhysicalRestorePoints;
let attachments: string;
let step = 0;
/** Each test is a step of its own. */
const context = (more = {}) =>
  stepContext({ step: `s${++step}`, idempotencyKey: `r1/s${step}`, fence: { epoch: 1, n: step }, ...more });
const query = async (sql: string, cluster = backed.cluster) =>
  withClient(await cluster.connection('app'), async (client) => (await client.query(sql)).rows);

beforeAll(async () => {
  real = await realStore();
  attachments = join(real.dir, 'attachments');
  await mkdir(join(attachments, 'ab'), { recursive: true });
  await writeFile(join(attachments, 'ab', 'one'), 'first');
  backed = {
    ...real.store,
    archiveDir: real.archiveDir,
    restorePointsDir: join(real.dir, 'restore-points'),
    files: [{ name: 'attachments', dir: attachments }],
    keep: 2,
  };
  points = new PhysicalRestorePoints(new Map([['main', backed]]));
  await query(
    `create table entry(n int primary key, xid xid8 default pg_current_xact_id(), at timestamptz default clock_timestamp())`,
  );
  await query(`insert into headgate.migration(version, id, digest, applied_by) values (3, 'm3', 'sha256:x', 'test')`);
  await query(`insert into headgate.route values ('acme', 'blue', 1, 0)`);
});
afterAll(() => real?.remove());

test('a restore point is taken while the store is written to, and verifies', async () => {
  let writing = true;
  let n = 0;
  const writer = (async () => {
    while (writing) await query(`insert into entry(n) values (${++n})`);
  })();
  await expect.poll(() => n).toBeGreaterThan(3);
  const ctx = context();
  const taken = await points.take('main', ctx);
  expect(taken).toMatchObject({ ok: true, value: { store: 'main', verified: false } });
  expect(await points.take('main', ctx)).toEqual(taken); // the same step again
  writing = false;
  await writer;
  const id = taken.ok ? taken.value.id : '';
  expect(await points.verify('main', id, ctx.signal)).toMatchObject({ ok: true, value: { verified: true } });
  expect(await points.list('main')).toMatchObject({
    kept: [
      { rollout: 'r1', schemaVersion: 3, point: { id, verified: true, manifest: taken.ok && taken.value.manifest } },
    ],
    unreadable: [],
  });
  const aside = await restoreAside(
    backed,
    join(backed.restorePointsDir, id),
    { kind: 'restore-point' },
    join(real.dir, 'aside'),
    await freePort(),
  );
  try {
    const [found] = await query('select count(*)::int as count, max(n) as max from entry', aside);
    expect(found.count).toBe(found.max); // no gap: a state that there really was
    expect(found.count).toBeGreaterThan(3);
    expect(found.count).toBeLessThanOrEqual(n);
  } finally {
    await aside.stop();
  }
});

test('recovery to a marked transaction is exact, aside, by transaction and by time', async () => {
  const taken = await points.take('main', context());
  if (!taken.ok) throw new Error(taken.why);
  await query('truncate entry');
  for (let n = 1; n <= 20; n++) await query(`insert into entry(n) values (${n})`);
  const [marked] = await query(`select xid::text as xid from entry where n = 12`);
  // Between two commits: the clock was read in the sixteenth transaction, before its commit and after the fifteenth's.
  const [moment] = await query(
    `select to_char(at at time zone 'utc', 'YYYY-MM-DD HH24:MI:SS.US+00') as at from entry where n = 16`,
  );
  const point = join(backed.restorePointsDir, taken.value.id);
  for (const [target, last] of [
    [{ kind: 'transaction', xid: marked.xid }, 12],
    [{ kind: 'time', at: moment.at }, 15],
  ] as const) {
    await archiveToNow(backed, 60_000);
    const aside = await restoreAside(backed, point, target, join(real.dir, 'aside'), await freePort());
    try {
      expect(await query('select count(*)::int as count, max(n) as max from entry', aside)).toEqual([
        { count: last, max: last },
      ]);
    } finally {
      await aside.stop();
    }
  }
});

test('a restore in place brings back data and files, keeps fence and routes, and is done once', async () => {
  await query('truncate entry; insert into entry(n) values (1), (2)');
  const taken = await points.take('main', context());
  if (!taken.ok) throw new Error(taken.why);
  await query('insert into entry(n) values (3); drop table if exists gone; create table late(x int)');
  await query(`update headgate.route set slot = 'green' where tenant = 'acme'`);
  await writeFile(join(attachments, 'ab', 'one'), 'changed');
  await writeFile(join(attachments, 'ab', 'two'), 'late');
  const ctx = context();
  expect(await points.restore('main', taken.value.id, { kind: 'restore-point' }, ctx)).toEqual({
    ok: true,
    value: { schemaVersion: 3 },
  });
  expect(await query('select n from entry order by n')).toEqual([{ n: 1 }, { n: 2 }]);
  expect(await query(`select to_regclass('late') as late`)).toEqual([{ late: null }]);
  expect(await query('select slot from headgate.route')).toEqual([{ slot: 'green' }]);
  expect(await query('select n::int from headgate.fence')).toEqual([{ n: ctx.fence.n }]);
  expect(await readdir(join(attachments, 'ab'))).toEqual(['one']);
  expect(await readFile(join(attachments, 'ab', 'one'), 'utf8')).toBe('first');
  await query('insert into entry(n) values (4)');
  expect(await points.restore('main', taken.value.id, { kind: 'restore-point' }, ctx)).toMatchObject({ ok: true });
  expect(await query('select max(n) as max from entry')).toEqual([{ max: 4 }]); // not restored twice
  expect(await restoring(backed.cluster)).toBe(false);
});

test('a restored store archives on, and can be backed up and restored again, on its new timeline', async () => {
  const taken = await points.take('main', context());
  if (!taken.ok) throw new Error(taken.why);
  await query('insert into entry(n) values (50)');
  const [marked] = await query('select xid::text as xid from entry where n = 50');
  await query('insert into entry(n) values (51)');
  expect(
    await points.restore('main', taken.value.id, { kind: 'transaction', xid: marked.xid }, context()),
  ).toMatchObject({ ok: true });
  expect(await query('select max(n) as max from entry')).toEqual([{ max: 50 }]);
  const again = await points.take('main', context());
  expect(again.ok && (await points.verify('main', again.value.id, new AbortController().signal))).toMatchObject({
    ok: true,
  });
});

test('an attempt that was killed in the middle of the swap is led to its end', async () => {
  await query('delete from entry where n > 50');
  const taken = await points.take('main', context());
  if (!taken.ok) throw new Error(taken.why);
  await query('insert into entry(n) values (60)');
  const ctx = context();
  // What a kill -9 between the two renames leaves.
  const { cluster } = backed;
  expect(await points.restore('main', taken.value.id, { kind: 'restore-point' }, ctx)).toMatchObject({ ok: true });
  await cluster.stop();
  const journal = JSON.parse(await readFile(join(cluster.dir, 'restore.json'), 'utf8'));
  const { rename } = await import('node:fs/promises');
  await mkdir(join(cluster.dir, 'restoring'), { recursive: true });
  await rename(cluster.data, join(cluster.dir, 'restoring', 'data'));
  await writeFile(join(cluster.dir, 'restore.json'), JSON.stringify({ ...journal, phase: 'swapping' }));
  expect(await restoring(cluster)).toBe(true);
  expect(await points.restore('main', taken.value.id, { kind: 'restore-point' }, context())).toMatchObject({
    ok: false,
    code: 'unknown',
  });
  expect(await points.restore('main', taken.value.id, { kind: 'restore-point' }, ctx)).toMatchObject({ ok: true });
  expect(await query('select max(n) as max from entry')).toEqual([{ max: 50 }]);
});

test('a flipped byte, a missing file, an added file and a changed manifest are each named', async () => {
  const [newest] = (await points.list('main')).kept;
  const dir = join(backed.restorePointsDir, newest!.point.id);
  const verify = () => points.verify('main', newest!.point.id, new AbortController().signal);
  const manifest = JSON.parse(await readFile(join(dir, 'manifest.json'), 'utf8'));
  const sample = ['data/', 'wal/', 'files/'].map(
    (prefix) =>
      manifest.files.findLast((file: { path: string; size: number }) => file.path.startsWith(prefix) && file.size > 0)
        .path,
  );
  for (const path of [...sample, 'manifest.json']) {
    await flip(join(dir, path));
    expect(await verify()).toMatchObject({ ok: false, code: 'check-failed', why: expect.stringContaining(path) });
    expect(
      (await points.list('main')).kept.find(({ point }) => point.id === newest!.point.id)?.point.verified ?? false,
    ).toBe(false);
    await flip(join(dir, path));
  }
  expect(await verify()).toMatchObject({ ok: true });
  await writeFile(join(dir, 'data', 'extra'), 'x');
  expect(await verify()).toMatchObject({ ok: false, why: expect.stringContaining('data/extra') });
  await rm(join(dir, 'data', 'extra'));
  await rm(join(dir, sample[2]!));
  expect(await verify()).toMatchObject({ ok: false, why: expect.stringContaining(sample[2]!) });
  const restored = await points.restore('main', newest!.point.id, { kind: 'restore-point' }, context());
  expect(restored).toMatchObject({ ok: false, code: 'check-failed' });
});

test('one whose manifest can not be relied on is listed with what is wrong, and is not counted among the others', async () => {
  const { kept } = await points.list('main');
  const { id } = kept[0]!.point;
  const dir = join(backed.restorePointsDir, id);
  const [manifest, sidecar] = [await readFile(join(dir, 'manifest.json')), await readFile(`${dir}.sha256`, 'utf8')];
  const other = await readFile(join(backed.restorePointsDir, kept[1]!.point.id, 'manifest.json'));
  const foreign = `${manifest}`.replace('"rollout":"r1"', '"rollout":"r9"');
  const digest = (content: Buffer | string) => `sha256:${createHash('sha256').update(content).digest('hex')}\nr1\n`;
  for (const [content, beside, why, rollout = 'r1'] of [
    [undefined, sidecar, /is missing/],
    [manifest.subarray(0, 100), sidecar, /isn't what was reported/],
    [foreign, sidecar, /isn't what was reported/],
    [manifest, undefined, /sha256, which says .+ is missing/, null],
    [manifest, digest(manifest).slice(0, -3), undefined],
    ['{"v":2}', digest('{"v":2}'), /another version/],
    ['{"v":', digest('{"v":'), /another version/],
    [other, digest(other), new RegExp(`is that of ${kept[1]!.point.id}`)],
  ] as const) {
    for (const [path, bytes] of [
      [join(dir, 'manifest.json'), content],
      [`${dir}.sha256`, beside],
    ] as const)
      await (bytes === undefined ? rm(path) : writeFile(path, bytes));
    const unreadable = why ? [{ id, rollout: rollout ?? undefined, why: expect.stringMatching(why) }] : [];
    expect(await points.list('main')).toMatchObject({ kept: why ? [kept[1]] : kept, unreadable });
  }
  await rm(join(dir, 'manifest.json'), { force: true });
  await mkdir(join(dir, 'manifest.json'));
  expect((await points.list('main')).unreadable[0]?.why).toMatch(/can't be read \(EISDIR\)/);
  await rm(join(dir, 'manifest.json'), { recursive: true });
  await writeFile(join(dir, 'manifest.json'), manifest);
  await writeFile(`${dir}.sha256`, sidecar);
  expect(await points.list('main')).toEqual({ kept, unreadable: [] });
});

test('older restore points, and the WAL that only they needed, are removed', async () => {
  const { kept } = await points.list('main');
  expect(kept.length).toBe(2);
  const names = await readdir(backed.restorePointsDir);
  expect(names.filter((name) => name.endsWith('.sha256')).length).toBe(2);
  expect(names.filter((name) => name.endsWith('.partial'))).toEqual([]);
  // What a kill -9 in the middle of removing one leaves.
  for (const file of ['rp-old.partial', 'rp-old.sha256', 'rp-old.verified', 'notes.txt'])
    await writeFile(join(backed.restorePointsDir, file), '');
  const taken = await points.take('main', context());
  expect(taken).toMatchObject({ ok: true });
  const ids = (await points.list('main')).kept.map(({ point }) => point.id);
  expect((await readdir(backed.restorePointsDir)).filter((name) => !ids.some((id) => name.startsWith(id)))).toEqual([
    'notes.txt',
  ]);
});

test('nothing half made is left: not of a copy that was stopped, and not by whoever was killed', async () => {
  const before = await readdir(backed.restorePointsDir);
  const stopped = new AbortController();
  const taking = points.take('main', context({ signal: stopped.signal }));
  await expect
    .poll(async () => (await readdir(backed.restorePointsDir)).some((n) => n.endsWith('.partial')))
    .toBe(true);
  stopped.abort();
  expect(
    await taking.then(
      (taken) => taken.ok,
      () => false,
    ),
  ).toBe(false);
  expect(await readdir(backed.restorePointsDir)).toEqual(before);
  await mkdir(join(backed.restorePointsDir, 'rp-killed.partial'));
  await points.endLeftovers();
  expect(await readdir(backed.restorePointsDir)).toEqual(before);
});

test('segments are counted across the log file boundary', () => {
  expect(segmentsBetween('0000000100000000000000FE', '000000010000000100000001')).toEqual([
    '0000000100000000000000FE',
    '0000000100000000000000FF',
    '000000010000000100000000',
    '000000010000000100000001',
  ]);
});

let another: RealStore;
afterAll(() => another?.remove());
restorePointsSuite('physical copies', async () => {
  another = await realStore();
  const store: BackedStore = {
    ...another.store,
    archiveDir: another.archiveDir,
    restorePointsDir: join(another.dir, 'points'),
    files: [],
    keep: 5,
  };
  const ask = async (sql: string) =>
    withClient(await store.cluster.connection('app'), async (client) => (await client.query(sql)).rows);
  await ask('create table mark(n serial, mark text)');
  return {
    restorePoints: new PhysicalRestorePoints(new Map([['main', store]])),
    store: 'main',
    write: async (mark) => void (await ask(`insert into mark(mark) values ('${mark}')`)),
    marks: async () => (await ask('select mark from mark order by n')).map((row) => row.mark),
    spoil: (id) => flip(join(store.restorePointsDir, id, 'data', 'PG_VERSION')),
    spoilManifest: (id) => flip(join(store.restorePointsDir, id, 'manifest.json')),
  };
});

async function flip(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const byte = Buffer.alloc(1);
    const { size } = await file.stat();
    const at = Math.floor(size / 2);
    await file.read(byte, 0, 1, at);
    byte[0]! ^= 1;
    await file.write(byte, 0, 1, at);
  } finally {
    await file.close();
  }
}
