import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, it, test } from 'vitest';
import { runCommandLine } from '../program.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-analyse-'));
});
afterEach(() => rm(dir, { recursive: true }));

async function analyse(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const { signal: stop } = new AbortController();
  const code = await runCommandLine(['analyse', ...args], { env, cwd: dir, stdin, stdout, stderr, stop });
  return { code, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') };
}

const write = (name: string, text: string) => writeFile(join(dir, name), text);

it('what harms nobody ends well, without a server', async () => {
  await write('1.sql', 'create table a(id int primary key);\ncreate index on a(id);\n');
  expect(await analyse(['1.sql'])).toMatchObject({
    code: 0,
    err: '',
    out: expect.stringContaining('0 dangerous, 0 to look at, 2 harm nobody'),
  });
});

it('says file and line, the lock, what breaks, and the safe way', async () => {
  await write(
    '1.sql',
    '-- a comment\n\ncreate index orders_note on orders(note);\nalter table orders drop column old;\n',
  );
  const { code, out } = await analyse(['1.sql']);
  expect(code).toBe(1);
  for (const words of [
    '1.sql:3:1  create index orders_note on orders(note)',
    'SHARE on public.orders while it gets an index',
    'create index CONCURRENTLY orders_note on orders(note);',
    '1.sql:4:1  alter table orders drop column old',
    'running code that names old of public.orders fails',
    'No table’s size is known',
  ])
    expect(out).toContain(words);
});

it('what can’t be known isn’t said to be taken back', async () => {
  await write('1.sql', "do $$ begin execute (select string_agg(note, ';') from orders); end $$;\n");
  const { out } = await analyse(['1.sql']);
  expect(out).toMatch(/1\.sql.*nobody knows whether it can be taken back/);
  expect(out).not.toMatch(/, can be taken back/);
});

it('each finding has its own safe way below it, laid out as it is typed', async () => {
  await write('1.sql', 'create index\n  on orders (note)\n  where note <> $$a$$;\n');
  const { out } = await analyse(['1.sql']);
  expect(out).toMatch(
    / {15}-- headgate:no-transaction\n {15}create index CONCURRENTLY orders_note_idx on orders \(note\)\n {17}where note <> \$\$a\$\$;\n/,
  );
  await write('2.sql', 'alter table orders drop column old, alter column note set not null;\n');
  const { out: both } = await analyse(['2.sql']);
  const [, ofScan = '', rest = ''] = /(read from end to end[\s\S]*?)(the values of[\s\S]*)/.exec(both) ?? [];
  expect(ofScan).toContain('ADD CONSTRAINT note_not_null CHECK');
  expect(ofScan).not.toContain('doesn’t use the column');
  expect(rest).toContain('Release code that doesn’t use the column first');
});

it('a folder is read in the order of its numbers, without the way back', async () => {
  await mkdir(join(dir, 'db'));
  await write('db/10-b.sql', 'create index on a(x)');
  await write('db/9-a.sql', 'create table a(x int)');
  await write('db/10-b.down.sql', 'drop table a');
  await write('db/notes.txt', 'no');
  const { files } = JSON.parse((await analyse(['db', '--json'])).out);
  expect(files.map(({ file }: { file: string }) => file)).toEqual(['db/9-a.sql', 'db/10-b.sql']);
});

it('sizes come from a catalogue, and decide', async () => {
  await write('1.sql', 'create index on orders(id)');
  const catalogue = (rows: number) => ({
    ...{ server: 15, timeZone: 'UTC', searchPath: ['public'], types: [], routines: [], binaryCasts: [] },
    relations: [
      {
        schema: 'public',
        name: 'orders',
        kind: 'table',
        rows,
        bytes: rows * 100,
        indexBytes: 0,
        columns: [],
        constraints: [],
        indexes: [],
        triggers: [],
        parents: [],
      },
    ],
  });
  await write('small.json', JSON.stringify(catalogue(100)));
  await write('large.json', JSON.stringify(catalogue(200e6)));
  expect((await analyse(['1.sql', '--catalogue', 'small.json'])).code).toBe(0);
  const large = await analyse(['1.sql', '--catalogue', 'large.json']);
  expect(large).toMatchObject({
    code: 1,
    out: expect.stringMatching(/for [\d.]+ to 11 min \(200,000,000 rows, 20 GB\)/),
  });
});

it('writes SARIF, with squawk’s opinion beside ours or the reason why there is none', async () => {
  await write('1.sql', 'create index on orders(id);');
  const { out } = await analyse(['1.sql', '--sarif', 'out.sarif', '--squawk']);
  const sarif = JSON.parse(await readFile(join(dir, 'out.sarif'), 'utf8'));
  const [ours, squawk] = sarif.runs;
  expect(ours.results[0]).toMatchObject({ ruleId: 'index-build-under-lock', level: 'error' });
  expect(squawk.tool.driver.name).toBe('squawk');
  const [invocation] = squawk.invocations;
  if (invocation.executionSuccessful) {
    expect(squawk.results.map(({ ruleId }: { ruleId: string }) => ruleId)).toContain(
      'require-concurrent-index-creation',
    );
    expect(out).toContain('Second opinion: squawk');
  } else {
    // Another platform than those that it is made for: said, and not hidden.
    expect(out).toContain('No second opinion');
    expect(process.env.HEADGATE_REQUIRE_REAL).not.toBe('1');
  }
  const missing = await analyse(['1.sql', '--squawk', './nowhere']);
  expect(missing.out).toContain('No second opinion: there is no program ./nowhere.');
});

it('the runner decides what is held together', async () => {
  await write('1.sql', 'alter table a add column x int;\nalter table b validate constraint c;\n');
  expect((await analyse(['1.sql'])).out).toContain('lock-held-during-work');
  const psql = await analyse(['1.sql', '--runner', 'psql']);
  expect(psql).toMatchObject({ code: 0 });
  expect(psql.out).toContain('no-lock-timeout');
});

test.each<[string, readonly string[], NodeJS.ProcessEnv, number, string]>([
  ['no such file', ['2.sql'], {}, 3, 'isn’t there'],
  ['a variable that isn’t set', ['1.sql', '--database-env', 'X'], {}, 2, 'X: the environment variable is not set'],
  ['a variable that holds no URL', ['1.sql', '--database-env', 'X'], { X: 'secret' }, 2, 'X holds no connection URL'],
  [
    'a database that isn’t there',
    ['1.sql', '--database-env', 'X'],
    { X: 'postgres://u:hush@127.0.0.1:1/d' },
    5,
    'can’t be read',
  ],
  ['no catalogue', ['1.sql', '--catalogue', '1.sql'], {}, 1, 'is no catalogue'],
  ['two of them', ['1.sql', '--catalogue', '1.sql', '--database-env', 'X'], {}, 2, 'give one of them'],
  ['an unknown runner', ['1.sql', '--runner', 'me'], {}, 2, 'expected headgate, psql or tool'],
  ['not a number', ['1.sql', '--stall', 'long'], {}, 2, 'a number of seconds'],
])('%s: said, and no secret with it', async (_what, args, env, code, words) => {
  await write('1.sql', 'select 1');
  const answer = await analyse(args, env);
  expect(answer.code).toBe(code);
  expect(answer.err).toContain(words);
  expect(answer.err).not.toMatch(/hush|secret/);
});
