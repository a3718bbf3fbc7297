import { aRelease, digestOf, HOUR_MS, MINUTE_MS, NOON } from '@headgate/testkit/domain/builders';
import { describe, expect, test } from 'vitest';
import {
  ALARM_LOOK_MS,
  dueOfHypercare,
  endTakenBack,
  evolveHypercare,
  type Hypercare,
  type HypercareFacts,
  nextOfHypercare,
  OBSERVATION_MAX_AGE_MS,
  succeedHypercare,
} from './hypercare.ts';

const release = aRelease().digest;
const begun = evolveHypercare(undefined, {
  type: 'hypercare.begun',
  data: {
    id: 'prm_1',
    promotion: 'prm_1',
    environment: 'production',
    release,
    cells: ['shared', 'dedicated'],
    stages: [
      { name: 'hour', durationMs: HOUR_MS },
      { name: 'day', durationMs: 24 * HOUR_MS },
    ],
    until: NOON + HOUR_MS,
  },
});

function facts(now: number, more: Partial<HypercareFacts> = {}): HypercareFacts {
  const seen = { at: now - 1, releases: [release] };
  return {
    now,
    observed: new Map([
      ['shared', seen],
      ['dedicated', seen],
    ]),
    ...more,
  };
}

function tick(state: Hypercare, given: HypercareFacts): Hypercare {
  return nextOfHypercare(state, given).events.reduce<Hypercare>((s, e) => evolveHypercare(s, e), state);
}

test('watches one stage after the other, and ends sound', () => {
  expect(nextOfHypercare(begun, facts(NOON))).toEqual({ events: [], lookAt: NOON + HOUR_MS });
  const day = tick(begun, facts(NOON + HOUR_MS));
  expect(day).toMatchObject({ phase: 'watching', stage: 1, until: NOON + 25 * HOUR_MS });
  const end = tick(day, facts(NOON + 25 * HOUR_MS));
  expect(end).toMatchObject({ phase: 'ended', result: 'sound' });
  expect(dueOfHypercare(end)).toBeNull();
  expect(nextOfHypercare(end, facts(NOON + 99 * HOUR_MS))).toEqual({ events: [], lookAt: null });
});

test.each([
  ['nobody has observed a cell', new Map([['shared', { at: NOON + HOUR_MS, releases: [release] }]])],
  [
    'an observation is old',
    new Map(
      ['shared', 'dedicated'].map((c) => [c, { at: NOON + HOUR_MS - OBSERVATION_MAX_AGE_MS - 1, releases: [release] }]),
    ),
  ],
  [
    'a cell serves something else',
    new Map(['shared', 'dedicated'].map((c) => [c, { at: NOON + HOUR_MS, releases: [digestOf('else')] }])),
  ],
  [
    'a store was changed by hand',
    new Map(
      ['shared', 'dedicated'].map((c) => [
        c,
        { at: NOON + HOUR_MS, releases: [release], drift: 'store main has drifted' },
      ]),
    ),
  ],
])('alarms when %s, looks again each minute, and goes on when it is sound again', (_why, observed) => {
  const now = NOON + HOUR_MS;
  const alarmed = tick(begun, facts(now, { observed }));
  expect(alarmed).toMatchObject({ phase: 'alarmed', stage: 0, until: now + ALARM_LOOK_MS });
  const later = now + MINUTE_MS;
  const again = nextOfHypercare(alarmed, facts(later, { observed }));
  if (again.events.length === 0) expect(again.lookAt).toBe(later + ALARM_LOOK_MS);
  expect(tick(alarmed, facts(later))).toMatchObject({ phase: 'watching', stage: 1 });
});

describe('the next promotion that ends well', () => {
  const { environment, cells } = begun;
  const next = { id: 'prm_2', promotion: 'prm_2', environment, release: digestOf('next'), cells };
  const alarmed = tick(begun, facts(NOON + HOUR_MS, { observed: new Map() }));
  const typesOf = (before: Hypercare | undefined, stages: Hypercare['stages']): string[] =>
    succeedHypercare(before, { ...next, stages }, NOON).map((e) => e.type);

  test.each([
    ['supersedes a watch', begun, ['hypercare.ended', 'hypercare.begun']],
    ['supersedes an alarmed one', alarmed, ['hypercare.ended', 'hypercare.begun']],
    ['lets an ended one be', tick({ ...begun, stage: 1 }, facts(NOON + HOUR_MS)), ['hypercare.begun']],
    ['begins the first', undefined, ['hypercare.begun']],
  ])('%s, and begins its own', (_what, before, types) => {
    expect(typesOf(before, begun.stages)).toEqual(types);
    const state = succeedHypercare(before, { ...next, stages: begun.stages }, NOON).reduce<Hypercare | undefined>(
      (s, e) => evolveHypercare(s, e),
      before,
    );
    expect(state).toMatchObject({ promotion: 'prm_2', phase: 'watching', stage: 0, until: NOON + HOUR_MS });
  });

  test('supersedes the watch before it also when its policy asks for none', () => {
    expect(typesOf(begun, [])).toEqual(['hypercare.ended']);
    expect(typesOf(undefined, [])).toEqual([]);
  });
});

test('a watch without stages ends by itself', () => {
  const none = { ...begun, stages: [], phase: 'watching', until: NOON } as Hypercare;
  expect(tick(none, facts(NOON))).toMatchObject({ phase: 'ended', result: 'sound' });
});

test('nothing comes before its beginning', () => {
  expect(() => evolveHypercare(undefined, { type: 'hypercare.ended', data: { result: 'sound' } })).toThrow('begun');
});

test('ends when its promotion is taken back, whatever it was about to find; another one’s goes on', () => {
  const [ended] = endTakenBack(begun, 'prm_1', 'undone by agt_1');
  expect(ended).toEqual({ type: 'hypercare.ended', data: { result: 'taken-back', because: 'undone by agt_1' } });
  const over = evolveHypercare(begun, ended!);
  expect(over).toMatchObject({ phase: 'ended', result: 'taken-back' });
  expect(dueOfHypercare(over)).toBeNull();
  expect(endTakenBack(over, 'prm_1', 'again')).toEqual([]);
  expect(endTakenBack(begun, 'prm_0', 'an earlier one')).toEqual([]);
  expect(endTakenBack(undefined, 'prm_1', 'nothing is watched')).toEqual([]);
});
