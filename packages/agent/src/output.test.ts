/** What others say, as it comes to whoever sits at the agent's machine. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { aCell, soundOutcome } from '@headgate/testkit/domain/builders';
import { afterEach, expect, test, vi } from 'vitest';
import { SHIPPED, startAgent } from './agent.ts';
import { complain } from './commands/command-line.ts';
import { showStatus } from './commands/status.ts';
import { agentConfig } from './testing/agent-config.ts';
import { CountingCell, silent } from './testing/bench-agent.ts';
import { eventually } from './testing/poll.ts';
import { sealedPlan } from './testing/sealed-plan.ts';

/** Clears a terminal, gives it a title, turns the reading direction, and begins a line that could be one of ours. */
const HOSTILE = 'no \u001b[2J\u001b]0;all well\u0007\u009b1m \u202egnihton\nserver http://127.0.0.1:1: answers';
const UNSEEN = /(?!\n)[\p{Cc}\p{Cf}]/u;

afterEach(() => {
  vi.restoreAllMocks();
});

/** What is written meanwhile. */
async function written(stream: NodeJS.WriteStream, work: () => unknown): Promise<string> {
  const parts: string[] = [];
  const spy = vi.spyOn(stream, 'write').mockImplementation((part) => {
    parts.push(String(part));
    return true;
  });
  try {
    await work();
  } finally {
    spy.mockRestore();
  }
  return parts.join('');
}

test('what answers at the server’s address reaches no terminal as it is, and takes no line of its own', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'headgate-output-'));
  const problem = { type: 'x', title: 'x', status: 403, detail: HOSTILE, instance: '/', requestId: 'r', refusals: [] };
  const server = createServer((_request, response) => {
    response.writeHead(403, { 'content-type': 'application/problem+json' });
    response.end(JSON.stringify(problem));
  });
  await new Promise<void>((listens) => server.listen(0, '127.0.0.1', listens));
  const cell = new CountingCell();
  cell.observe = () => Promise.resolve({ state: aCell(), manifests: [] }) as never;
  cell.act = async (action) => soundOutcome(action, Date.now());
  await writeFile(join(dir, 'trust.yaml'), sealedPlan().trustText);
  await writeFile(join(dir, 'token'), 'test-token\n', { mode: 0o600 });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const config = agentConfig(dir, url, { watchEveryMs: 50 });
  const agent = await startAgent(config, { ...SHIPPED, openCell: async () => cell }, silent);
  try {
    await eventually(async () => (await agent.behind.status()).server.refusal !== undefined);
    const text = await written(process.stdout, () => showStatus(config, 'agent.yaml', false));
    expect(text).toContain('REFUSES this agent');
    expect(text).not.toMatch(UNSEEN);
    expect(text).not.toMatch(/^server http:\/\/127\.0\.0\.1:1: answers/m);
    const json = await written(process.stdout, () => showStatus(config, 'agent.yaml', true));
    expect(json).not.toMatch(UNSEEN);
    expect(JSON.parse(json).server.refusal).toBe(HOSTILE);
  } finally {
    await agent.stop();
    server.close();
    await rm(dir, { recursive: true, force: true });
  }
});

test('what is wrong is said with what nobody could see made visible', async () => {
  const text = await written(process.stderr, () => complain(HOSTILE, 1));
  expect(text).toContain('no ‹U+001B›[2J');
  expect(text).not.toMatch(UNSEEN);
});

test('the agent’s own log is one line an event, of the same values, and escapes nothing to a terminal', async () => {
  const log = JSON.stringify(new URL('./log.ts', import.meta.url).href);
  const script = `const { openLog } = await import(${log}); openLog('agt_one').warn({ why: ${JSON.stringify(HOSTILE)} }, 'away');`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script]);
  expect(stdout).toMatch(/^[^\n]+\n$/);
  expect(stdout).not.toMatch(UNSEEN);
  expect(JSON.parse(stdout)).toMatchObject({ agent: 'agt_one', why: HOSTILE, msg: 'away' });
});
