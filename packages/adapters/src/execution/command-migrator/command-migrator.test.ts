import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MigrationRef } from '@headgate/domain';
import { migratorSuite } from '@headgate/testkit/execution/migrator-suite';
import { digestFor, manifestOf, stepContext } from '@headgate/testkit/execution/step-context';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { identify } from '../../machine/process-identity.ts';
import { withClient } from '../../postgres-cluster/database.ts';
import { ownersConnection } from '../store/store-session.ts';
import { type RealStore, realStore } from '../testing/real-store.ts';
import { CommandMigrations } from './command-config.ts';
import { CommandMigrator } from './command-migrator.ts';
import { erpProgram } from './testing/erp-program.ts';

const KEY = 'a+secret/with "much" in it';
const VERSION_QUERY = 'select name from erp_version order by n desc limit 1';

interface World {
  readonly real: RealStore;
  migrator(more?: object): CommandMigrator;
}

async function world(): Promise<World> {
  const real = await realStore();
  const { user } = real.store.cluster.programs;
  const { program } = await erpProgram(real.dir, user);
  await writeFile(join(real.dir, 'key'), `${KEY}\n`, { mode: 0o600 });
  return {
    real,
    migrator(more = {}) {
      const migrations = CommandMigrations.parse({
        kind: 'command',
        program: ['${node}', ...program.slice(1)],
        secretEnv: { ERP_KEY: join(real.dir, 'key') },
        databaseEnv: { url: 'DATABASE_URL' },
        versionQuery: VERSION_QUERY,
        ...more,
      });
      return new CommandMigrator(new Map([['main', { ...real.store, migrations }]]), {
        dir: join(real.dir, 'commands'),
        user,
        node: program[0]!,
      });
    },
  };
}

let w: World;
beforeAll(async () => {
  w = await world();
});
afterAll(() => w?.real.remove());

const document = (words: readonly string[], from: string | null, to: string | null): string =>
  JSON.stringify({ apiVersion: 'headgate/v1', kind: 'CommandMigration', arguments: words, from, to });
function migration(from: number, text: string): MigrationRef {
  const file = { name: `${from + 1}.yaml`, digest: digestFor(text), size: text.length };
  return { id: `m${from + 1}`, from, to: from + 1, phase: 'expand', file };
}
let n = 10;
const ctx = (more: Parameters<typeof stepContext>[0] = {}) => stepContext({ fence: { epoch: 7, n: ++n }, ...more });
const query = async (sql: string) => withClient(await ownersConnection(w.real.store), (client) => client.query(sql));
const output = () => readFile(join(w.real.dir, 'commands/main/output.txt'), 'utf8');
/** Version 1, whatever was before. */
async function atOne(): Promise<CommandMigrator> {
  const migrator = w.migrator();
  const { cluster, database } = w.real.store;
  await withClient(await cluster.connection(database), async (client) => {
    await client.query('delete from headgate.migration; delete from headgate.attempt');
    await client.query('drop table if exists public.erp_version, public.invoice');
  });
  const text = document(['to', 'one'], null, 'one');
  expect(await migrator.up('main', migration(0, text), text, ctx())).toEqual({ ok: true, value: { version: 1 } });
  return migrator;
}
const up = (
  migrator: CommandMigrator,
  words: readonly string[],
  more?: Parameters<typeof stepContext>[0],
  goal = 'two',
) => {
  const text = document(words, 'one', goal);
  return migrator.up('main', migration(1, text), text, ctx(more));
};

let another: World;
afterAll(() => another?.real.remove());
migratorSuite('a command on PostgreSQL', async () => {
  another = await world();
  return {
    migrator: another.migrator(),
    store: 'main',
    up: [document(['to', 'one'], null, 'one'), document(['to', 'two'], 'one', 'two')],
    down: document(['to', 'one'], 'two', 'one'),
  };
});

test('the program gets its words as they are, a clean environment, and a login that acts as the owner', async () => {
  const migrator = await atOne();
  const odd = ['two', '$(id)', '; drop table x', '${dir}', '--flag=a b', '\'"\\', 'ü'];
  expect(await up(migrator, ['show', ...odd])).toEqual({ ok: true, value: { version: 2 } });
  const shown = JSON.parse((await output()).split('\n').find((line) => line.startsWith('{'))!);
  expect(shown.words).toEqual(['show', ...odd]);
  expect(Object.keys(shown.env).sort()).toEqual(
    ['DATABASE_URL', 'ERP_KEY', 'HEADGATE_RUN', 'HOME', 'LANG', 'PATH', 'TMPDIR', 'TZ'].sort(),
  );
  expect(shown.env.DATABASE_URL).toMatch(/^postgresql:\/\/headgate_migrator_\d+:\*\*\*@127\.0\.0\.1:\d+\/app$/);
  expect(shown.env.HOME).toBe(join(w.real.dir, 'commands/main/scratch'));
  if (process.getuid?.() === 0) expect(shown.uid).not.toBe(0);
  expect((await query(`select tableowner from pg_tables where tablename = 'invoice'`)).rows).toEqual([
    { tableowner: 'app' },
  ]);
});

