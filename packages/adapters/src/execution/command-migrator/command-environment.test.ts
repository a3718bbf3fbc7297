import { expect, test } from 'vitest';
import { CommandMigrations } from './command-config.ts';
import { commandEnvironment } from './command-environment.ts';

const login = { port: 5433, user: 'mig 1', password: 'p@ss/word', database: 'a b' };

const NODE = '${node}';

test.each([
  ['127.0.0.1', '127.0.0.1'],
  ['db.example', 'db.example'],
  ['::1', '[::1]'],
  ['fd00::7', '[fd00::7]'],
])('a program that takes one URL finds %s in it as %s', (host, written) => {
  const config = CommandMigrations.parse({
    kind: 'command',
    program: [NODE],
    databaseEnv: { url: 'DATABASE_URL' },
    versionQuery: 'select 1',
  });
  const { variables } = commandEnvironment(config, {}, { ...login, host }, 'scratch');
  const url = variables.DATABASE_URL ?? '';
  expect(url).toBe(`postgresql://mig%201:p%40ss%2Fword@${written}:5433/a%20b`);
  // As a special scheme, whose host is judged: it is the address again.
  expect(new URL(url.replace('postgresql:', 'http:')).host).toBe(`${written}:5433`);
});
