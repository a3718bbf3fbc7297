/** A store with a real pgBackRest, as its agent keeps it by schedule: restore points, its log, drills; and what turns each of them. */
import { readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pgbackrestMissing } from '@headgate/adapters/execution/pgbackrest/testing/backed-up-store';
import { ownSigners } from '@headgate/adapters/execution/vault/vault-key';
import { openDrill } from '@headgate/documents';
import type { DrillEvidence } from '@headgate/domain';
import { restoreDrilled } from '@headgate/domain/gates/restore-drilled';
import { soundFacts } from '@headgate/testkit/domain/builders';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { CellWorker, type WorkerParts } from '../assignments/cell-worker.ts';
import type { Cell } from '../cells/cell.ts';
import { openRealCell } from '../cells/real-cell.ts';
import { restorePoints } from '../commands/restore-points.ts';
import type { AgentConfig } from '../config.ts';
import { type BackedCell, backedCell } from '../testing/backed-cell.ts';
import { silent } from '../testing/bench-agent.ts';
import { eventually } from '../testing/poll.ts';
import { agentSchedule } from './agent-schedule.ts';
import type { Scheduler } from './scheduler.ts';
import { WalRounds } from './wal-rounds.ts';
import { scheduleLines, withWal } from './words.ts';

const PATIENCE_MS = 120_000;
vi.setConfig({ testTimeout: 240_000 });
const missing = await pgbackrestMissing();

