import type { Digest, Plan } from '@headgate/domain';
import { beforeAll, expect, test } from 'vitest';
import { Simulator } from '../simulate.ts';
import { type Scenario, scenarioOf } from '../world/scenario.ts';
import { checkHistory } from './history-checker.ts';
import type { HistoryDocuments, Recorded } from './recorded.ts';

const seed = 7;
let entries: readonly Recorded[] = [];
let documents: HistoryDocuments;

/** A history as a real log would hold it: plain entries, and the plans that they name. */
beforeAll(async () => {
  const quiet: Scenario = { ...scenarioOf({ seed, faults: 0, acts: 0, fleets: 4 }, 1), faults: [], acts: [] };
  const simulator = new Simulator(seed);
  const lived = await simulator.live(quiet);
  const fleet = await simulator.fleet(quiet.fleet);
  entries = JSON.parse(JSON.stringify([...fleet.entries, ...lived.entries])) as Recorded[];
  const plans = new Map<Digest, Plan>(lived.plans);
  documents = { plan: (digest) => plans.get(digest), document: (digest) => fleet.documents.get(digest) };
});

const check = (history: readonly Recorded[]): string[] => [
  ...new Set(checkHistory(history, documents).map((v) => v.invariant)),
];

const altered = (type: string, change: (entry: Recorded) => Recorded | undefined): Recorded[] => {
  const at = entries.findIndex((e) => e.type === type);
  return entries.flatMap((e, i) => (i === at ? (change(e) ?? []) : e));
};

const withData = (more: object) => (entry: Recorded) => ({ ...entry, data: { ...(entry.data as object), ...more } });

test('a sound history has no violation', () => {
  expect(check(entries)).toEqual([]);
});

test.each<[what: string, history: () => Recorded[], invariant: string]>([
  ['an entry is missing', () => altered('rollout.leased', () => undefined), 'on-the-log-once'],
  ['an author approved', () => altered('promotion.approved', withData({ by: 'usr_author' })), 'no-author-approves'],
  [
    'an approval is of another envelope',
    () => altered('promotion.approved', withData({ envelope: 'x' })),
    'covered-by-approvals',
  ],
  ['somebody else settled', () => altered('rollout.step-done', (e) => ({ ...e, by: 'agt_other' })), 'holder-settles'],
  [
    'a step counts as done without a reading',
    () => altered('rollout.step-done', withData({ result: {} })),
    'data-not-missing',
  ],
  [
    'a wave opened on a gate without data',
    () => altered('promotion.wave-opened', withData({ verdicts: [] })),
    'after-gates',
  ],
  [
    'a step was handed out before its turn',
    () => altered('rollout.offered', withData({ step: 'w9.route' })),
    'plan-order',
  ],
])('sees it when %s', (_what, history, invariant) => {
  expect(check(history())).toContain(invariant);
});
