/** The units that come along, held against what the programs end with. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-units-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** A unit's settings; of those that stand several times the last. */
async function unit(name: string): Promise<ReadonlyMap<string, string>> {
  const text = await readFile(join(ROOT, 'packaging', 'systemd', name), 'utf8');
  return new Map([...text.matchAll(/^(\w+)=(.*)$/gm)].map(([, key, value]) => [key!, value!]));
}

/** A program as a service manager starts it. */
function started(program: 'server' | 'agent', args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const main = join(ROOT, 'packages', program, 'src', 'main.ts');
  return new Promise<{ readonly code: number; readonly err: string }>((done) => {
    const options = { cwd: dir, env: { PATH: process.env.PATH, ...env }, timeout: 20_000 };
    execFile(process.execPath, [main, ...args], options, (error, _out, err) =>
      done({ code: Number(error?.code ?? 0), err }),
    );
  });
}

test('a server whose database is away says why, with no password, and is started again for as long as it takes', async () => {
  const env = { HEADGATE_DATABASE_URL: 'postgres://headgate:hidden@127.0.0.1:1/headgate' };
  const { code, err } = await started('server', ['--data', join(dir, 'data'), '--port', '0'], env);
  expect([code, err]).toEqual([
    1,
    expect.stringMatching(/database is not available: connect ECONNREFUSED 127\.0\.0\.1:1/),
  ]);
  expect(err).not.toContain('hidden');
  const own = await unit('headgate-server.service');
  expect([own.get('Restart'), own.get('StartLimitIntervalSec')]).toEqual(['always', '0']);
  expect(own.get('RestartPreventExitStatus')?.split(' ')).not.toContain('1');
  expect(own.get('After'), 'one on the same machine is there first').toContain('postgresql.service');
});

test.each([
  ['server', 'headgate-server.service', ['--prot', '0']],
  ['agent', 'headgate-agent@.service', ['run', '--confg', 'x']],
  ['agent', 'headgate-agent@.service', ['rnu']],
] as const)('what no restart mends is not tried for ever: %s of %s with %j', async (program, file, args) => {
  const { code } = await started(program, args);
  const own = await unit(file);
  expect(own.get('RestartPreventExitStatus')?.split(' ')).toContain(String(code));
});
