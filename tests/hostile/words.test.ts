/** A person's words are kept as they are, byte by byte, and shown so that all of them can be seen. */
import { PassThrough } from 'node:stream';
import { runCommandLine } from '@headgate/cli/program';
import { RealServer } from '@headgate/server/testing/real-server';
import { afterAll, beforeAll, expect, test } from 'vitest';

let server: RealServer;
beforeAll(async () => {
  server = await RealServer.start();
});
afterAll(() => server?.remove());

const WORDS = [
  '<script>alert(1)</script>',
  '{{7*7}}${7*7}',
  "'; drop table headgate.entry; --",
  'approved by \u202eecila\u202c and \u2067others\u2069',
  'al\u200bpha \ufeff beta',
  '../../etc/passwd',
  'two\nlines, one\ttab',
];

test('words come back byte by byte, and no face shows what can’t be seen in them', async () => {
  const admin = await server.client('admin');
  const to = Date.now() + 3_600_000;
  for (const [i, reason] of WORDS.entries())
    await admin.call('declareFreeze', { body: { scope: 'all', name: `f${i}`, to, reason } });
  const { items } = await admin.call('listFreezes');
  expect(items.map(({ reason }) => reason)).toEqual(WORDS);
  for (const args of [['status'], ['status', '--json']]) {
    const stdout = new PassThrough();
    const stderr = new PassThrough();
    const env = { HEADGATE_DATA: server.dataDir };
    const stop = new AbortController().signal;
    const stdin = new PassThrough();
    const code = await runCommandLine(args, { env, cwd: server.dataDir, stdin, stdout, stderr, stop });
    const shown = `${stdout.read() ?? ''}${stderr.read() ?? ''}`;
    expect({ args, code }).toEqual({ args, code: 0 });
    expect(shown).toContain('<script>alert(1)</script>');
    expect(shown.replace(/[\n\t]/g, '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  }
  // The page sends no text of anybody's as markup: what it shows is fetched as JSON, and made visible by the page.
  const page = await fetch(`${server.url}/`);
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
  expect(await page.text()).not.toContain('alert(1)');
});

test('control characters are in nobody’s words: they are refused with their place', async () => {
  const admin = await server.client('admin');
  for (const reason of ['a\u0000b', '\u001b[31m', 'a\u009b2J', 'half \ud800']) {
    const call = admin.call('declareFreeze', { body: { scope: 'all', name: 'f', to: Date.now() + 1_000, reason } });
    await expect(call).rejects.toMatchObject({ status: 422, problem: { refusals: [{ where: 'body/reason' }] } });
  }
});
