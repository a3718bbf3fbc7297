/** `headgate-agent synthesize`, as people type it. What it makes is tested where it is made. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
const URL_OF_NOBODY = { SYNTH_COPY: 'postgres://nobody:not-told@127.0.0.1:1/copy' };

function typed(...args: string[]): Promise<{ code: number; err: string }> {
  return new Promise((done) => {
    execFile(
      process.execPath,
      [MAIN, 'synthesize', ...args],
      { env: { ...process.env, ...URL_OF_NOBODY } },
      (error, _, err) => done({ code: error === null ? 0 : Number(error.code), err }),
    );
  });
}

const WHOLE = ['--database-env', 'SYNTH_COPY', '--rules', 'rules.yaml', '--like', 'ada', '--as', 'load'];

test.each([
  [['--rules', 'x'], /it needs --database-env, --like, --as/],
  [['scna', ...WHOLE], /no word but scan, and was given scna/],
  [['scan', ...WHOLE], /scan takes no --rules/],
  [[...WHOLE, '--column', 'x'], /it takes no --column/],
  [[...WHOLE, '--times', '0'], /--times takes a number from 1 to/],
  [[...WHOLE, '--times', '9999999'], /--times takes a number from 1 to/],
  [[...WHOLE, '--as', "o'load"], /a tenant’s name has letters/],
  [[...WHOLE, '--as', 'ada'], /named twice/],
])('%j is wrong usage, and is told with what is wrong', async (args, told) => {
  const { code, err } = await typed(...args);
  expect([code, err]).toEqual([2, expect.stringMatching(told)]);
});

test('a file that isn’t there, and a database that isn’t: refused by name, and no password is told', async () => {
  expect(await typed(...WHOLE)).toMatchObject({ code: 1, err: expect.stringMatching(/there is no file rules.yaml/) });
  const { code, err } = await typed('scan', '--database-env', 'SYNTH_COPY');
  expect([code, err]).toEqual([1, expect.stringMatching(/ECONNREFUSED/)]);
  expect(err).not.toContain('not-told');
});
