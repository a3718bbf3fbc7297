/** What is typed wrongly is said with the word that is wrong, by the shipped program. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { COMMANDS } from './usage.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

function typed(...args: string[]): Promise<{ code: number; err: string; out: string }> {
  return new Promise((done) => {
    execFile(process.execPath, [MAIN, ...args], (error, out, err) =>
      done({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });
}

test('a command that isn’t there is answered with the nearest one and all of them', async () => {
  const typo = await typed('staus', '--config', 'x');
  expect(typo.code).toBe(2);
  expect(typo.err).toBe(
    `headgate-agent: there is no command staus, did you mean "status"?\ncommands: ${COMMANDS.join(', ')} (see headgate-agent --help)\n`,
  );
  const none = await typed();
  expect([none.code, none.err]).toEqual([2, expect.stringMatching(/a command is needed\ncommands: run, enrol/)]);
});

test.each([
  ['run', '--confg', /run: there is no option --confg \(see headgate-agent run --help\)/],
  ['status', '--jsn', /status: there is no option --jsn \(see headgate-agent status --help\)/],
  ['leave', '--dorp', /leave: there is no option --dorp \(see headgate-agent leave --help\)/],
  ['take-up', 'shop', /take-up: takes no further word, and was given shop/],
])('%s %s: the word that is wrong is named', async (command, word, expected) => {
  const { code, err } = await typed(command, word);
  expect([code, err]).toEqual([64, expect.stringMatching(expected)]);
  expect(err.trim().split('\n')).toHaveLength(1);
});

/** Of commands with words of their own, one of those. */
const WORD: Readonly<Record<string, string>> = { 'recover-store': 'propose', 'recover-tenant': 'diff', dr: 'plan' };

test.each(COMMANDS.map((command) => [command]))(
  '%s says what is wrong in a line, with nothing behind it that pushes it out of sight',
  async (command) => {
    const word = WORD[command];
    for (const args of [['--storee', 'main'], []]) {
      const { code, out, err } = await typed(command, ...(word === undefined ? [] : [word]), ...args);
      expect([2, 64]).toContain(code);
      expect(out).toBe('');
      expect(err.trim().split('\n')).toHaveLength(1);
      expect(err).toContain(`(see headgate-agent ${command} --help)`);
    }
  },
  60_000,
);

test.each([
  [
    ['restore-points', 'lst'],
    /it is one of list, verify, take, fetch, key, identity, and was given lst, did you mean "list"\?/,
  ],
  [['restore-points', 'list', 'main'], /list takes no further word, and was given main/],
  [['mask', 'scna'], /it is scan, status, mark-copy, or none of them, and was given scna/],
  [['mask', '--database-env', 'A', '--rules', 'b', '--connections', '99'], /--connections takes a number from 1 to 16/],
] as const)('%j is told with the word that is wrong', async (args, words) => {
  expect(await typed(...args)).toMatchObject({ code: 2, err: expect.stringMatching(words) });
});

test('every command stands in the help, and every one that the help names is one', async () => {
  const { out } = await typed('--help');
  const named = new Set([...out.matchAll(/^ {2}headgate-agent ([a-z][a-z-]*)/gm)].map(([, name]) => name));
  expect([...named].sort()).toEqual([...COMMANDS].sort());
});

test.each(COMMANDS.map((command) => [command]))('%s --help is about that command', async (command) => {
  const { code, out } = await typed(command, '--help');
  expect(code).toBe(0);
  expect(out.split('\n')[0]).toContain(`headgate-agent ${command}`);
  const others = COMMANDS.filter((each) => each !== command);
  const forms = [...out.matchAll(/^ {2}headgate-agent ([a-z-]+)/gm)].map(([, name]) => name!);
  expect(forms.filter((each) => others.includes(each))).toEqual([]);
  expect(out).toMatch(/Exit codes?:? /);
});
