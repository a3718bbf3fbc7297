import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  courseOf,
  dueOfHypercare,
  dueOfPromotion,
  dueOfRollout,
  evolveHypercare,
  evolvePromotion,
  evolveRollout,
  type Hypercare,
  type HypercareEvent,
  type HypercareFacts,
  nextOfHypercare,
  nextOfPromotion,
  nextOfRollout,
  type Plan,
  type Promotion,
  type PromotionEvent,
  type PromotionFacts,
  type Rollout,
  type RolloutEvent,
  type RolloutFacts,
} from '@headgate/domain';
import { describe, expect, test } from 'vitest';
import type {
  CorpusFile,
  CorpusStep,
  CorpusStream,
  StoredHypercareFacts,
  StoredPromotionFacts,
  StoredRolloutFacts,
} from './format.ts';
import { generate } from './generate.ts';

interface Looked {
  readonly events: readonly { readonly type: string }[];
  readonly lookAt: number | null;
}

/** How today's code goes on with what was stored. */
interface Machine {
  evolve(state: unknown, event: unknown): unknown;
  next(state: unknown, facts: unknown, file: CorpusFile): Looked;
  due(state: unknown, now: number): number | null;
}

const MACHINES: Readonly<Record<CorpusStream['machine'], Machine>> = {
  promotion: {
    evolve: (state, event) => evolvePromotion(state as Promotion | undefined, event as PromotionEvent),
    next: (state, facts, { plan, gates: list }) => {
      const { rollouts, gates: at, ...rest } = facts as StoredPromotionFacts;
      const gates = list[at];
      return nextOfPromotion(
        state as Promotion,
        { ...rest, gates, rollouts: new Map(rollouts), plan: plan as Plan } as PromotionFacts,
      );
    },
    due: (state, now) => {
      courseOf(state as Promotion);
      return dueOfPromotion(state as Promotion, now);
    },
  },
  rollout: {
    evolve: (state, event) => evolveRollout(state as Rollout | undefined, event as RolloutEvent),
    next: (state, facts, { plan, gates: list }) => {
      const { gates: at, ...rest } = facts as StoredRolloutFacts;
      const gates = list[at];
      const cell = plan?.cells.find((c) => c.cell === (state as Rollout).cell);
      return nextOfRollout(state as Rollout, { ...rest, gates, plan, cell } as RolloutFacts);
    },
    due: (state, now) => dueOfRollout(state as Rollout, now),
  },
  hypercare: {
    evolve: (state, event) => evolveHypercare(state as Hypercare | undefined, event as HypercareEvent),
    next: (state, facts) => {
      const { observed, ...rest } = facts as StoredHypercareFacts;
      return nextOfHypercare(state as Hypercare, { ...rest, observed: new Map(observed) } as HypercareFacts);
    },
    due: (state) => dueOfHypercare(state as Hypercare),
  },
};

const here = import.meta.dirname;
const folders = readdirSync(here).filter((name) => /^\d{3}$/.test(name));
const read = (folder: string): CorpusFile[] =>
  readdirSync(join(here, folder)).map(
    (name) => JSON.parse(readFileSync(join(here, folder, name), 'utf8')) as CorpusFile,
  );

/** Phases and events that a folder must show, so that it is a corpus of everything that can be stored. */
const PHASES: Readonly<Record<CorpusStream['machine'], readonly string[]>> = {
  promotion: ['advancing', 'awaiting', 'ended', 'held', 'paused', 'undoing'],
  rollout: ['asking', 'failed', 'leased', 'offered', 'settled', 'waiting'],
  hypercare: ['alarmed', 'ended', 'watching'],
};

describe.each(folders)('the corpus %s', (folder) => {
  const files = read(folder);
  const streams = files.flatMap((file) => file.streams.map((s) => ({ ...s, file })));

  test.each(streams.map((s) => [`${s.file.journey}: ${s.stream}`, s] as const))(
    '%s folds to what was stored, and goes on',
    (_name, s) => {
      const machine = MACHINES[s.machine];
      let folded: unknown;
      for (const step of s.steps) {
        folded = machine.evolve(folded, step.event);
        expect(folded).toEqual(step.state);
        goesOn(machine, step, s.file);
      }
    },
  );

  test('shows every phase of every machine', () => {
    for (const [machine, phases] of Object.entries(PHASES)) {
      const seen = streams
        .filter((s) => s.machine === machine)
        .flatMap((s) => s.steps.map((t) => (t.state as { phase: string }).phase));
      expect([...new Set(seen)].sort()).toEqual(phases);
    }
  });
});

/** Today's decider takes the stored state: it says something, or when to look again, and what it says is folded. */
function goesOn(machine: Machine, step: CorpusStep, file: CorpusFile): void {
  const { now } = step.facts as { now: number };
  const decision = machine.next(step.state, step.facts, file);
  let state = step.state;
  for (const event of decision.events) state = machine.evolve(state, event);
  const { phase } = state as { phase: string };
  const over = phase === 'ended' || phase === 'settled';
  const due = decision.events.length > 0 ? machine.due(state, now) : decision.lookAt;
  expect(due === null, `${phase} ${over ? 'is over' : 'waits for something'}`).toBe(over);
}

test('since 002 it has tenants with stores of their own, and promotions for some alone', () => {
  const files = read('002');
  const actions = files.flatMap(
    ({ plan }) => plan?.cells.flatMap((c) => c.steps.map((s) => JSON.stringify(s.action))) ?? [],
  );
  for (const part of ['"kind":"hold"', '"reads":true', '"kind":"open"', '"kind":"restore"'])
    expect(JSON.stringify(files.map(({ plan }) => plan)), part).toContain(part);
  expect(actions.length).toBeGreaterThan(100);
  const only = files.flatMap((f) => f.streams.flatMap((s) => s.steps.map((t) => (t.state as { only?: object }).only)));
  expect(only.filter(Boolean)[0]).toMatchObject({ count: 1 });
});

test('since 003 it has promotions that were overtaken, undone by an agent alone, and read back after a restore', () => {
  const types = new Set(read('003').flatMap((f) => f.streams.flatMap((s) => s.steps.map((t) => t.event.type))));
  for (const type of ['promotion.overtaken', 'rollout.undone-away', 'rollout.read-back']) expect(types).toContain(type);
});

test('since 005 it has promotions that stood before their point of no return, and a loss that was declined', () => {
  const text = JSON.stringify(read('005'));
  for (const part of ['"type":"promotion.go-asked"', '"type":"promotion.go"', '"answer":"decline"'])
    expect(text, part).toContain(part);
});

test('since 006 it has a migration that closes operations, and a way back out of it', () => {
  const text = JSON.stringify(read('006'));
  for (const part of ['"closesOperations":true', '"closes-operations-and-goes-back-within"', '"rolled-back"'])
    expect(text, part).toContain(part);
});

test('there is a corpus', () => {
  expect(folders).toEqual(['001', '002', '003', '004', '005', '006']);
});

test('a folder is written once', () => {
  const parent = mkdtempSync(join(tmpdir(), 'corpus-'));
  try {
    expect(generate(join(parent, '001'))).toBeGreaterThan(10);
    expect(() => generate(join(parent, '001'))).toThrow('EEXIST');
  } finally {
    rmSync(parent, { recursive: true });
  }
});