describe.skipIf(missing !== undefined)('a store with pgBackRest, by schedule', () => {
  let world: BackedCell;
  let cell: Cell;
  let worker: CellWorker;
  /** The server's. */
  const told: DrillEvidence[] = [];
  beforeAll(async () => {
    world = await backedCell({
      vault: {
        schedule: { everyMs: 3_600_000 },
        drill: { everyMs: 1_000 },
        rpoMs: 600_000,
      },
      own: { logEveryMs: 1_000 },
    });
    const { vault } = world.config;
    vault.drill!.workDir = world.workDir;
    await world.configure(world.config);
    cell = await openRealCell(world.config, () => {});
    await world.query('create table entry(n int primary key, note text); alter table entry owner to app');
    await world.query(`insert into entry select n, 'note ' || n from generate_series(1, 2000) n`);
    worker = new CellWorker({ log: silent, stepEnded: () => {} } as unknown as WorkerParts);
    worker.holds(cell);
  }, 120_000);
  afterAll(async () => {
    await cell?.close();
    await world?.remove();
  });

  const rounds = (): WalRounds => new WalRounds({ cells: [world.config], log: silent, worker: () => worker });
  const schedule = (): Promise<Scheduler> =>
    agentSchedule({
      config: { cells: [world.config], dataDir: world.dir } as unknown as AgentConfig,
      ...{
        trust: { signers: [] },
        log: silent,
        worker: () => worker,
        epoch: () => 1,
        seen: () => undefined,
        goesBack: () => false,
      },
      plane: {
        async recordDrill(bundle) {
          const opened = openDrill(bundle, { signers: await ownSigners(world.config.vault.keyFile) });
          if (!opened.ok) throw new Error(opened.why);
          told.push(opened.drill);
          return 'recorded';
        },
      },
    });
  const judge = (params: object = {}) =>
    restoreDrilled.judge(
      { rtoMs: 300_000, rpoMs: 60_000, drillMaxAgeMs: 3_600_000, ...params },
      soundFacts(Date.now(), { drills: told, migrated: [{ cell: 'shared', store: 'main' }] }),
      { kind: 'wave', wave: 1 },
    );
  /** With a scheduler and rounds at work until something holds. `harm`: once they have seen what there is. */
  const atWork = async (
    holds: (scheduler: Scheduler, wal: WalRounds) => boolean,
    harm?: () => Promise<void>,
  ): Promise<string> => {
    const [scheduler, wal] = [await schedule(), rounds()];
    wal.start();
    scheduler.start();
    try {
      if (harm !== undefined) {
        await eventually(() => scheduler.of('shared')[0]?.drills !== undefined, PATIENCE_MS);
        await harm();
      }
      await eventually(() => holds(scheduler, wal), PATIENCE_MS);
      return scheduleLines(withWal(scheduler.of('shared'), wal.of('shared')), Date.now()).join('\n');
    } finally {
      await scheduler.stop();
      await wal.stop();
    }
  };
  const list = (...more: string[]) => world.asked((args) => restorePoints(['list', ...more, ...args]));
  const verify = () => world.asked((args) => restorePoints(['verify', ...args]));
  const repository = (...path: string[]): string => join(world.repositoryDir, ...path);
  const filesIn = async (...path: string[]): Promise<readonly string[]> =>
    (await readdir(repository(...path), { recursive: true, withFileTypes: true }))
      .filter((each) => each.isFile())
      .map((each) => join(each.parentPath, each.name));

  test('a restore point is taken, its log is followed, and drills bring back both, as fast and as fresh as the gate asks', async () => {
    expect(judge()).toMatchObject({ verdict: 'no-data' });
    const status = await atWork(() => told.some(({ ok, rpoMs }) => ok && rpoMs! < 60_000));
    expect(status).toMatch(/store main: restore point of .* ago, the next in/);
    expect(status).toMatch(/store main: last drill: well/);
    expect(status).toMatch(/store main: WAL in the repository up to .* ago$/m);
    expect(judge()).toMatchObject({
      verdict: 'pass',
      because: expect.stringMatching(/shared\/main was drilled .* ago/),
    });
    expect(judge({ rpoMs: 1 })).toMatchObject({ verdict: 'fail', because: expect.stringContaining('would be lost') });
    expect(judge({ rtoMs: 1 })).toMatchObject({ verdict: 'fail', because: expect.stringContaining('took') });
  });

  test('what lies there is listed in the vault’s form: freshness with the log, protection, what is kept, and whose disk it is', async () => {
    await world.query(`insert into entry values (9001, 'later')`);
    const from = Date.now();
    await atWork((_, wal) => wal.of('shared')[0]!.reachedAt! > from);
    const { code, out } = await list();
    expect(out).toMatch(
      /^production, cell shared, store main, in pgBackRest’s repository in folder .*, stanza main:\n {2}rp-/,
    );
    expect(out).toMatch(/a full backup \d{8}-\d{6}F {2}PostgreSQL 15 physical, LSN .* verified when it was taken/);
    expect(out).toMatch(/lost if the store were lost now: the last .* s \(its WAL lies there up to 20/);
    expect(out).toContain('versioning off');
    expect(out).toContain('kept: 2 full backups, with what was built on them and the log since');
    expect(out).toContain('ON THE STORE’S OWN DISK');
    expect(code).toBe(0);
    const [told] = JSON.parse((await list('--json')).out);
    expect(told).toMatchObject({ store: 'main', sameDevice: true, points: [{ verified: true, rollout: 'schedule' }] });
    expect(await verify()).toMatchObject({
      code: 0,
      out: expect.stringMatching(/is right: its backup .* read back whole/),
    });
  });

  test('where more may be lost than is allowed, and where another device is demanded, the list says so', async () => {
    const vault = { ...world.config.vault, rpoMs: 1_000, demands: ['another-device'] };
    await world.configure({ ...world.config, vault });
    // No round is at work: what was seen last grows older than that.
    await new Promise((done) => setTimeout(done, 1_100));
    try {
      const { code, out } = await list();
      expect(code).toBe(1);
      expect(out).toMatch(/TOO OLD: at most 1 s may be lost/);
      expect(out).toMatch(/DEMANDED AND NOT SO: another-device: .* is on the same device as/);
    } finally {
      await world.configure(world.config);
    }
  });

  test('a flipped byte in the repository turns the drill, the gate and a verification', async () => {
    const sizes = await Promise.all(
      (await filesIn('backup')).map(async (path) => ({ path, size: (await stat(path)).size })),
    );
    const { path } = sizes.filter((each) => !each.path.includes('manifest')).sort((a, b) => b.size - a.size)[0]!;
    const sound = await readFile(path);
    const bad = Buffer.from(sound);
    bad[Math.floor(bad.length / 2)]! ^= 0x20;
    await writeFile(path, bad);
    try {
      expect(await verify()).toMatchObject({ code: 1, err: expect.stringContaining('invalid checksum') });
      const before = told.length;
      await atWork(() => told.slice(before).some(({ ok }) => !ok));
      expect(judge()).toMatchObject({ verdict: 'fail', because: expect.stringContaining('did not go well') });
    } finally {
      await writeFile(path, sound);
    }
  });

  test('a segment of the log that is gone turns the log’s fact, the list and the drill, by its name', async () => {
    const last = (await filesIn('archive'))
      .filter((each) => /\/[0-9A-F]{24}-/.test(each))
      .sort()
      .at(-2)!;
    const name = /\/([0-9A-F]{24})-/.exec(last)![1]!;
    await rename(last, join(world.dir, 'segment'));
    try {
      const before = told.length;
      const status = await atWork(
        (_, wal) => wal.of('shared')[0]?.why !== undefined && told.slice(before).some(({ ok }) => !ok),
      );
      expect(status).toContain(`LAST TRY: the segment ${name} isn’t in the repository`);
      expect(told.at(-1)!.because.join()).toContain(`segment ${name} isn’t in`);
      expect(await list()).toMatchObject({
        code: 1,
        out: expect.stringContaining(`WAL: its segment ${name} isn’t there`),
      });
    } finally {
      await rename(join(world.dir, 'segment'), last);
    }
  });

  test('a repository that is away turns all of them, and is back when it is back', async () => {
    try {
      const before = told.length;
      const status = await atWork(
        (_, wal) => wal.of('shared')[0]?.why !== undefined && told.slice(before).some(({ ok }) => !ok),
        () => rename(world.repositoryDir, join(world.dir, 'unmounted')),
      );
      expect(await atWork((scheduler) => scheduler.of('shared')[0]?.unseen !== undefined)).toMatch(
        /restore points CAN’T BE LOOKED AT: .*is the disk mounted\?/,
      );
      expect(status).toMatch(/WAL .*LAST TRY: .*is the disk mounted\?/);
      expect(await list()).toMatchObject({ code: 1, err: expect.stringContaining('is the disk mounted?') });
      expect(judge()).toMatchObject({ verdict: 'fail', because: expect.stringContaining('is the disk mounted?') });
    } finally {
      await rename(join(world.dir, 'unmounted'), world.repositoryDir);
    }
    const before = told.length;
    await atWork(() => told.slice(before).some(({ ok, rpoMs }) => ok && rpoMs! < 60_000));
    expect(judge()).toMatchObject({ verdict: 'pass' });
  });

  test('a wrong passphrase turns them as well, and nothing of what it made of the bytes shows', async () => {
    const right = await readFile(world.passphraseFile);
    try {
      const before = told.length;
      await atWork(
        () => told.slice(before).some(({ ok }) => !ok),
        () => writeFile(world.passphraseFile, 'quite another passphrase\n'),
      );
      expect(
        await atWork(
          (scheduler, wal) => scheduler.of('shared')[0]?.unseen !== undefined && wal.of('shared')[0]?.why !== undefined,
        ),
      ).toMatch(
        /LOOKED AT: .*the passphrase is another one[\s\S]*WAL .*LAST TRY: .*didn't get to the repository in time/,
      );
      expect(judge()).toMatchObject({
        verdict: 'fail',
        because: expect.stringContaining('the passphrase is another one'),
      });
      const { code, err } = await list();
      expect([code, err]).toEqual([1, expect.stringContaining('the passphrase is another one')]);
      expect(err).toMatch(/^[\x20-\x7e‘’—\n]+$/);
    } finally {
      await writeFile(world.passphraseFile, right);
    }
    expect(await list()).toMatchObject({ out: expect.stringContaining('its WAL lies there up to') });
  });
});
