import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOfJson } from '@headgate/documents';
import type { Action, Outcome } from '@headgate/domain';
import type { StepContext } from '@headgate/execution';
import { aCell } from '@headgate/testkit/domain/builders';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type RunningAgent, SHIPPED, startAgent } from './agent.ts';
import type { Cell } from './cells/cell.ts';
import type { AgentConfig } from './config.ts';
import { agentConfig } from './testing/agent-config.ts';
import { CountingCell, silent } from './testing/bench-agent.ts';
import { eventually } from './testing/poll.ts';
import { ScriptedServer } from './testing/scripted-server.ts';
import { type SealedPlan, sealedPlan } from './testing/sealed-plan.ts';

/** A cell whose work a test holds open. */
class HeldCell extends CountingCell {
  readonly contexts: StepContext[] = [];
  kept = 0;
  closed = false;
  state = aCell();

  /** Work that goes on until its signal says otherwise. */
  readonly untilAborted = async (_action: Action, ctx: StepContext): Promise<Outcome> => {
    this.contexts.push(ctx);
    await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve, { once: true }));
    return { kind: 'failed', code: 'expired', why: 'aborted' };
  };
  override observe(): never {
    return Promise.resolve({ state: this.state, manifests: [] }) as never;
  }
  override async keep(): Promise<void> {
    this.kept++;
  }
  override async close(): Promise<void> {
    this.closed = true;
  }
}

const DIGEST = digestOfJson('what a person read');

let sealed: SealedPlan;
let server: ScriptedServer;
let cell: HeldCell;
let dir: string;
let agent: RunningAgent;
let config: AgentConfig;

beforeEach(async () => {
  sealed = sealedPlan();
  server = await ScriptedServer.start(sealed);
  cell = new HeldCell();
  dir = await mkdtemp(join(tmpdir(), 'headgate-agent-'));
  await writeFile(join(dir, 'token'), 'test-token\n', { mode: 0o600 });
  await writeFile(join(dir, 'trust.yaml'), sealed.trustText);
  config = agentConfig(dir, server.url, { watchEveryMs: 60_000 });
  agent = await startAgent(config, { ...SHIPPED, openCell: async (): Promise<Cell> => cell }, silent);
  await eventually(() => server.observed.length > 0);
});

afterEach(async () => {
  await agent.stop();
  await server.stop();
  await rm(dir, { recursive: true, force: true });
});

const step = (id: string, n: number, more = {}) => sealed.forward(id, { fence: { epoch: 1, n }, ...more });

describe('a lease', () => {
  test('brings one assignment, which is carried out and answered for', async () => {
    server.offer(step('w1.route', 1));
    await eventually(() => server.settled.length === 1);
    expect(server.settled).toEqual([{ n: 1, outcome: { kind: 'done', result: { routed: 1 } } }]);
  });

  test('is asked for of the cells that the agent has; another one’s is handed back, and nothing of it is done', async () => {
    await eventually(() => server.cells === config.cells.map((each) => each.cell).join(','));
    server.offer(step('w1.route', 1, { cell: 'theirs' }));
    await eventually(() => server.settled.length === 1);
    const { outcome } = server.settled[0]!;
    expect(outcome).toMatchObject({ kind: 'waiting', reason: expect.stringContaining('no cell theirs') });
    expect(cell.done).toEqual([]);
  });

  // When exactly it is renewed, and when it runs out, is counted in `assignments/lease.test.ts`, on a clock of its own.
  test('is renewed while the work goes on', async () => {
    cell.act = cell.untilAborted;
    server.renew = () => ({ status: 200, lifetimeMs: 60_000 });
    server.offer(step('w1.verify', 1, { lifetimeMs: 6_000 }));
    await eventually(() => (cell.contexts[0]?.remainingMs() ?? 0) > 6_000);
    expect(cell.contexts[0]!.signal.aborted).toBe(false);
  });

  test('that is lost stops the work, and its outcome is dropped', async () => {
    // Lost while it is carried out, and not before.
    server.renew = () => (cell.contexts.length === 0 ? { status: 200, lifetimeMs: 3_000 } : { status: 409 });
    cell.act = cell.untilAborted;
    server.offer(step('w1.verify', 1, { lifetimeMs: 900 }));
    await eventually(() => cell.contexts[0]?.signal.aborted === true);
    server.offer(step('w1.verify', 2));
    cell.act = async () => ({ kind: 'done', result: { checks: { passed: 1, failed: 0 } } });
    await eventually(() => server.settled.length > 0);
    expect(server.settled.map((s) => s.n)).toEqual([2]);
  });

  test('runs out on the agent’s own clock when the server is away', async () => {
    cell.act = cell.untilAborted;
    server.offer(step('w1.verify', 1, { lifetimeMs: 600 }));
    await eventually(() => cell.contexts.length === 1);
    server.away = true;
    await eventually(() => cell.contexts[0]!.signal.aborted);
    expect(cell.contexts[0]!.remainingMs()).toBe(0);
    cell.act = async () => ({ kind: 'done', result: { checks: { passed: 1, failed: 0 } } });
    server.away = false;
    // Once: each assignment stops the one before it, so that of many none would come to its end.
    server.offer(step('w1.verify', 2));
    await eventually(() => server.settled.some((s) => s.n === 2));
    expect(server.settled.some((s) => s.n === 1)).toBe(false);
  });

  test('that came late is confirmed before anything is done; when it is gone, nothing is', async () => {
    server.delayMs = 250;
    server.renew = () => ({ status: 409 });
    server.offer(step('w1.route', 1, { lifetimeMs: 200 }));
    await eventually(() => server.renewed.length === 1);
    server.renew = () => ({ status: 200, lifetimeMs: 3_000 });
    server.offer(step('w1.route', 2, { lifetimeMs: 200 }));
    await eventually(() => server.settled.length === 1);
    expect(server.settled[0]!.n).toBe(2);
    expect(cell.done).toHaveLength(1);
  });
});