test('it can’t be more than the owner, and its login is worth nothing afterwards', async () => {
  const migrator = await atOne();
  expect(await up(migrator, ['grab'])).toMatchObject({
    ok: false,
    code: 'rejected',
    why: expect.stringContaining('must be superuser to create superusers'),
  });
  const { rows } = await query(
    `select rolcanlogin, (select count(*)::int from pg_stat_activity where usename = rolname) as sessions from pg_roles where rolname like 'headgate_migrator_%'`,
  );
  expect(rows).toEqual([{ rolcanlogin: false, sessions: 0 }]);
  expect(await migrator.version('main')).toBe(1);
});

test('secrets show nowhere, however they are spelled and wherever they are cut', async () => {
  const migrator = await atOne();
  const events: string[] = [];
  const answer = await up(migrator, ['leak', 'two'], { log: (event) => events.push(event) });
  expect(answer).toMatchObject({ ok: false, why: expect.stringContaining('the key *** was refused') });
  const said = `${JSON.stringify(answer)}\n${events.join('\n')}\n${await output()}`;
  for (const spelled of [KEY, KEY.slice(9), encodeURIComponent(KEY), Buffer.from(`erp:${KEY}`).toString('base64')])
    expect(said).not.toContain(spelled);
  expect(said).toMatch(/connecting to postgresql:\/\/headgate_migrator_\d+:\*\*\*@/);
});

test('much output is bounded, and its beginning and end are kept', async () => {
  const migrator = await atOne();
  expect(await up(migrator, ['shout', 'two'])).toMatchObject({ ok: true });
  const kept = await output();
  expect(kept.length).toBeLessThan(256 * 1024 + 100);
  expect(kept).toMatch(/^erp \d+\nline 0 of much\n.*bytes left out.*line 59999 of much\n$/s);
  expect((await stat(join(w.real.dir, 'commands/main/output.txt'))).mode & 0o777).toBe(0o600);
});

test('a program that hangs is asked to end, then ended, and the reason says what the application says', async () => {
  const migrator = await atOne();
  const began = performance.now();
  const until = began + 9_000;
  expect(await up(migrator, ['hang'], { remainingMs: () => until - performance.now() })).toMatchObject({
    ok: false,
    code: 'expired',
    why: expect.stringMatching(/didn't end in its time .* the application says "one"/),
  });
  expect(performance.now()).toBeLessThan(until);
  expect(identify(Number(/erp (\d+)/.exec(await output())![1]))).toBeUndefined();
  const own = w.migrator({ timeoutMs: 1_000 });
  expect(await up(own, ['hang'])).toMatchObject({ code: 'expired' });
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 500);
  expect(await up(migrator, ['hang'], { signal: controller.signal })).toMatchObject({
    code: 'expired',
    why: expect.stringContaining('taken back'),
  });
});

test('an exit code is not believed: well with the wrong answer fails, and so does the right answer without a good end', async () => {
  const migrator = await atOne();
  expect(await up(migrator, ['lie'])).toMatchObject({
    ok: false,
    code: 'rejected',
    why: expect.stringMatching(
      /ended well, but the application says "one" where "two" was expected; it said: .*all done/,
    ),
  });
  const grumbled = await up(migrator, ['grumble', 'two']);
  expect(grumbled).toMatchObject({
    ok: false,
    code: 'rejected',
    why: expect.stringMatching(/exit code 3\), although the version is reached; .* 2 invoices could not be converted/),
  });
  expect(await migrator.version('main'), 'half way counts as not done').toBe(1);
  expect(await migrator.look('main'), 'and is told').toEqual({
    schemaVersion: 1,
    drift: ["an upgrade from version 1 to 2 is under way, or was begun and didn't end"],
  });
  expect(await up(migrator, ['to', 'two']), 'another file').toMatchObject({
    ok: false,
    why: expect.stringContaining('was begun and didn'),
  });
});

test('what it leaves in the background ends with it', async () => {
  const migrator = await atOne();
  expect(await up(migrator, ['background', 'two'])).toEqual({ ok: true, value: { version: 2 } });
  expect(identify(Number(/left (\d+)/.exec(await output())![1]))).toBeUndefined();
});

