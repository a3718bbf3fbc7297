/** In a real bash: the script is read, and asked as the shell asks it. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Command } from 'commander';
import { beforeAll, expect, test } from 'vitest';
import { COMMANDS } from '../catalog.ts';
import { completables } from './command-tree.ts';
import { completionScript } from './scripts.ts';

const run = promisify(execFile);
let script: string;

beforeAll(() => {
  const program = new Command('headgate').option('--server <url>', 'where').option('--json', 'one line');
  for (const install of COMMANDS) install(program, () => async () => {});
  script = completionScript('bash', completables(program));
});

/** What bash offers after these words; the last one is being typed. */
async function offered(...words: string[]): Promise<readonly string[]> {
  const line = words.map((word) => `'${word}'`).join(' ');
  const ask = `${script}\nCOMP_WORDS=(headgate ${line}); COMP_CWORD=${words.length}; _headgate; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await run('bash', ['--norc', '-uc', ask], { cwd: import.meta.dirname });
  return stdout.split('\n').filter((each) => each !== '');
}

test('commands, their subcommands and their flags are completed, as far as they are typed', async () => {
  expect(await offered('pro')).toEqual(['promote', 'promotion']);
  expect(await offered('log', '')).toContain('verify');
  expect(await offered('log', 'v')).toEqual(['verify']);
  expect(await offered('promote', '1.2.0', '--w')).toEqual(['--watch']);
  expect(await offered('promote', '--s')).toEqual(['--server']);
});

test('flags before a command, with their values, don’t hide it', async () => {
  expect(await offered('--json', '--server', 'log', 'freeze', 'd')).toEqual(['declare']);
});

test('a flag’s value, and what is no command, is completed as a file', async () => {
  expect(await offered('release', 'create', '--key', 'compl')).toEqual(['completion.test.ts']);
  expect(await offered('apply', 'scr')).toEqual(['scripts.ts']);
});

test('every command of the program can be completed', async () => {
  const program = new Command('headgate');
  for (const install of COMMANDS) install(program, () => async () => {});
  const names = program.commands.map((each) => each.name());
  expect([...(await offered(''))].filter((each) => !each.startsWith('-')).sort()).toEqual(names.sort());
});

test('what is described can’t break out of its quotes, in any shell', async () => {
  const program = new Command('headgate');
  program.command('odd').description(`it's $(touch x) "so"`).option('--flag <v>', "who's");
  const fish = completionScript('fish', completables(program));
  expect(fish).toContain(`-a odd -d 'it'\\''s $(touch x) "so"'`);
  await run('bash', ['-n', '-c', completionScript('zsh', completables(program))]);
});
