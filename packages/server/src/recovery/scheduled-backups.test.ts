/** Backups by schedule and their drills, of a real server's embedded database. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openPostgresControl, type PostgresControl } from '@headgate/adapters/control/postgres/index';
import { readBackupStatus } from '@headgate/documents';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openFolder } from '../installation/folder.ts';
import { RealServer, runMain, until } from '../testing/real-server.ts';
import { SmallCompany } from '../testing/small-company.ts';
import { asSuperuser } from '../testing/superuser.ts';
import { backupsIn } from './backup-folder.ts';
import { drillBackup, type Live } from './drill-backup.ts';
import { ScheduledBackups } from './scheduled-backups.ts';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));

let server: RealServer;
let control: PostgresControl;
let live: Live;
let away: string;
beforeAll(async () => {
  server = await RealServer.start();
  await SmallCompany.found(server);
  away = await mkdtemp(join(tmpdir(), 'headgate-backups-'));
  const databaseUrl = await asSuperuser(server, async ({ host, port, user, password }) => {
    return `postgres://${user}:${encodeURIComponent(password ?? '')}@${host}:${port}/headgate`;
  });
  control = await openPostgresControl({ databaseUrl, poolSize: 2, applicationName: 'test' });
  const row = (await control.store.load(['installation/this'])).get('installation/this');
  live = { installation: row?.state as Live['installation'], log: control.log };
}, 60_000);
afterAll(async () => {
  await control?.close();
  await server?.remove();
  if (away !== undefined) await rm(away, { recursive: true, force: true });
});

async function backups(to: string, keep = 2, drillEvery = 1): Promise<ScheduledBackups> {
  const schedule = { to, everyMs: 3_600_000, keep, drillEvery };
  return ScheduledBackups.open({
    folder: await openFolder(server.dataDir),
    schedule,
    live,
    log: pino({ level: 'silent' }),
  });
}
const names = async (to: string) => (await backupsIn(to)).map(({ name }) => name);
const drilled = (from: string) =>
  drillBackup(from, undefined, join(server.dataDir, 'backup-drill'), live, new AbortController().signal);

test('each is read back and restored in a drill, and the newest stay; what the drill made is gone', async () => {
  const to = join(away, 'kept');
  await mkdir(join(to, 'headgate-2020-01-01T00-00-00-000Z'), { recursive: true });
  await writeFile(join(to, 'something else'), 'x');
  const scheduled = await backups(to);
  for (let n = 0; n < 3; n++) await scheduled.once();
  const { last, good, drill } = scheduled.status;
  expect({ last, because: drill?.because }).toMatchObject({ last: { ok: true }, because: [] });
  expect(drill).toMatchObject({ ok: true, name: good?.name, entries: expect.any(Number) });
  expect(drill?.entries).toBeGreaterThanOrEqual(good?.entries ?? Number.NaN);
  expect(drill?.entries).toBeGreaterThan(10);
  expect(scheduled.trouble()).toBe('');
  // The unfinished one of a server that was killed is gone, too; what isn't ours stays.
  expect((await readdir(to)).sort()).toEqual([...(await names(to)).toReversed(), 'something else']);
  expect((await names(to))[0]).toBe(good?.name);
  expect(await names(to)).toHaveLength(2);
  expect(await stat(join(server.dataDir, 'backup-drill')).catch(() => undefined)).toBeUndefined();
  expect((await stat(join(to, good?.name ?? ''))).mode & 0o777).toBe(0o700);
}, 120_000);

test('what is due less often is drilled by the count of backups, which outlives the server', async () => {
  const to = join(away, 'counted');
  await (await backups(to, 5, 2)).once();
  const second = await backups(to, 5, 2);
  expect(second.status).toMatchObject({ sinceDrill: 1, good: { name: expect.any(String) } });
  expect(second.status.drill).toBeUndefined();
  await second.once();
  expect(second.status).toMatchObject({ sinceDrill: 0, drill: { ok: true, name: second.status.good?.name } });
}, 120_000);

test('a folder that can’t be written is told, and touches no older backup', async () => {
  const to = join(away, 'full');
  const scheduled = await backups(to, 1);
  await scheduled.once();
  const before = await names(to);
  await rename(to, join(away, 'aside'));
  await writeFile(to, 'a file in the place of the folder');
  await scheduled.once();
  expect(scheduled.status.last).toMatchObject({ ok: false, why: expect.stringMatching(/ENOTDIR|EEXIST/) });
  expect(scheduled.trouble()).toContain('the last try failed');
  expect(await names(join(away, 'aside'))).toEqual(before);
  const text = await readFile(join(server.dataDir, 'backups.json'), 'utf8');
  expect(readBackupStatus(text)?.last?.ok).toBe(false);
}, 120_000);

test('a flipped byte, a changed row and a dropped entry each make the drill fail, and nothing older is removed', async () => {
  const to = join(away, 'sabotaged');
  const scheduled = await backups(to, 1);
  await scheduled.once();
  const [first = ''] = await names(to);
  expect(await drilled(join(to, first))).toMatchObject({ ok: true, because: [] });

  const file = join(to, first, 'data', 'global', 'pg_control');
  const bytes = await readFile(file);
  bytes[100] = (bytes[100] ?? 0) ^ 1;
  await writeFile(file, bytes);
  expect(await drilled(join(to, first))).toMatchObject({
    ok: false,
    because: [expect.stringContaining("pg_control isn't what was written")],
  });

  const sabotage = (sql: string) =>
    asSuperuser(server, (client) =>
      client.query(`begin; set local session_replication_role = replica; ${sql}; commit`),
    );
  await sabotage(
    `update headgate.stream set state = jsonb_set(state::jsonb, '{roles}', '["admin"]')::json where stream = 'principal/usr_developer'`,
  );
  await scheduled.once();
  expect(scheduled.status.drill).toMatchObject({
    ok: false,
    because: [expect.stringContaining('row principal/usr_developer')],
  });
  await sabotage(
    `update headgate.stream set state = jsonb_set(state::jsonb, '{roles}', '["developer"]')::json where stream = 'principal/usr_developer'`,
  );
  await scheduled.once();
  expect(scheduled.status.drill?.ok, 'as it was it is well').toBe(true);
  expect(await names(to)).toHaveLength(1);

  await sabotage('delete from headgate.entry where id = (select entry from headgate.log_leaf where place = 5)');
  await scheduled.once();
  expect(scheduled.status.drill).toMatchObject({
    ok: false,
    because: expect.arrayContaining(['entry 5 of the log is missing']),
  });
  expect(scheduled.status.last?.ok).toBe(true);
  expect(scheduled.trouble()).toContain('the last drill failed');
  expect(await names(to)).toHaveLength(2);
}, 180_000);

test('a server that is told to takes them by itself, tells it on /metrics, and goes on where it stood', async () => {
  const to = join(away, 'by itself');
  const own = await RealServer.start({ args: ['--backup-to', to, '--backup-every', '0.0005', '--backup-keep', '1'] });
  try {
    const read = async () => readBackupStatus(await readFile(join(own.dataDir, 'backups.json'), 'utf8'));
    await until(
      'two were taken and drilled',
      async () => {
        const status = await read();
        return status?.drill?.ok === true && (await names(to))[0] !== status.drill.name;
      },
      60_000,
    );
    const token = (await readFile(join(own.dataDir, 'secrets', 'auditor.token'), 'utf8')).trim();
    const metrics = await (await fetch(`${own.url}/metrics`, { headers: { authorization: `Bearer ${token}` } })).text();
    expect(metrics).toMatch(/^headgate_backup_age_seconds [\d.]+$/m);
    expect(metrics).toMatch(/^headgate_backup_drill_age_seconds [\d.]+$/m);
    expect(metrics).toMatch(/^headgate_backup_sound [01]$/m);
    expect(own.errors).toContain('the backup was restored in a drill');
    expect(await own.stop()).toBe(0);
    const out = await new Promise<string>((done) =>
      execFile(process.execPath, [MAIN, 'backup', '--status', '--data', own.dataDir], (_, text) => done(text)),
    );
    expect(out).toMatch(/newest good backup: headgate-\S+, \d+ s ago: \d+ entries of the log/);
    expect(out).toMatch(/last drill: headgate-\S+, \d+ s ago: it went well/);
  } finally {
    await own.remove();
  }
}, 120_000);

test('a server that is killed in the midst of a drill leaves nothing that stands in the next one’s way', async () => {
  const to = join(away, 'killed');
  const own = await RealServer.start({ args: ['--backup-to', to, '--backup-every', '0.0005', '--backup-keep', '1'] });
  const place = join(own.dataDir, 'backup-drill');
  try {
    const read = async () => readBackupStatus(await readFile(join(own.dataDir, 'backups.json'), 'utf8'));
    await until('a drill is under way', async () => (await stat(join(place, 'database.port'))).isFile(), 60_000);
    await own.kill();
    const before = (await read())?.soundDrillAt ?? 0;
    await own.start();
    await until('the next drill went well', async () => ((await read())?.soundDrillAt ?? 0) > before, 60_000);
    expect((await read())?.drill).toMatchObject({ ok: true, because: [] });
    expect(await own.stop()).toBe(0);
    expect(await stat(place).catch(() => undefined)).toBeUndefined();
  } finally {
    await own.remove();
  }
}, 120_000);

test.each([
  [['--backup-to', 'x', '--backup-every', '0'], '--backup-every 0'],
  [['--backup-to', 'x', '--backup-every', 'daily'], '--backup-every daily'],
  [['--backup-to', 'x', '--backup-keep', '0'], '--backup-keep 0'],
  [['--backup-keep', '3'], 'go with --backup-to'],
  [['--backup-to', 'x', '--database-url', 'postgres://u@127.0.0.1/x'], 'its own tools'],
])('%j is refused before anything starts', async (args, why) => {
  expect(await runMain(args)).toMatchObject({ code: 2, stderr: expect.stringContaining(why) });
});