test('a lock that a customer’s report holds is given up, and the reason says whose it is', async () => {
  const migrator = w.migrator({ lockWaitMs: 1_500 });
  await atOne();
  await withClient({ ...(await ownersConnection(w.real.store)), application_name: 'report' }, async (client) => {
    await client.query('begin; select * from invoice');
    expect(await up(migrator, ['lock', 'two'])).toMatchObject({
      ok: false,
      code: 'transient',
      why: expect.stringMatching(/lock held by database session \d+ of app \(application "report"\)/),
    });
  });
});

test('somebody who migrated by hand is noticed, and nothing is built on it', async () => {
  const migrator = await atOne();
  await query(`insert into erp_version(name) values ('by-hand')`);
  expect(await migrator.look('main')).toEqual({
    schemaVersion: 1,
    drift: ['the application says "by-hand", and at version 1 it says "one": somebody migrated it by hand'],
  });
  await expect(migrator.version('main')).rejects.toThrow(/by hand/);
  expect(await up(migrator, ['to', 'two'])).toMatchObject({ ok: false, code: 'rejected' });
  const accepted = w.migrator({ baseline: { version: 5, answer: 'by-hand' } });
  expect(await accepted.version('main'), 'unless a person says that it is right').toBe(5);
  const broken = w.migrator({ versionQuery: 'select nmae from erp_version' });
  expect(await broken.look('main')).toMatchObject({ drift: [expect.stringContaining('"nmae" does not exist')] });
  await expect(w.migrator({ versionQuery: 'delete from invoice returning 1' }).version('main')).rejects.toThrow();
});

test('what the owner made of its tables never runs as more when the version is asked for', async () => {
  const migrator = await atOne();
  await query(
    `create or replace function public.whoami() returns text language sql as 'select current_user || session_user'`,
  );
  await query(
    'alter table erp_version rename to hidden; create view erp_version as select 1 as n, public.whoami() as name',
  );
  try {
    expect((await migrator.look('main')).drift).toEqual([expect.stringContaining('"appapp"')]);
  } finally {
    await query('drop view erp_version; alter table hidden rename to erp_version');
  }
});

test('it works on the very files that were signed, anew each time, and can’t change them', async () => {
  await atOne();
  const migrator = w.migrator({ component: 'web' });
  const bytes = Buffer.from('as it was signed');
  const digest = digestFor('as it was signed');
  const file = { name: 'sql/two.sql', digest, size: bytes.length };
  const component = { name: 'web', role: 'web', recovery: 'stateless', files: [file], command: [] } as const;
  const release = {
    release: digestFor('release'),
    manifest: async () => manifestOf('2', { components: [component] }),
    blob: async () => bytes,
  };
  if (process.getuid?.() === 0)
    expect(await up(migrator, ['touch', 'two', 'sql/two.sql'], release)).toMatchObject({
      ok: false,
      why: expect.stringContaining('EACCES'),
    });
  expect(await up(migrator, ['show', 'two'], release)).toMatchObject({ ok: true });
  expect(await output()).toContain(`"cwd":"${join(w.real.dir, 'commands/main/release')}"`);
  const escaping = { ...component, files: [{ ...file, name: '../../x' }] };
  await atOne();
  expect(
    await up(migrator, ['to', 'two'], {
      ...release,
      manifest: async () => manifestOf('2', { components: [escaping] }),
    }),
  ).toMatchObject({ ok: false, code: 'rejected' });
  expect(await up(migrator, ['to', 'two'])).toMatchObject({ ok: false, why: expect.stringContaining('no release') });
});

test('an undo of what was begun and didn’t end takes it back', async () => {
  const migrator = await atOne();
  const text = document(['grumble', 'two'], 'one', 'two');
  expect(await migrator.up('main', migration(1, text), text, ctx())).toMatchObject({ ok: false });
  const down = document(['to', 'one'], 'two', 'one');
  const back = { ...migration(1, down), up: migration(1, text).file };
  const other = { ...back, up: { ...back.up, digest: digestFor('other') } };
  expect(await migrator.down('main', other, down, ctx())).toMatchObject({ ok: false, code: 'rejected' });
  expect(await migrator.down('main', back, down, ctx())).toEqual({ ok: true, value: { version: 1 } });
  expect(await migrator.look('main')).toEqual({ schemaVersion: 1 });
  expect(await up(migrator, ['to', 'two'])).toEqual({ ok: true, value: { version: 2 } });
});
