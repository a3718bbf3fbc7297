/** Restore points by somebody's program that snapshots a folder: the port's suite on a real PostgreSQL, and whatever the program may do wrong. */
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execute } from '@headgate/execution';
import { restorePointsSuite } from '@headgate/testkit/execution/restore-points-suite';
import { stepContext } from '@headgate/testkit/execution/step-context';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { freePorts } from '../../machine/free-port.ts';
import { withClient } from '../../postgres-cluster/database.ts';
import { findPrograms } from '../../postgres-cluster/programs.ts';
import { openCell } from '../cell.ts';
import { parseCellConfig } from '../cell-config.ts';
import { physicalStore } from '../restore-points/physical-store.ts';
import { endRunning } from '../running-cell.ts';
import { type RealStore, realStore } from '../testing/real-store.ts';
import { SnapshotRestorePoints, type SnapshotStore } from './snapshot-restore-points.ts';
import { copyingProgram } from './testing/copying-program.ts';

vi.setConfig({ testTimeout: 240_000 });
let real: RealStore;
let store: SnapshotStore;
let points: SnapshotRestorePoints;
let snapshots: string;

beforeAll(async () => {
  real = await realStore();
  snapshots = join(real.dir, 'snapshots');
  const command = await copyingProgram(real.dir, snapshots);
  store = {
    ...{ ...real.store, archiveDir: real.archiveDir, restorePointsDir: join(real.dir, 'points'), files: [], keep: 3 },
    ...{ census: true, snapshots: { command, timeoutMs: 60_000, census: true } },
  };
  points = new SnapshotRestorePoints(new Map([['main', store]]));
}, 120_000);
afterAll(() => real?.remove());

const query = async (sql: string) =>
  withClient(await store.cluster.connection('app'), async (client) => (await client.query(sql)).rows);
let steps = 100;
const context = (more = {}) =>
  stepContext({
    step: `s${++steps}`,
    idempotencyKey: `r2/s${steps}`,
    rollout: 'r2',
    fence: { epoch: 8, n: steps },
    ...more,
  });
const manifest = async (id: string) =>
  JSON.parse(await readFile(join(store.restorePointsDir, id, 'manifest.json'), 'utf8'));
/** The largest file of tables: what is in it is read by nobody until a row of it is asked for. */
async function largest(dir: string): Promise<string> {
  const files = (await readdir(dir, { recursive: true, withFileTypes: true }))
    .filter((each) => each.isFile() && /^\d+$/.test(each.name) && each.parentPath.includes('/base/'))
    .map((each) => join(each.parentPath, each.name));
  const sizes = await Promise.all(files.map(async (path) => ({ path, size: (await stat(path)).size })));
  return sizes.sort((a, b) => b.size - a.size)[0]!.path;
}

restorePointsSuite('a program that takes snapshots', async () => {
  await query('create table mark(text text)');
  await query(`create table filler as select n, repeat(md5(n::text), 20) as text from generate_series(1, 5000) n`);
  return {
    restorePoints: points,
    store: 'main',
    write: async (text) => void (await query(`insert into mark values ('${text}')`)),
    marks: async () => (await query('select text from mark')).map(({ text }) => String(text)),
    async spoil(id) {
      const path = await largest(join(snapshots, (await manifest(id)).snapshot));
      const bytes = await readFile(path);
      bytes[Math.floor(bytes.length / 2)]! ^= 0x20;
      await writeFile(path, bytes);
    },
    spoilManifest: (id) => writeFile(join(store.restorePointsDir, id, 'manifest.json'), '{}'),
  };
});

