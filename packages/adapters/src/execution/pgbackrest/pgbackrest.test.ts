/** Restore points by the real pgBackRest, in a folder: the port's suite, exact recovery, and whatever may be wrong with them. */
import { execFile } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { restorePointsSuite } from '@headgate/testkit/execution/restore-points-suite';
import { stepContext } from '@headgate/testkit/execution/step-context';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { withClient } from '../../postgres-cluster/database.ts';
import { restoring } from '../restore-points/in-place.ts';
import { archivedByNow } from './archived-log.ts';
import { FILES } from './own-configuration.ts';
import { PgBackRestRestorePoints } from './pgbackrest-restore-points.ts';
import { type BackedUpStore, backedUpStore, PASSPHRASE, pgbackrestMissing } from './testing/backed-up-store.ts';

// A backup lets all others on the machine go first.
vi.setConfig({ testTimeout: 240_000 });
const run = promisify(execFile);
const missing = await pgbackrestMissing();

describe.skipIf(missing !== undefined)('pgBackRest', () => {
  let world: BackedUpStore;
  beforeAll(async () => {
    world = await backedUpStore();
  }, 120_000);
  afterAll(() => world?.real.remove());

  restorePointsSuite('pgBackRest', async () => {
    const { points, query, repositoryDir, store } = world;
    await query('create table mark(text text)');
    const folder = (id: string): string => join(store.restorePointsDir, id);
    return {
      restorePoints: points,
      store: 'main',
      write: async (text) => void (await query(`insert into mark values ('${text}')`)),
      marks: async () => (await query('select text from mark')).map(({ text }) => String(text)),
      async spoil(id) {
        const { pgbackrest } = JSON.parse(await readFile(join(folder(id), 'manifest.json'), 'utf8'));
        await flip(await largestFile(join(repositoryDir, 'backup', 'main', pgbackrest.label)));
      },
      spoilManifest: (id) => writeFile(join(folder(id), 'manifest.json'), '{}'),
    };
  });

  describe('in a folder', () => {
    let id = '';
    let label = '';
    const repository = (...parts: string[]): string => join(world.repositoryDir, ...parts);
    const backup = (...parts: string[]): string => repository('backup', 'main', label, ...parts);
    let steps = 100;
    const context = (more = {}) =>
      stepContext({
        step: `s${++steps}`,
        idempotencyKey: `r2/s${steps}`,
        rollout: 'r2',
        fence: { epoch: 8, n: steps },
        ...more,
      });
    const segment = async (name: string): Promise<string> => {
      const dir = repository('archive', 'main', '15-1', name.slice(0, 16));
      return join(dir, (await readdir(dir)).find((each) => each.startsWith(`${name}-`))!);
    };
    /** Writes a row and ends the segment that it stands in. Its name, once it lies in the repository. */
    const endSegment = async (n: number): Promise<string> => {
      await world.query(`insert into entry(n) values (${n})`);
      const [row] = await withClient(
        await world.store.cluster.connection(),
        async (client) =>
          (await client.query<{ name: string }>('select pg_walfile_name(pg_switch_wal()) as name')).rows,
      );
      expect(await archivedByNow(world.store.cluster, row!.name, bounds)).toBeUndefined();
      return row!.name;
    };
    const point = async () =>
      JSON.parse(await readFile(join(world.store.restorePointsDir, id, 'manifest.json'), 'utf8'));
    const serves = () => world.query('select count(*)::int as n from mark where false');
    /** With the repository changed so, which is as it was afterwards. */
    const harmed = async (harm: () => Promise<void>, then: () => Promise<void>): Promise<void> => {
      await run('cp', ['-a', world.repositoryDir, repository('..', 'sound')]);
      try {
        await harm();
        await then();
        expect(await serves()).toEqual([{ n: 0 }]);
        expect(await restoring(world.store.cluster)).toBe(false);
      } finally {
        await rm(world.repositoryDir, { recursive: true });
        await rename(repository('..', 'sound'), world.repositoryDir);
      }
    };
    const verified = () => world.points.verify('main', id, new AbortController().signal);
    const restored = () => world.points.restore('main', id, { kind: 'restore-point' }, context());

    test('after a damaged one the next one is a full backup, on which nothing of before is needed', async () => {
      const taken = await world.points.take('main', context({ step: 'anew' }));
      if (!taken.ok) throw new Error(taken.why);
      id = taken.value.id;
      expect((await point()).pgbackrest.label).toMatch(/^\d{8}-\d{6}F$/);
      expect(await verified()).toMatchObject({ ok: true, value: { verified: true } });
    });

    test('a later moment is exact to the transaction, and what nobody archived is not taken for the end', async () => {
      const taken = await world.points.take('main', context({ step: 'exact' }));
      if (!taken.ok) throw new Error(taken.why);
      id = taken.value.id;
      label = (await point()).pgbackrest.label;
      await world.query('create table entry(n int primary key, xid xid8 default pg_current_xact_id())');
      for (let n = 1; n <= 20; n++) await world.query(`insert into entry(n) values (${n})`);
      const [marked] = await world.query('select xid::text as xid from entry where n = 12');
      const target = { kind: 'transaction', xid: String(marked!.xid) } as const;
      expect(await world.points.restore('main', id, target, context())).toMatchObject({ ok: true });
      expect(await world.query('select count(*)::int as n, max(n) as last from entry')).toEqual([{ n: 12, last: 12 }]);
      const latest = { kind: 'latest' } as const;
      await world.query('insert into entry(n) values (100)');
      expect(await world.points.restore('main', id, latest, context())).toMatchObject({ ok: true });
      expect(await world.query('select max(n) as last from entry')).toEqual([{ last: 100 }]);
      const cut = await endSegment(101);
      await endSegment(102);
      await harmed(
        async () => rm(await segment(cut)),
        async () =>
          expect(await world.points.restore('main', id, latest, context())).toMatchObject({
            ok: false,
            code: 'check-failed',
            why: expect.stringMatching(/ends at .* and the log goes up to/),
          }),
      );
      const again = await world.points.take('main', context({ step: 'after' }));
      if (!again.ok) throw new Error(again.why);
      id = again.value.id;
      label = (await point()).pgbackrest.label;
      expect(await verified()).toMatchObject({ ok: true, value: { verified: true } });
    }, 120_000);

    test.for<[string, () => Promise<void>, RegExp]>([
      ['a flipped byte', async () => flip(await largestFile(backup())), /invalid checksum/],
      ['a truncated file', async () => truncate(await largestFile(backup()), 10), /invalid|missing/],
      ['a missing file', async () => rm(await largestFile(backup())), /file missing/],
      [
        'a backup before it that is gone',
        () => rm(backup('..', label.slice(0, 16)), { recursive: true }),
        /gone|missing|isn’t there/,
      ],
      ['a flipped manifest', () => flip(backup('backup.manifest')), /isn’t what it was|can’t be/],
      ['a manifest that is gone', () => rm(backup('backup.manifest')), /isn’t there/],
      [
        'a missing segment',
        async () => rm(await segment((await point()).pgbackrest.lastWal)),
        /segment [0-9A-F]{24} is missing/,
      ],
      [
        'a segment in the place of another',
        async () => {
          const { firstWal, lastWal } = (await point()).pgbackrest;
          expect(firstWal).not.toBe(lastWal);
          await copyFile(await segment(firstWal), await segment(lastWal));
        },
        /the log’s segment [0-9A-F]{24}: invalid checksum/,
      ],
    ])('%s is named by a verification', async ([, harm, words]) =>
      harmed(harm, async () =>
        expect(await verified()).toMatchObject({ ok: false, code: 'check-failed', why: expect.stringMatching(words) }),
      ),
    );

    test('a backup that is damaged is not brought back, and leaves nothing behind', () =>
      harmed(
        async () => rm(await largestFile(backup('..', label.slice(0, 16)))),
        async () => {
          expect(await restored()).toMatchObject({
            ok: false,
            code: 'check-failed',
            why: expect.stringMatching(/can't be brought back/),
          });
          expect(await readdir(world.store.cluster.dir)).not.toContain('restoring');
        },
      ));

    test('a wrong passphrase is told as that, and neither it nor what it made of the bytes shows', async () => {
      const passphraseFile = join(world.real.dir, 'wrong');
      await writeFile(passphraseFile, 'quite another passphrase\n', { mode: 0o600 });
      const points = new PgBackRestRestorePoints(new Map([['main', world.with({ passphraseFile })]]));
      const answer = await points.verify('main', id, new AbortController().signal);
      const taken = await points.take('main', context());
      await world.points.prepare(() => {});
      for (const each of [answer, taken]) {
        expect(each).toMatchObject({ ok: false, why: expect.stringContaining('the passphrase is another one') });
        expect(JSON.stringify(each)).toMatch(/^[\x20-\x7e‘’—]+$/);
        expect(JSON.stringify(each)).not.toContain('quite another');
      }
      expect(await serves()).toEqual([{ n: 0 }]);
    });

    test('a repository that is away keeps nothing from serving, and is not made anew', async () => {
      await rename(world.repositoryDir, repository('..', 'away'));
      try {
        expect(await world.points.take('main', context())).toMatchObject({
          ok: false,
          code: 'transient',
          why: expect.stringContaining('is the disk mounted?'),
        });
        await expect(world.points.list('main')).rejects.toThrow('is the disk mounted?');
        await mkdir(world.repositoryDir); // a mount point without its disk
        expect(await world.points.take('main', context())).toMatchObject({
          ok: false,
          why: expect.stringContaining('has nothing of this stanza any more'),
        });
        expect(await readdir(world.repositoryDir)).toEqual([]);
        expect(await serves()).toEqual([{ n: 0 }]);
      } finally {
        await rm(world.repositoryDir, { recursive: true });
        await rename(repository('..', 'away'), world.repositoryDir);
      }
    });

    test('a rollout’s first restore point outdates what earlier ones left, its next ones do not', async () => {
      const points = new PgBackRestRestorePoints(
        new Map([['main', world.with({ keep: { full: 1 }, fullEveryMs: 0 })]]),
      );
      const ids: string[] = [];
      for (const step of ['first', 'second']) {
        const taken = await points.take('main', context({ rollout: 'r3', step }));
        if (!taken.ok) throw new Error(taken.why);
        ids.unshift(taken.value.id);
        const { kept, unreadable } = await points.list('main');
        expect(kept.map(({ point: { id: each } }) => each)).toEqual(ids);
        expect(unreadable.filter(({ rollout }) => rollout !== 'r1')).toEqual([]);
      }
    });

    test('those that are taken by schedule outdate each other, and not what the last rollout took', async () => {
      const points = new PgBackRestRestorePoints(
        new Map([['main', world.with({ keep: { full: 1 }, fullEveryMs: 0 })]]),
      );
      const before = (await points.list('main')).kept.filter(({ rollout }) => rollout === 'r3');
      expect(before).toHaveLength(2);
      for (const step of ['one', 'two']) {
        const taken = await points.take('main', context({ rollout: 'schedule', step }));
        if (!taken.ok) throw new Error(taken.why);
        const { kept, unreadable } = await points.list('main');
        const oldest = before.at(-1)!.point.id;
        expect(kept.map(({ point: { id: each } }) => each)).toEqual([taken.value.id, oldest]);
        expect(unreadable.filter(({ rollout }) => rollout !== 'r1')).toEqual([]);
        // Its log up to its moment is there, too.
        expect(await points.verify('main', oldest, new AbortController().signal)).toMatchObject({ ok: true });
      }
    });

    test('no secret stands in what others may read: files of ours are closed, and no argument holds one', async () => {
      for (const name of Object.values(FILES).filter((each) => each !== FILES.authority)) {
        const { mode } = await stat(join(world.store.cluster.dir, 'pgbackrest', name));
        expect(mode & 0o077).toBe(0);
      }
      const [settings] = await world.query(`select current_setting('archive_command') as command`);
      expect(settings!.command).not.toContain(PASSPHRASE);
    });
  });
});

const bounds = { deadlineMs: 60_000, signal: new AbortController().signal };

async function largestFile(dir: string): Promise<string> {
  const files = (await readdir(dir, { recursive: true, withFileTypes: true }))
    .filter((each) => each.isFile() && !each.name.startsWith('backup.manifest'))
    .map((each) => join(each.parentPath, each.name));
  const sizes = await Promise.all(files.map(async (path) => ({ path, size: (await stat(path)).size })));
  return sizes.sort((a, b) => b.size - a.size)[0]!.path;
}

async function flip(path: string): Promise<void> {
  const bytes = await readFile(path);
  bytes[Math.floor(bytes.length / 2)]! ^= 0x20;
  await writeFile(path, bytes);
}
