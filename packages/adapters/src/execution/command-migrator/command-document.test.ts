import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CommandMigrations } from './command-config.ts';
import { readCommandMigration } from './command-document.ts';

const good = {
  apiVersion: 'headgate/v1',
  kind: 'CommandMigration',
  arguments: ['migrate', '0042'],
  from: '0041',
  to: '0042',
};
const read = (more: object) => readCommandMigration(JSON.stringify({ ...good, ...more }), '2.up.yaml');

test('it reads YAML and JSON, and nothing before the first version', () => {
  const yaml =
    'apiVersion: headgate/v1\nkind: CommandMigration\narguments: [migrate, "0042"]\nfrom: null\nto: "0042"\n';
  expect(readCommandMigration(yaml, 'x')).toMatchObject({
    ok: true,
    value: { arguments: ['migrate', '0042'], from: null },
  });
  expect(read({ arguments: [] })).toMatchObject({ ok: true });
});

test.each([
  ['no YAML', '{', /no YAML/],
  ['two documents', `${JSON.stringify(good)}\n---\n${JSON.stringify(good)}`, /more than one/],
  ['SQL', 'create table x(y int)', /no CommandMigration/],
  [
    'a number where a text was meant',
    'apiVersion: headgate/v1\nkind: CommandMigration\narguments: [migrate, 0042]\nfrom: null\nto: "1"',
    /arguments\.1: expected text: put it into quotes/,
  ],
  ['a program of its own', JSON.stringify({ ...good, program: ['/bin/sh'] }), /program/],
  ['an environment of its own', JSON.stringify({ ...good, env: { LD_PRELOAD: 'x' } }), /env/],
  ['an empty argument', JSON.stringify({ ...good, arguments: ['migrate', ''] }), /isn’t empty/],
  ['a zero byte', JSON.stringify({ ...good, arguments: ['a\0b'] }), /arguments\[0\]: expected text without U\+0000/],
  ['a line’s end', JSON.stringify({ ...good, arguments: ['a\nb'] }), /control characters/],
  ['half a character', JSON.stringify({ ...good, arguments: ['a\ud800'] }), /arguments\[0\]/],
  ['an overlong argument', JSON.stringify({ ...good, arguments: ['a'.repeat(5_000)] }), /at most 4096/],
  ['many arguments', JSON.stringify({ ...good, arguments: Array(300).fill('a') }), /arguments/],
  ['much in all', JSON.stringify({ ...good, arguments: Array(30).fill('a'.repeat(4_000)) }), /in all/],
  ['the same answer before and after', JSON.stringify({ ...good, to: '0041' }), /another answer/],
  ['a large file', JSON.stringify({ ...good, to: 'x'.repeat(300_000) }), /larger/],
  ['another kind', JSON.stringify({ ...good, kind: 'OdooUpgrade' }), /kind/],
])('it refuses %s, in words', (_, text, why) => {
  expect(readCommandMigration(text, '2.up.yaml')).toMatchObject({
    ok: false,
    code: 'rejected',
    why: expect.stringMatching(why),
  });
});

test('whatever comes, it answers and doesn’t throw', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      const answer = readCommandMigration(text, 'x');
      if (!answer.ok) expect(answer.why.length).toBeLessThan(500);
    }),
  );
});

const config = { kind: 'command', program: ['/usr/bin/python3', 'manage.py'], versionQuery: 'select 1' };
test.each([
  ['a relative program', { program: ['python3'] }, /absolute/],
  ['no program', { program: [] }, /program/],
  ['a zero byte in it', { program: ['/usr/bin/python3\0'] }, /control/],
  ['a variable that is set twice', { env: { PGPASSWORD: 'x' } }, /PGPASSWORD is set twice/],
  ['a secret by its value', { secretEnv: { KEY: 'hunter2' } }, /absolute path/],
  ['two statements', { versionQuery: 'select 1; ' }, /semicolon/],
  ['a way to the database without its password', { databaseEnv: { host: 'H' } }, /databaseEnv/],
  ['what it doesn’t know', { shell: true }, /shell/],
])('a configuration with %s is refused', (_, more, why) => {
  expect(() => CommandMigrations.parse({ ...config, ...more })).toThrow(why);
});

test('little is enough', () => {
  expect(CommandMigrations.parse(config)).toMatchObject({ repeatable: true, databaseEnv: { password: 'PGPASSWORD' } });
});
