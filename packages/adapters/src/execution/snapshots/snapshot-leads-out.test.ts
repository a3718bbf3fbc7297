/** What a program lays out may lead out of its folder: then a server on it would write into the log of the store that serves. */
import { execFileSync } from 'node:child_process';
import { chown, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stepContext } from '@headgate/testkit/execution/step-context';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { withClient } from '../../postgres-cluster/database.ts';
import { type RealStore, realStore } from '../testing/real-store.ts';
import { SnapshotRestorePoints, type SnapshotStore } from './snapshot-restore-points.ts';
import { copyingProgram } from './testing/copying-program.ts';

vi.setConfig({ testTimeout: 240_000 });
let real: RealStore;
let store: SnapshotStore;
let points: SnapshotRestorePoints;

beforeAll(async () => {
  real = await realStore();
  const command = await copyingProgram(real.dir, join(real.dir, 'snapshots'));
  store = {
    ...{ ...real.store, archiveDir: real.archiveDir, restorePointsDir: join(real.dir, 'points'), files: [], keep: 9 },
    ...{ census: true, snapshots: { command, timeoutMs: 60_000, census: true } },
  };
  points = new SnapshotRestorePoints(new Map([['main', store]]));
}, 120_000);
afterAll(() => real?.remove());

const query = async (sql: string) =>
  withClient(await store.cluster.connection('app'), async (client) => (await client.query(sql)).rows);
let steps = 0;
const context = () => {
  const step = `s${++steps}`;
  return stepContext({ step, idempotencyKey: `r1/${step}`, rollout: 'r1', fence: { epoch: 8, n: steps } });
};
const taken = async (): Promise<string> => {
  const point = await points.take('main', context());
  if (!point.ok) throw new Error(point.why);
  return point.value.id;
};
const verified = (id: string) => points.verify('main', id, new AbortController().signal);
const restored = (id: string) => points.restore('main', id, { kind: 'restore-point' }, context());
const refused = (words: RegExp) => ({ ok: false, code: 'check-failed', why: expect.stringMatching(words) });

test('hard links to what is kept, and a link in the folder’s place, are refused, and what they lead to goes on', async () => {
  await query('create table t as select generate_series(1, 1000) as n');
  const id = await taken();
  const postmaster = await store.cluster.postmaster();
  await writeFile(join(real.dir, 'mode'), 'lays-out-names');
  expect(await verified(id)).toMatchObject(refused(/leads out of its folder: \S+ has another name outside of it/));
  await writeFile(join(real.dir, 'other'), store.cluster.data);
  await writeFile(join(real.dir, 'mode'), 'lays-out-a-link');
  for (const look of [verified, restored])
    expect(await look(id)).toMatchObject(refused(/the folder itself is a symbolic link/));
  await rm(join(real.dir, 'mode'));
  expect((await store.cluster.postmaster())?.pid).toBe(postmaster?.pid);
  expect(await verified(id)).toMatchObject({ ok: true });
});

test('a log on a disk of its own, by a link, is never written to: the store recovers from it after a crash with every row', async () => {
  await store.cluster.stop();
  const [inside, disk] = [join(store.cluster.data, 'pg_wal'), join(real.dir, 'disk')];
  await mkdir(disk, { mode: 0o700 });
  execFileSync('cp', ['-a', `${inside}/.`, disk]);
  const { user } = store.cluster.programs;
  if (user) await chown(disk, user.uid, user.gid);
  await rm(inside, { recursive: true });
  await symlink(disk, inside);
  await store.cluster.start();
  const id = await taken();
  await query('insert into t select generate_series(1001, 200000)');
  const log = (await readdir(disk)).toSorted();
  for (const look of [verified, restored])
    expect(await look(id)).toMatchObject(refused(/leads out of its folder: pg_wal is a symbolic link/));
  expect((await readdir(disk)).toSorted()).toEqual(expect.arrayContaining(log));
  expect((await readdir(disk)).filter((name) => name.endsWith('.history'))).toEqual([]);
  process.kill((await store.cluster.postmaster())!.pid, 'SIGQUIT');
  await expect.poll(() => store.cluster.postmaster(), { timeout: 60_000 }).toBe(undefined);
  await store.cluster.start();
  expect(await query('select count(*)::int from t')).toEqual([{ count: 200_000 }]);
  expect(await readdir(store.cluster.dir)).not.toContain('verifying');
});
