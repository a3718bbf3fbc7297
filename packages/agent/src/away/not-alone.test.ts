/** A server that is there after all: no agent goes back by itself beside it, however its last word to it was. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Action, Outcome } from '@headgate/domain';
import { aCell, brokenChecks, soundOutcome } from '@headgate/testkit/domain/builders';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type AgentParts, type RunningAgent, SHIPPED, startAgent } from '../agent.ts';
import { agentConfig } from '../testing/agent-config.ts';
import { CountingCell, silent } from '../testing/bench-agent.ts';
import { forPlan } from '../testing/other-plan.ts';
import { eventually } from '../testing/poll.ts';
import { ScriptedServer } from '../testing/scripted-server.ts';
import { type SealedPlan, sealedPlan } from '../testing/sealed-plan.ts';

let sealed: SealedPlan;
let server: ScriptedServer;
let cell: CountingCell;
let dir: string;
let agent: RunningAgent;
let looks: number;

const HALF_AN_HOUR_MS = 1_800_000;
const sound = async (action: Action): Promise<Outcome> => soundOutcome(action, Date.now());
const failing = async (action: Action): Promise<Outcome> => {
  if (action.kind === 'soak') looks++;
  return action.kind === 'soak' ? brokenChecks('ada', Date.now()) : sound(action);
};
const status = async () => (await agent.behind.status()).server;
const undoing = async () => (await agent.behind.status()).cells[0]!.undoing;

async function start(rollBackAloneAfterMs: number, connect: AgentParts['connect'] = SHIPPED.connect): Promise<void> {
  const environments = [{ name: 'production', rollBackAloneAfterMs }];
  const config = { ...agentConfig(dir, server.url, { watchEveryMs: 50 }), environments };
  agent = await startAgent(config, { ...SHIPPED, openCell: async () => cell, connect }, silent);
}

beforeEach(async () => {
  sealed = sealedPlan();
  server = await ScriptedServer.start(sealed);
  cell = new CountingCell();
  cell.observe = () => Promise.resolve({ state: aCell(), manifests: [] }) as never;
  cell.act = sound;
  looks = 0;
  dir = await mkdtemp(join(tmpdir(), 'headgate-not-alone-'));
  await writeFile(join(dir, 'token'), 'test-token\n', { mode: 0o600 });
  await writeFile(join(dir, 'trust.yaml'), sealed.trustText);
});

afterEach(async () => {
  await agent.stop();
  await server.stop();
  await rm(dir, { recursive: true, force: true });
});

/** Wave 1 is deployed and routed, and its soak runs. */
async function inMidWave(rollBackAloneAfterMs: number): Promise<void> {
  await start(rollBackAloneAfterMs);
  for (const [n, step] of ['w1.deploy', 'w1.route', 'w1.verify'].entries()) {
    server.offer(forPlan(sealed, step, sealed.plan, { fence: { epoch: 1, n: n + 1 } }));
    await eventually(() => server.settled.length === n + 1);
  }
}

/** The agent stopped as it wrote down that the server is away for an hour; meanwhile that came back, and holds polls. */
async function stoppedInAnOutage(): Promise<void> {
  await inMidWave(HALF_AN_HOUR_MS);
  await agent.stop();
  const since = new Date(Date.now() - 2 * HALF_AN_HOUR_MS).toISOString();
  const { dataDir } = agentConfig(dir, server.url, { watchEveryMs: 50 });
  await writeFile(join(dataDir, 'contact.json'), JSON.stringify({ awaySince: since }));
  await writeFile(join(dataDir, 'silence.json'), JSON.stringify({ silentSince: since }));
  server.pollMs = 15_000;
  cell.act = failing;
}

describe('an outage that is over', () => {
  test('ends with the first answer to any call, while the first poll is still held', async () => {
    await stoppedInAnOutage();
    cell.act = sound; // so that nobody has a reason to ask
    await start(HALF_AN_HOUR_MS);
    await eventually(async () => (await status()).awaySince === null);
    expect(await undoing()).toBeUndefined();
    expect(server.undone).toEqual([]);
  });

  test('is found out before an agent goes back: it asks once, whatever it heard before', async () => {
    await stoppedInAnOutage();
    await start(HALF_AN_HOUR_MS, (...to) => {
      const plane = SHIPPED.connect(...to);
      plane.onAnswer = () => {}; // nobody listens to other calls
      return plane;
    });
    await eventually(async () => looks > 0 && (await status()).awaySince === null);
    expect(await undoing()).toBeUndefined();
    expect(server.undone).toEqual([]);
  });
});

describe('is no silence, by which an agent might go back', () => {
  test.each([
    [503, 'too-busy'],
    [503, 'newer-row'],
    [500, 'fault'],
    [429, 'too-many-requests'],
    [401, 'unauthenticated'],
  ])('a server’s own %s %s', async (code, kind) => {
    await inMidWave(0);
    cell.act = failing;
    server.trouble = { status: code, code: kind };
    await eventually(async () => looks > 3 && (await status()).refusal !== undefined);
    expect(await undoing()).toBeUndefined();
  });

  test('an answer that this agent can’t read, as of a newer server', async () => {
    await inMidWave(0);
    cell.act = failing;
    server.oddLease = { assignment: { kind: 'of a newer version' } };
    await eventually(async () => looks > 3);
    expect((await status()).refusal).toContain("leaseStep can't be read");
    expect(await undoing()).toBeUndefined();
  });
});

test('a server that says itself that it has no database decides nothing: that is a silence', async () => {
  await inMidWave(0);
  cell.act = failing;
  server.trouble = { status: 503, code: 'unavailable' };
  await eventually(async () => (await undoing())?.phase === 'finished');
});