describe('what the program does', () => {
  const taken = async (more = {}): Promise<string> => {
    const point = await points.take('main', context(more));
    if (!point.ok) throw new Error(point.why);
    return point.value.id;
  };
  const verified = (id: string) => points.verify('main', id, new AbortController().signal);
  /** The program says or does something else while somebody looks. */
  const otherwise = async (mode: string, then: () => Promise<void>): Promise<void> => {
    await writeFile(join(real.dir, 'mode'), mode);
    try {
      await then();
    } finally {
      await rm(join(real.dir, 'mode'));
    }
  };

  test('a snapshot that is gone is listed as that, doesn’t verify, and isn’t brought back', async () => {
    const id = await taken();
    const { snapshot } = await manifest(id);
    await rename(join(snapshots, snapshot), join(real.dir, 'aside'));
    const why = expect.stringContaining(`snapshot ${snapshot} isn’t there any more`);
    expect((await points.list('main')).unreadable).toContainEqual({ id, rollout: 'r2', why });
    expect(await verified(id)).toMatchObject({ ok: false, code: 'check-failed', why });
    expect(await points.restore('main', id, { kind: 'restore-point' }, context())).toMatchObject({ ok: false, why });
    await rename(join(real.dir, 'aside'), join(snapshots, snapshot));
    expect(await verified(id)).toMatchObject({ ok: true, value: { verified: true } });
  });

  test('what it answers wrongly, too late, or not at all is told by the verb, and takes nothing', async () => {
    for (const [mode, words, code] of [
      ['nonsense', /\(take\) answered what it wasn’t asked/, 'rejected'],
      ['busy', /\(take\): the volume is being moved \(exit code 75\)/, 'transient'],
      ['fails', /\(take\): it doesn’t say why \(exit code 3\)/, 'rejected'],
      ['floods', /\(take\) answered more than 1048576 bytes/, 'rejected'],
    ] as const)
      await otherwise(mode, async () => {
        expect(await points.take('main', context()), mode).toMatchObject({
          ok: false,
          code,
          why: expect.stringMatching(words),
        });
      });
    const slow = new SnapshotRestorePoints(
      new Map([['main', { ...store, snapshots: { ...store.snapshots, timeoutMs: 1_000 } }]]),
    );
    await otherwise('hangs', async () => {
      expect(await slow.take('main', context())).toMatchObject({
        ok: false,
        code: 'transient',
        why: expect.stringContaining('in time'),
      });
    });
    expect((await readdir(store.restorePointsDir)).filter((name) => name.includes('partial'))).toEqual([]);
  });

  test('a snapshot of nothing, and one of another cluster, don’t verify', async () => {
    const id = await taken();
    await otherwise('lays-out-nothing', async () =>
      expect(await verified(id)).toMatchObject({ ok: false, why: expect.stringContaining('no PG_VERSION') }),
    );
    const other = await realStore();
    try {
      await other.store.cluster.stop();
      await writeFile(join(real.dir, 'other'), other.store.cluster.data);
      await otherwise('lays-out-other', async () =>
        expect(await verified(id)).toMatchObject({
          ok: false,
          why: expect.stringMatching(/it is of another cluster/),
        }),
      );
    } finally {
      await other.remove();
    }
    expect(await readdir(store.cluster.dir)).not.toContain('verifying');
  });

  const restored = (id: string) => points.restore('main', id, { kind: 'restore-point' }, context());
  const other = async (id: string): Promise<void> =>
    writeFile(join(real.dir, 'other'), join(snapshots, (await manifest(id)).snapshot));

  test('an older snapshot, and a newer one, isn’t the one that was taken: neither is verified, neither is put in its place', async () => {
    await query('create table inv(id int); insert into inv values (1)');
    const [first] = [await taken(), await query('insert into inv select generate_series(2, 1000)')];
    await writeFile(join(real.dir, 'other'), (await manifest(first)).snapshot);
    // A program that says "done", and names yesterday's.
    let stale = '';
    await otherwise('takes-other', async () => {
      stale = await taken();
    });
    const older = {
      ok: false,
      why: expect.stringMatching(/an older snapshot .* its log ends at 0\/\S+, and the store’s was at 0\//),
    };
    expect(await verified(stale)).toMatchObject(older);
    expect(await restored(stale)).toMatchObject(older);
    const second = await taken();
    await other(first);
    await otherwise('lays-out-other', async () => expect(await verified(second)).toMatchObject(older));
    await other(second);
    await otherwise('lays-out-other', async () => {
      const newer = { ok: false, why: expect.stringContaining('it is a newer snapshot') };
      expect(await verified(first)).toMatchObject(newer);
      expect(await restored(first)).toMatchObject(newer);
    });
    expect(await query('select count(*)::int from inv')).toEqual([{ count: 1_000 }]);
    expect(await verified(second)).toMatchObject({ ok: true });
    expect(await readdir(store.cluster.dir)).not.toContain('restoring');
  });

  test('a restore point from before says less of its log: it is read as it is, and an older snapshot isn’t it either', async () => {
    const id = await taken();
    const folder = join(store.restorePointsDir, id);
    const before = JSON.stringify({ ...(await manifest(id)), files: [] });
    await rm(join(folder, 'log.json'));
    await writeFile(join(folder, 'manifest.json'), before);
    const digest = createHash('sha256').update(before).digest('hex');
    await writeFile(`${folder}.sha256`, `sha256:${digest}\nr2\n`);
    expect(await verified(id)).toMatchObject({ ok: true, value: { verified: true } });
    const [oldest] = (await points.list('main')).kept.toSorted((a, b) => a.point.takenAt - b.point.takenAt);
    await other(oldest!.point.id);
    await otherwise('lays-out-other', async () =>
      expect(await verified(id)).toMatchObject({ ok: false, why: expect.stringContaining('an older snapshot') }),
    );
  });

  test('no more are kept than are to be, those of the rollout at work are, and their snapshots go with them', async () => {
    const before = await taken({ rollout: 'r3' });
    for (let n = 0; n < 4; n++) await taken({ rollout: `r${n + 4}` });
    const { kept, unreadable } = await points.list('main');
    expect(kept.length).toBeLessThanOrEqual(4);
    expect(kept.map(({ point }) => point.id)).not.toContain(before);
    const names = await Promise.all(kept.map(async ({ point: { id } }) => (await manifest(id)).snapshot));
    expect((await readdir(snapshots)).toSorted()).toEqual(expect.arrayContaining(names.toSorted()));
    expect((await readdir(snapshots)).length).toBeLessThanOrEqual(kept.length + unreadable.length);
  });

  test('a moment that no snapshot holds is refused', async () => {
    const id = await taken();
    expect(await points.restore('main', id, { kind: 'latest' }, context())).toMatchObject({
      ok: false,
      code: 'rejected',
      why: expect.stringContaining('holds one moment'),
    });
  });
});

test('a cell’s file with snapshots beside a vault, pgBackRest or files is refused, each by its place', async () => {
  await chmod(real.dir, 0o755);
  const cell = {
    ...{ cell: 'shared', environment: 'production', application: 'shop', dir: '/srv/cell' },
    slots: { blue: { web: 1_025 }, green: { web: 1_026 } },
    stores: {
      main: {
        ...{ clusterDir: '/srv/pg', port: 1_027, database: 'app', user: 'app', passwordFile: '/srv/password' },
        ...{ archiveDir: '/srv/archive', restorePointsDir: '/srv/points', snapshots: { command: ['/opt/snapshots'] } },
      },
    },
    tenants: { ada: { store: 'main', ring: 'internal' } },
    router: { listenPort: 1_028, adminPort: 1_029, tokenFile: '/srv/token' },
  };
  expect(parseCellConfig(cell).stores.main?.snapshots?.timeoutMs).toBe(3_600_000);
  const { main } = cell.stores;
  const files = [{ name: 'attachments', dir: '/srv/attachments' }];
  const pgbackrest = { stanza: 'main', repository: { kind: 'folder', dir: '/srv/r' }, passphraseFile: '/srv/p' };
  const vault = {
    store: { kind: 'folder', dir: '/srv/v' },
    recipients: [`age1${'q'.repeat(20)}`],
    keyFile: '/srv/key',
  };
  const wrong = { ...cell, vault, stores: { main: { ...main, files, pgbackrest } } };
  for (const place of [
    /main\.snapshots: pgbackrest keeps/,
    /main\.files: a snapshot is/,
    /main\.snapshots: what its program keeps/,
  ])
    expect(() => parseCellConfig(wrong)).toThrow(place);
});

test('a cell that declares them takes and verifies one in a step, and archives nothing', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'headgate-snapshots-'));
  await chmod(dir, 0o755);
  const at = (...path: string[]): string => join(dir, ...path);
  await mkdir(at('cell'), { mode: 0o755 });
  const [blue, green, port, listenPort, adminPort] = await freePorts(5);
  const config = parseCellConfig({
    ...{ cell: 'shared', environment: 'production', application: 'shop', dir: at('cell') },
    slots: { blue: { web: blue }, green: { web: green } },
    stores: {
      main: {
        ...{ clusterDir: at('pg'), port, database: 'app', user: 'app', passwordFile: at('password') },
        ...{ archiveDir: at('archive'), restorePointsDir: at('points') },
        snapshots: { command: await copyingProgram(dir, at('snapshots')) },
      },
    },
    tenants: { ada: { store: 'main', ring: 'internal' } },
    router: { listenPort, adminPort, tokenFile: at('token') },
  });
  try {
    const cell = await openCell(config);
    try {
      const outcome = await execute({ kind: 'restore-point', store: 'main' }, context(), cell);
      expect(outcome).toMatchObject({ kind: 'done', result: { restorePoint: { verified: true } } });
      expect(await readdir(at('snapshots'))).toHaveLength(1);
      // Its rows are promised where nobody says otherwise: a copy of no one moment may recover all the same.
      const [id] = (await readdir(at('points'))).filter((name) => /^rp-[0-9a-z-]+$/.test(name));
      expect(JSON.parse(await readFile(at('points', id!, 'manifest.json'), 'utf8')).census).toBeDefined();
      const { cluster } = physicalStore(config, 'main', await findPrograms(15, dir));
      const { rows } = await withClient(await cluster.controlConnection(), (client) =>
        client.query('show archive_mode'),
      );
      expect(rows).toEqual([{ archive_mode: 'off' }]);
    } finally {
      await cell.close();
    }
  } finally {
    await endRunning({ ...config, drainMs: 0 }, () => {});
    await rm(dir, { recursive: true, force: true });
  }
});