describe('an outcome', () => {
  test('is sent again while the server is away and the lease lives', async () => {
    let tries = 0;
    server.settle = () => (++tries < 3 ? 503 : 200);
    server.offer(step('w1.route', 1));
    await eventually(() => server.settled.length === 1);
    expect(tries).toBe(3);
    expect(cell.done).toHaveLength(1);
  });

  test('that the server refuses is dropped, and the agent goes on', async () => {
    server.settle = (n) => (n === 1 ? 409 : 200);
    server.offer(step('w1.route', 1));
    server.offer(step('w1.route', 2));
    await eventually(() => server.settled.length === 1);
    expect(server.settled[0]!.n).toBe(2);
  });

  test('of a check that says no tells what, where, why and what would unblock', async () => {
    server.offer(step('w1.route', 1, { approvals: [] }));
    await eventually(() => server.settled.length === 1);
    expect(server.settled[0]!.outcome).toMatchObject({ kind: 'failed', code: 'rejected' });
    expect(JSON.stringify(server.settled[0]!.outcome)).toContain('cell/shared: 0 of 1 approvals hold');
    expect(cell.done).toEqual([]);
  });
});

test('a newer assignment of the cell stops the older one first', async () => {
  const order: string[] = [];
  cell.act = async (action, ctx) => {
    if (ctx.fence.n === 1) {
      await cell.untilAborted(action, ctx);
      order.push('older stopped');
    } else order.push('newer began');
    return { kind: 'done', result: { routed: 1 } };
  };
  server.offer(step('w1.verify', 1));
  await eventually(() => cell.contexts.length === 1);
  server.offer(sealed.undo('undo.route', { fence: { epoch: 1, n: 2 } }));
  await eventually(() => server.settled.length === 1);
  expect(order).toEqual(['older stopped', 'newer began']);
  expect(server.settled[0]!.n).toBe(2);
});

test('the cell is kept while the server is away, and the agent goes on by itself when it is back', async () => {
  server.away = true;
  const { kept } = cell;
  await eventually(() => cell.kept >= kept + 3);
  const told = server.observed.length;
  cell.state = aCell({ schemaVersion: 2 });
  server.away = false;
  await eventually(() => server.observed.length > told);
  expect(server.observed.at(-1)!.stores).toEqual({ main: { schemaVersion: 2 } });
  server.offer(step('w1.route', 1));
  await eventually(() => server.settled.length === 1);
});

test.each<[string, Partial<AgentConfig['environments'][number]>, object]>([
  ['nothing', {}, { policy: 'any', documents: 'any', signed: 'false' }],
  [
    'a policy, documents and signatures',
    { policyDigest: DIGEST, documents: [DIGEST, DIGEST], signedApprovals: true },
    {
      policy: DIGEST,
      documents: `${DIGEST},${DIGEST}`,
      signed: 'true',
    },
  ],
  ['no document at all', { documents: [] }, { policy: 'any', documents: 'none', signed: 'false' }],
  ['more documents than are told', { documents: Array.from({ length: 51 }, () => DIGEST) }, { documents: 'many' }],
])('an agent that holds %s says so beside what it sees', async (_what, pinned, said) => {
  await agent.stop();
  const told = server.beside.length;
  config = agentConfig(dir, server.url, { watchEveryMs: 60_000, environments: [{ name: 'production', ...pinned }] });
  agent = await startAgent(config, { ...SHIPPED, openCell: async (): Promise<Cell> => cell }, silent);
  await eventually(() => server.beside.length > told);
  expect(server.beside.at(-1)).toMatchObject(said);
});

test('told that its token is nobody’s, it says what to put where', async () => {
  await writeFile(join(dir, 'token'), 'another-token\n', { mode: 0o600 });
  await agent.stop();
  const said: string[] = [];
  const warn = (_facts: object, _text: string) => said.push((_facts as { why?: string }).why ?? '');
  const log = { ...silent, warn, child: () => log } as unknown as typeof silent;
  agent = await startAgent(config, { ...SHIPPED, openCell: async (): Promise<Cell> => cell }, log);
  await eventually(() => said.some((why) => /doesn't take this agent's token: .*tokenFile, and start/.test(why)));
});

test('its status names what serves whom, as it was last seen', async () => {
  const [status] = (await agent.behind.status()).cells;
  const { slots, tenants } = cell.state;
  const { version } = slots[Object.values(tenants)[0]!.slot]!.release!;
  expect(status?.serves).toEqual({ [version]: Object.keys(tenants) });
});

test('an unchanged observation is no news', async () => {
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(server.observed).toHaveLength(1);
});

test('a stopping agent hands back what runs, lets go of the cell and takes nothing more', async () => {
  cell.act = cell.untilAborted;
  server.offer(step('w1.verify', 1));
  await eventually(() => cell.contexts.length === 1);
  await agent.stop();
  expect(server.settled).toEqual([{ n: 1, outcome: { kind: 'waiting', reason: 'the agent stops', untilMs: 1_000 } }]);
  expect(cell.contexts[0]!.signal.aborted).toBe(true);
  expect(cell.closed).toBe(true);
});

test('a second agent on the same data folder is refused', async () => {
  await expect(startAgent(config, SHIPPED, silent)).rejects.toThrow(/Another agent works in/);
});
