/** Going back alone where something never comes: a cell, its store, the end of a wait. */
import type { Outcome, Plan } from '@headgate/domain';
import { soundOutcome } from '@headgate/testkit/domain/builders';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type BenchAgent, benchAgent, silent } from '../testing/bench-agent.ts';
import { forPlan } from '../testing/other-plan.ts';
import { type SealedPlan, sealedPlan } from '../testing/sealed-plan.ts';
import { Alone, type HeldCell } from './alone.ts';
import { Contact } from './contact.ts';
import { JournalFile } from './journal-file.ts';
import { StandingFile } from './standing.ts';

/** What every undo step of the plan may take. Milliseconds. */
const TIMEOUT_MS = 1_000;
const WISH = { cell: 'shared', scope: { kind: 'all', wave: 1 }, by: 'usr_op', because: 'it hurts' } as const;

let sealed: SealedPlan;
let bench: BenchAgent;
let journal: JournalFile;
let alone: Alone;
let held: HeldCell | undefined;
let plan: Plan;

/** The cell was taken forward so far, by the token of that number. */
async function begunTo(step: string, n: number): Promise<void> {
  const { plan: digest } = forPlan(sealed, step, plan);
  const begun = plan.cells[0]!.steps.findIndex(({ id }) => id === step) + 1;
  await bench.parts.marks.take('shared', { epoch: 1, n }, { plan: digest, begun });
}

beforeEach(async () => {
  sealed = sealedPlan();
  bench = await benchAgent(sealed);
  bench.cell.act = async (action) => soundOutcome(action, Date.now());
  const cells = sealed.plan.cells.map((own) => ({
    ...own,
    steps: own.steps.map((step) =>
      step.undo.kind === 'act' ? { ...step, undo: { ...step.undo, timeoutMs: TIMEOUT_MS } } : step,
    ),
  }));
  plan = { ...sealed.plan, cells };
  const standing = await StandingFile.open(bench.dir);
  await standing.begins(forPlan(sealed, 'w1.route', plan));
  await begunTo('w1.route', 1);
  journal = await JournalFile.open(bench.dir);
  held = { cell: bench.cell, yields: async () => {} };
  alone = new Alone({
    carry: bench.parts,
    standing,
    journal,
    contact: await Contact.open(bench.dir),
    log: silent,
    held: () => held,
    stepEnded: () => {},
  });
});

afterEach(async () => {
  await alone.stop();
  await journal.close();
  await bench.remove();
});

test('what was interrupted in a cell that the agent has no more stands still, and the agent is free again', async () => {
  const { plan: digest } = forPlan(sealed, 'w1.route', plan);
  const { by, because, cell, scope } = WISH;
  const facts = { id: 'r#1', rollout: 'prm_1.shared', promotion: 'prm_1', begun: 2, since: new Date().toISOString() };
  await journal.note({ type: 'begun', ...facts, plan: digest, cell, scope, by, because });
  held = undefined;
  alone.resume();
  await alone.idle();
  expect(journal.all.get('r#1')).toMatchObject({ phase: 'stopped', why: 'this agent has no such cell' });
  expect(alone.at).toBe(false);
  // A person decides; the next start doesn't take it up again.
  alone.resume();
  expect(alone.at).toBe(false);
});

test('a cell that never opens is waited for no longer than its first step may take', async () => {
  held = { cell: undefined, yields: async () => {} };
  const ended = await alone.goBack(WISH, () => {});
  expect(ended).toMatchObject({ phase: 'stopped', why: `its cell could not be opened within ${TIMEOUT_MS} ms` });
  expect(ended.tokens).toBe(0);
});

test.each([0, -1, 1, Number.NaN, Number.POSITIVE_INFINITY])(
  'a step that says again and again to wait %d ms is not spun on, and stands still when its time is over',
  async (untilMs) => {
    bench.cell.act = async (): Promise<Outcome> => ({ kind: 'waiting', reason: 'the store', untilMs });
    const ended = await alone.goBack(WISH, () => {});
    expect(ended.phase).toBe('stopped');
    expect(ended.why).toContain(`it waits for longer than its ${TIMEOUT_MS} ms: the store`);
    expect(bench.cell.done.length).toBeLessThanOrEqual(4);
  },
);

test('a step that waits and then comes about is done', async () => {
  let waits = 1;
  bench.cell.act = async (action): Promise<Outcome> =>
    waits-- > 0 ? { kind: 'waiting', reason: 'the store', untilMs: 0 } : soundOutcome(action, Date.now());
  expect((await alone.goBack(WISH, () => {})).phase).toBe('finished');
});

test('what the running assignment still took up as it was stopped is taken back, too', async () => {
  const later = plan.cells[0]!.steps.findIndex(({ id }) => id === 'w1.verify') + 1;
  let yielded = false;
  held = {
    cell: bench.cell,
    yields: async () => {
      if (!yielded) await begunTo('w1.verify', 2);
      yielded = true;
    },
  };
  const going = alone.goBack(WISH, () => {});
  // From the first moment on nothing is taken from the server.
  expect(alone.at).toBe(true);
  expect(await going).toMatchObject({ begun: later, phase: 'finished' });
});
