/** The agent with its server away, over a cell that only counts. */
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Action, type Outcome, type Plan, undoSteps } from '@headgate/domain';
import type { StepContext } from '@headgate/execution';
import { aCell, brokenChecks, soundOutcome } from '@headgate/testkit/domain/builders';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type RunningAgent, SHIPPED, startAgent } from '../agent.ts';
import { rollBack as rollBackCommand } from '../commands/rollback.ts';
import type { AgentConfig } from '../config.ts';
import { agentConfig } from '../testing/agent-config.ts';
import { CountingCell, silent } from '../testing/bench-agent.ts';
import { forPlan } from '../testing/other-plan.ts';
import { eventually } from '../testing/poll.ts';
import { ScriptedServer } from '../testing/scripted-server.ts';
import { type SealedPlan, sealedPlan } from '../testing/sealed-plan.ts';
import type { RolledBack } from './door.ts';
import { knock } from './knock.ts';
import { exitOf, statusText } from './status.ts';

/** A cell that remembers under which key and token each effect came. */
class WitnessCell extends CountingCell {
  readonly effects: { kind: Action['kind']; key: string; n: number }[] = [];
  override async carryOut(action: Action, ctx: StepContext): Promise<Outcome> {
    if (!ctx.step.startsWith('watch.'))
      this.effects.push({ kind: action.kind, key: ctx.idempotencyKey, n: ctx.fence.n });
    return this.act(action, ctx);
  }
  override observe(): never {
    return Promise.resolve({ state: aCell(), manifests: [] }) as never;
  }
}

let sealed: SealedPlan;
let server: ScriptedServer;
let cell: WitnessCell;
let dir: string;
let agent: RunningAgent;
let config: AgentConfig;

const start = async (more: Partial<AgentConfig> = {}): Promise<void> => {
  agent = await startAgent({ ...config, ...more }, { ...SHIPPED, openCell: async () => cell }, silent);
};
const sound = async (action: Action): Promise<Outcome> => soundOutcome(action, Date.now());

beforeEach(async () => {
  sealed = sealedPlan();
  server = await ScriptedServer.start(sealed);
  cell = new WitnessCell();
  cell.act = sound;
  dir = await mkdtemp(join(tmpdir(), 'headgate-away-'));
  await writeFile(join(dir, 'token'), 'test-token\n', { mode: 0o600 });
  await writeFile(join(dir, 'trust.yaml'), sealed.trustText);
  config = agentConfig(dir, server.url, { watchEveryMs: 50 });
});

afterEach(async () => {
  await agent.stop();
  await server.stop();
  await rm(dir, { recursive: true, force: true });
});

/** Wave 1 is deployed and routed, and its soak runs, as the server goes. */
async function inMidWave(more: Partial<AgentConfig> = {}, plan = sealed.plan): Promise<void> {
  await start(more);
  for (const [n, step] of ['w1.deploy', 'w1.route', 'w1.verify'].entries()) {
    server.offer(forPlan(sealed, step, plan, { fence: { epoch: 1, n: n + 1 } }));
    await eventually(() => server.settled.length === n + 1);
  }
  server.away = true;
  await eventually(async () => (await agent.behind.status()).server.awaySince !== null);
}

async function rollBack(because = 'it hurts'): Promise<RolledBack> {
  const shown = await agent.behind.show({});
  if (!shown.ok) throw new Error(shown.refusal.why);
  const ended = await agent.behind.rollBack({ by: 'usr_op', because, seen: shown.value.seen }, () => {});
  if (!ended.ok) throw new Error(ended.refusal.why);
  return ended.value;
}

/** The undo that the plan gives, from as far as wave 1 had come. */
function planned() {
  const own = sealed.plan.cells[0]!;
  const begun = own.steps.findIndex((step) => step.id === 'w1.verify') + 1;
  return undoSteps(own, { kind: 'all', wave: 1 }, begun);
}

test('holds: it says since when the server is away, how far it is, who is on the release and what the way back is', async () => {
  await inMidWave();
  const before = cell.effects.length;
  const status = await (await knock(config.dataDir))!.status();
  expect(status.cells[0]!.work).toMatchObject({
    promotion: 'prm_1',
    step: 'w1.verify',
    moved: ['ada'],
    inProgress: true,
  });
  const text = statusText(status);
  for (const said of ['AWAY since', 'on the release: ada', 'undo.route: route ada to slot blue', 'nothing is lost'])
    expect(text).toContain(said);
  expect(exitOf(status)).toBe(3);
  expect(cell.effects).toHaveLength(before);
});

describe('a stop condition', () => {
  const stateOf = async (): Promise<string | undefined> => (await agent.behind.status()).cells[0]!.watch?.state;

  test('goes on being judged, and a failing one is an exit code of its own; nothing is touched', async () => {
    await inMidWave();
    await eventually(async () => (await stateOf()) === 'sound');
    const before = cell.effects.length;
    cell.act = async (action) => (action.kind === 'soak' ? brokenChecks('ada', Date.now()) : sound(action));
    await eventually(async () => (await stateOf()) === 'failing');
    expect(exitOf(await agent.behind.status())).toBe(4);
    expect(cell.effects).toHaveLength(before);
  });

  test('that can’t be judged is no pass and no failure', async () => {
    cell.act = async (action) => {
      if (action.kind === 'soak') throw new Error('the router is down');
      return sound(action);
    };
    await inMidWave({ environments: [{ name: 'production', rollBackAloneAfterMs: 0 }] });
    await eventually(async () => (await stateOf()) === 'no-data');
    expect(cell.effects.map((e) => e.kind)).not.toContain('retire');
  });

  test('is taken back by the agent itself only where that is declared, in the scope of the plan', async () => {
    await inMidWave({ environments: [{ name: 'production', rollBackAloneAfterMs: 200 }] });
    cell.act = async (action) => (action.kind === 'soak' ? brokenChecks('ada', Date.now()) : sound(action));
    await eventually(async () => (await agent.behind.status()).cells[0]!.undoing?.phase === 'finished');
    server.away = false;
    await eventually(() => server.undone.length === 1);
    expect(server.undone[0]).toMatchObject({ by: 'agent', scope: { kind: 'all', wave: 1 } });
    expect(server.undone[0]!.because).toContain('a stop condition failed');
  });
});

describe('rollback', () => {
  test('is refused while the server answers: it decides for all cells', async () => {
    await start();
    const shown = await agent.behind.show({});
    expect(shown).toMatchObject({ ok: false, refusal: { code: 'server-there' } });
  });

  test('carries out the plan’s own undo in order, each step under the server’s key and a higher token', async () => {
    await inMidWave();
    expect(await rollBack()).toEqual({ undone: ['shared'], standsStill: [] });
    const undone = cell.effects.slice(3);
    expect(undone.map((e) => e.key)).toEqual(planned().map((step) => `prm_1.shared/${step.id}`));
    expect(undone.map((e) => e.n)).toEqual(planned().map((_, i) => 4 + i));
  });

  test('is told before anything new is asked for, once, and then nothing goes forward under the plan', async () => {
    await inMidWave();
    await rollBack();
    const { leases } = server;
    server.offer(sealed.forward('w1.soak', { fence: { epoch: 1, n: 20 } }));
    server.away = false;
    await eventually(() => server.settled.some((s) => s.n === 20));
    expect(server.undone).toHaveLength(1);
    expect(server.undone[0]).toMatchObject({
      leasesBefore: leases,
      by: 'usr_op',
      because: 'it hurts',
      n: 3 + planned().length,
    });
    expect(server.undone[0]!.steps.map((s) => s.id)).toEqual(planned().map((s) => s.id));
    expect(JSON.stringify(server.settled.find((s) => s.n === 20))).toContain('taken-back');
  });

  test('that was interrupted in a step goes on by itself, under the same keys', async () => {
    await inMidWave();
    let hung = false;
    cell.act = async (action, ctx) => {
      if (action.kind !== 'retire') return sound(action);
      hung = true;
      await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve, { once: true }));
      throw new Error('gone');
    };
    const first = rollBack().catch(() => undefined);
    await eventually(() => hung);
    await agent.stop();
    await first;
    // What a kill leaves of a line announced nothing that was done.
    await appendFile(join(config.dataDir, 'undone.jsonl'), '{"type":"step-be');
    cell.act = sound;
    await start();
    await eventually(async () => (await agent.behind.status()).cells[0]!.undoing?.phase === 'finished');
    const keys = cell.effects.slice(3).map((e) => e.key);
    expect(keys.filter((key) => key.endsWith('undo.route'))).toHaveLength(1);
    expect(new Set(keys)).toEqual(new Set(planned().map((step) => `prm_1.shared/${step.id}`)));
    const tokens = cell.effects.map((e) => e.n);
    expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b));
    const lines = (await readFile(join(config.dataDir, 'undone.jsonl'), 'utf8')).trim().split('\n');
    expect(lines.map((line) => JSON.parse(line).type).at(-1)).toBe('finished');
  });

  test('stands still at a step that fails for good, says so, and goes on when asked again', async () => {
    await inMidWave();
    cell.act = async (action) =>
      action.kind === 'retire' ? { kind: 'failed', code: 'rejected', why: 'it still serves' } : sound(action);
    expect((await rollBack()).standsStill[0]!.why).toContain('it still serves');
    expect(exitOf(await agent.behind.status())).toBe(5);
    cell.act = sound;
    expect(await rollBack()).toEqual({ undone: ['shared'], standsStill: [] });
    expect(cell.effects.filter((e) => e.key.endsWith('/undo.route'))).toHaveLength(1);
  });

  test('works where no agent runs, by the same folder, and the next agent tells it', async () => {
    await inMidWave();
    await agent.stop();
    const parts = { ...SHIPPED, openCell: async () => cell };
    const wish = { cell: 'shared', because: 'it hurts', by: 'usr_op', yes: true };
    expect(await rollBackCommand(config, parts, wish)).toBe(0);
    expect(cell.effects.slice(3).map((e) => e.key)).toEqual(planned().map((step) => `prm_1.shared/${step.id}`));
    server.away = false;
    await start();
    await eventually(() => server.undone.length === 1);
    expect(server.undone[0]!.scope).toEqual({ kind: 'cell', wave: 1, cell: 'shared' });
  });

  const ofCode = (): Plan => ({
    ...sealed.plan,
    cells: sealed.plan.cells.map((own) => ({
      ...own,
      steps: own.steps.map((step) =>
        step.id === 'w1.deploy' && step.undo.kind === 'act'
          ? { ...step, undo: { ...step.undo, approver: 'approver' } }
          : step,
      ),
    })),
  });
  test.each([
    ['whatever it is', ofCode, 'undo.w1.deploy', ['undo.route']],
    [
      'a migration that new code may have written into',
      () => sealed.asking,
      'undo.w1.migrate.main',
      ['undo.route', 'undo.w1.deploy'],
    ],
  ] as const)(
    'never takes a step that loses data without its approver, %s: what comes before it is done, and it says what waits',
    async (_what, plan, step, done) => {
      await inMidWave({ environments: [{ name: 'production', rollBackAloneAfterMs: 0 }] }, plan());
      cell.act = async (action) => (action.kind === 'soak' ? brokenChecks('ada', Date.now()) : sound(action));
      await eventually(async () => exitOf(await agent.behind.status()) === 4);
      // Not by itself, although that is declared: somebody's agreement is missing.
      expect(cell.effects).toHaveLength(3);
      const ended = await rollBack();
      expect(ended.standsStill[0]!.why).toContain(`approver must agree to ${step}`);
      expect(cell.effects.slice(3).map((e) => e.key)).toEqual(done.map((id) => `prm_1.shared/${id}`));
      // Whom it has brought back isn't on the release any more.
      expect((await agent.behind.status()).cells[0]?.work?.moved).toEqual([]);
      server.away = false;
      await eventually(() => server.undone.length === 1);
      expect(server.undone[0]).toMatchObject({
        steps: done.map((id) => ({ id })),
        stopped: expect.stringContaining('approver'),
      });
    },
  );

  test('does nothing but what was shown', async () => {
    await inMidWave();
    const ended = await agent.behind.rollBack({ by: 'usr_op', because: 'x', seen: 'sha256:other' }, () => {});
    expect(ended).toMatchObject({ ok: false, refusal: { code: 'changed' } });
  });
});
