import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { objectionReason } from '../protocol/agent-pins.ts';
import { decideDeliveries, NOTHING_READ, type NotifierState, type NotifyFacts } from './decide.ts';
import { type Delivery, evolveDelivery } from './delivery.ts';
import {
  HAPPENINGS,
  happeningBeside,
  happeningOf,
  type Noted,
  type NotedPromotion,
  type ToldPromotion,
} from './happening.ts';
import { AUDIENCES, concerns, type Rule } from './rule.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const START = Date.UTC(2026, 2, 2, 22, 30);

function promotion(id: string, environment = 'production'): ToldPromotion {
  const digest = `sha256:${'a'.repeat(64)}` as const;
  return {
    ...{ id, application: 'shop', environment, release: { digest, version: '2.0.0' } },
    ...{ requester: 'usr_secretive', authors: ['usr_author'], waves: 2, cells: ['live-cell'] },
    tenants: [['live-cell/acme'], ['live-cell/bolt', 'live-cell/core']],
    before: {},
  };
}

const DATA: Readonly<Record<string, object>> = {
  'promotion.requested': { requester: 'usr_secretive' },
  'promotion.waiting': {
    verdicts: [
      { gate: 'approval', verdict: 'pending', because: '0 of 1 inside-words', unblock: 'approve', who: 'approver' },
    ],
  },
  'promotion.wave-opened': { wave: 1 },
  'promotion.paused': { by: 'usr_ops', reason: 'inside-words' },
  'promotion.held': { question: 'inside-words' },
  'promotion.rollback-decided': { because: 'inside-words' },
  'promotion.ended': { result: 'promoted', because: 'inside-words' },
  'rollout.asked': { step: 'w1.migrate', question: 'inside-words' },
  'rollout.settled': { result: 'completed' },
  'promotion.resumed': {},
  'hypercare.alarmed': { why: 'inside-words', until: 0 },
  'hypercare.ended': { result: 'sound' },
};

function entry(
  place: number,
  type: string,
  of = promotion('prm_1'),
  data: object = DATA[type] as object,
): NotedPromotion {
  const cell = type.startsWith('rollout.') ? { cell: 'live-cell' } : {};
  return { place, at: START + place, promotion: of, type, data, ...cell } as unknown as NotedPromotion;
}

function rule(more: Partial<Rule> = {}): Rule {
  return {
    ...{ name: 'r', audience: 'team', happenings: HAPPENINGS, environments: [], tenants: [], principals: [] },
    ...{ channels: [{ name: 'c', format: 'message' }], gatherMs: 10_000, mostPerHour: 30 },
    ...more,
  } as Rule;
}

/** Lives through entries as the control plane does: what is due leaves, what waits takes more in. */
class Desk {
  state: NotifierState = NOTHING_READ;
  readonly deliveries = new Map<string, Delivery>();

  tell(now: number, rules: readonly Rule[], ...entries: readonly Noted[]): void {
    const facts: NotifyFacts = { now, rules, closed: new Set(), source: '/headgate/x' };
    const { state, queued, folds } = decideDeliveries(this.state, entries, (entries.at(-1)?.place ?? -1) + 1, facts);
    this.state = state;
    for (const data of queued) {
      expect(this.deliveries.has(data.id)).toBe(false);
      this.deliveries.set(data.id, evolveDelivery(undefined, { type: 'delivery.queued', data }));
    }
    for (const { id, items, more } of folds) {
      const delivery = this.deliveries.get(id) as Delivery;
      expect(delivery).toMatchObject({ phase: 'waiting' });
      expect((delivery as { dueAt: number }).dueAt).toBeGreaterThan(now);
      this.deliveries.set(id, evolveDelivery(delivery, { type: 'delivery.folded', data: { items, more } }));
    }
  }

  get all(): readonly (Delivery & { dueAt: number })[] {
    return [...this.deliveries.values()] as never;
  }
}

describe('an entry of the log is news', () => {
  test.each([
    ['promotion.requested', 0, 'planned', false],
    ['promotion.waiting', 0, 'waiting', false],
    ['promotion.waiting', 1, 'waiting', true],
    ['promotion.wave-opened', 0, 'started', false],
    ['promotion.paused', 1, 'paused', false],
    ['promotion.held', 1, 'waiting', true],
    ['rollout.asked', 1, 'waiting', true],
    ['promotion.rollback-decided', 1, 'rolled-back', true],
    ['promotion.ended', 1, 'finished', false],
    ['hypercare.alarmed', 0, 'alarmed', true],
    ['hypercare.ended', 0, 'sound', false],
  ])('%s after wave %i is %s, urgent: %s', (type, wave, kind, urgent) => {
    expect(happeningOf(entry(1, type), wave)).toMatchObject({ kind, urgent });
  });

  test.each(['promotion.resumed', 'rollout.settled'])('%s is none', (type) => {
    expect(happeningOf(entry(1, type), 1)).toBeUndefined();
  });

  test('a wait for a window or a test is none: only people are asked', () => {
    const verdicts = [{ gate: 'window', verdict: 'pending', because: '', unblock: '', who: '' }];
    const waiting = (reason: string) => entry(1, 'promotion.waiting', promotion('p'), { verdicts, reason });
    expect(happeningOf(waiting('gate window: outside of it'), 0)).toBeUndefined();
    // What an agent holds is a person's to change.
    const objection = {
      cell: 'a',
      environment: 'e',
      agent: 'agt_a',
      code: 'other-policy',
      why: 'x',
      unblock: 'y',
    } as const;
    const told = happeningOf(waiting(objectionReason([objection])), 0);
    expect(told).toMatchObject({ kind: 'waiting', about: 'pin', words: expect.stringContaining('cell a: x') });
  });
});

describe('beside all promotions', () => {
  const beside = (type: string, data: object, more: object = {}) =>
    happeningBeside({ place: 1, at: START, type, by: 'usr_ops', data: data as Record<string, unknown>, ...more });
  const freeze = { name: 'now-1', from: START, to: 8.64e15, reason: 'it burns' };
  const all = beside('freeze.declared', { scope: 'all', ...freeze });
  const staging = beside('freeze.lifted', { scope: 'staging', name: 'now-1', reason: 'out' });
  const cell = { cell: 'live-cell', application: 'shop', environment: 'production', version: '1.0.0' };
  const adopted = beside('cell.adopted', {}, { adopted: cell });

  test('a freeze is urgent news, says why, by whom and until when; out of it and an adoption can wait', () => {
    expect(all).toMatchObject({ kind: 'frozen', urgent: true, of: { environment: 'everything' } });
    expect(all?.words).toBe('now-1, until it is lifted, by usr_ops: it burns');
    expect(staging).toMatchObject({ kind: 'lifted', urgent: false, words: 'now-1 is lifted by usr_ops: out' });
    expect(adopted).toMatchObject({ kind: 'adopted', urgent: false, of: { version: '1.0.0' } });
    expect(beside('cell.observed', {})).toBeUndefined();
  });

  const drill = {
    environment: 'production',
    cell: 'live-cell',
    store: 'main',
    because: ['orders came back with 1 rows, 2 were promised'],
  };
  const failed = beside('drill.recorded', { ...drill, ok: false, missing: ['it was never timed'] });

  test('a restore drill that failed is news for the day, with all that is wrong; one that went well is none', () => {
    expect(failed).toMatchObject({ kind: 'drill-failed', urgent: false, cell: 'live-cell', within: 'production' });
    expect(failed?.words).toBe('store main: orders came back with 1 rows, 2 were promised; it was never timed');
    expect(beside('drill.recorded', { ...drill, ok: true, missing: [] })).toBeUndefined();
  });

  test.each([
    ['the team of a drill that failed', rule({ environments: ['production'] }), failed, true],
    ['nobody of one elsewhere', rule({ environments: ['staging'] }), failed, false],
    ['no customers of one', rule({ audience: 'customers', tenants: ['live-cell/acme'] }), failed, false],
    ['the team of every environment of a freeze of everything', rule({ environments: ['production'] }), all, true],
    ['approvers of a freeze', rule({ audience: 'approvers', principals: ['usr_a'] }), all, true],
    ['support of a freeze', rule({ audience: 'support' }), all, true],
    ['no customers of a freeze', rule({ audience: 'customers', tenants: ['live-cell/acme'] }), all, false],
    ['nobody of a freeze elsewhere', rule({ environments: ['production'] }), staging, false],
    ['the team of an adoption', rule(), adopted, true],
    ['approvers of no adoption', rule({ audience: 'approvers' }), adopted, false],
  ])('%s', (_title, of, happening, told) => {
    expect(happening !== undefined && concerns(of, happening)).toBe(told);
  });

  test('a storm of freezes is gathered, and none is lost', () => {
    const facts = { now: START, rules: [rule()], closed: new Set<string>(), source: '/headgate/x' };
    const many = Array.from({ length: 20 }, (_, i) => ({
      ...{ place: i, at: START, type: 'freeze.declared', by: 'usr_ops' },
      data: { scope: 'all', ...freeze, name: `now-${i}` },
    }));
    const { queued } = decideDeliveries(NOTHING_READ, many, 20, facts);
    expect(queued).toHaveLength(1);
    expect(queued[0]).toMatchObject({ count: 20, about: 'frozen', urgent: true });
    expect(queued[0]?.promotion).toBeUndefined();
  });
});

describe('who is told', () => {
  const waiting = happeningOf(entry(1, 'promotion.waiting'), 0)!;
  const asked = happeningOf(entry(1, 'rollout.asked'), 1)!;
  test.each([
    ['approvers of an approval', rule({ audience: 'approvers' }), waiting, true],
    ['approvers who may give it', rule({ audience: 'approvers', principals: ['usr_a', 'usr_author'] }), waiting, true],
    ['no author', rule({ audience: 'approvers', principals: ['usr_author', 'usr_secretive'] }), waiting, false],
    ['approvers of no question to operators', rule({ audience: 'approvers' }), asked, false],
    ['the team of a question', rule(), asked, true],
    ['nobody of another environment', rule({ environments: ['staging'] }), asked, false],
    ['customers of no wait', rule({ audience: 'customers', tenants: ['live-cell/acme'] }), waiting, false],
  ])('%s', (_title, of, happening, told) => {
    expect(concerns(of, happening)).toBe(told);
  });

  test('customers hear when their own wave begins, the team when the first does', () => {
    const second = happeningOf(entry(1, 'promotion.wave-opened', promotion('p'), { wave: 2 }), 1)!;
    expect(concerns(rule({ audience: 'customers', tenants: ['live-cell/bolt'] }), second)).toBe(true);
    expect(concerns(rule({ audience: 'customers', tenants: ['live-cell/acme'] }), second)).toBe(false);
    expect(concerns(rule(), second)).toBe(false);
  });
});

describe('no storms', () => {
  test('500 cells that ask at once are one message that says how many', () => {
    const desk = new Desk();
    desk.tell(START, [rule()], entry(0, 'promotion.wave-opened'));
    const asked = Array.from({ length: 500 }, (_, n) => entry(n + 1, 'rollout.asked'));
    desk.tell(START + 1, [rule()], ...asked.slice(0, 200));
    for (const each of asked.slice(200)) desk.tell(START + 1_000, [rule()], each);
    const urgent = desk.all.filter((d) => d.urgent);
    expect(urgent.map((d) => [d.count, d.dueAt])).toEqual([[500, START + 2_001]]);
    expect(urgent[0]?.items).toHaveLength(40);
  });

  test('one that asks every three seconds for three hours is gathered for longer and longer, to ten minutes', () => {
    const desk = new Desk();
    for (let n = 0; n < 3_600; n++) {
      const now = START + n * 3_000;
      desk.tell(now, [rule()], entry(n, 'rollout.asked'));
      expect(desk.all.at(-1)?.dueAt).toBeLessThanOrEqual(now + 10 * MINUTE);
    }
    expect(desk.all.length).toBeLessThan(26);
    expect(desk.all.reduce((sum, d) => sum + d.count, 0)).toBe(3_600);
  });

  test('an approval that is waited for is asked once a wave, whatever else its gates say', () => {
    const desk = new Desk();
    for (let n = 0; n < 20; n++) desk.tell(START + n * MINUTE, [rule()], entry(n, 'promotion.waiting'));
    desk.tell(START + 21 * MINUTE, [rule()], entry(30, 'promotion.wave-opened'));
    for (let n = 31; n < 40; n++) desk.tell(START + n * MINUTE, [rule()], entry(n, 'promotion.waiting'));
    expect(desk.all.filter((d) => d.about === 'waiting')).toHaveLength(2);
  });

  test('an hour’s share, and then one message for the rest', () => {
    const desk = new Desk();
    const now = Math.floor(START / HOUR) * HOUR;
    for (let n = 0; n < 100; n++)
      desk.tell(now + n * 10_000, [rule({ mostPerHour: 5 })], entry(n, 'promotion.requested', promotion(`prm_${n}`)));
    expect(desk.all.map((d) => [d.about, d.count])).toEqual([...Array(5).fill(['planned', 1]), ['digest', 95]]);
    expect(desk.all.at(-1)?.dueAt).toBe(now + HOUR);
  });

  test('a message that has left takes nothing more in', () => {
    const desk = new Desk();
    desk.tell(START, [rule()], entry(0, 'promotion.paused'));
    const [left] = desk.all;
    const facts = { now: START + 1, rules: [rule()], closed: new Set([left?.id as string]), source: '/' };
    const { queued, folds } = decideDeliveries(desk.state, [entry(1, 'promotion.paused')], 2, facts);
    expect([queued.length, folds.length]).toEqual([1, 0]);
  });
});

test('quiet hours put off what can wait, as one message, and nothing that can’t', () => {
  const desk = new Desk();
  const quiet = rule({ quietUntil: START + 8 * HOUR });
  for (const [n, type] of [
    'promotion.requested',
    'promotion.wave-opened',
    'promotion.rollback-decided',
    'promotion.ended',
  ].entries())
    desk.tell(START + n * MINUTE, [quiet], entry(n, type));
  expect(desk.all.map((d) => [d.about, d.count, d.dueAt])).toEqual([
    ['digest', 3, START + 8 * HOUR],
    ['rolled-back', 1, START + 2 * MINUTE + 2_000],
  ]);
});

const types = Object.keys(DATA);
const lives = fc.array(
  fc.record({
    afterMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 20_000 }), fc.integer({ min: 0, max: 5 * HOUR })),
    type: fc.constantFrom(...types),
    of: fc.integer({ min: 0, max: 3 }),
    wave: fc.integer({ min: 1, max: 2 }),
  }),
  { maxLength: 60 },
);
const anyRule = fc.record({
  audience: fc.constantFrom(...AUDIENCES),
  happenings: fc.subarray([...HAPPENINGS], { minLength: 1 }),
  gatherMs: fc.constantFrom(0, 5_000, 10_000, 600_000),
  mostPerHour: fc.constantFrom(1, 3, 30),
  digestMs: fc.constantFrom(undefined, 30 * MINUTE),
  quiet: fc.boolean(),
});

test('nothing is lost and nothing told twice, the urgent within its time, the quiet kept, customers told no more than theirs', () => {
  fc.assert(
    fc.property(lives, anyRule, (life, { quiet, digestMs, ...some }) => {
      const desk = new Desk();
      const tenants = some.audience === 'customers' ? ['live-cell/acme', 'live-cell/core'] : [];
      const base = rule({ ...some, tenants, ...(digestMs !== undefined && { digestMs }) });
      const waves = new Map<string, { wave: number; asked: number }>();
      let now = START;
      let expected = 0;
      for (const [place, { afterMs, type, of, wave }] of life.entries()) {
        now += afterMs;
        // Quiet from 22:00 to 06:00.
        const hour = new Date(now).getUTCHours();
        const end = Math.floor((now - 6 * HOUR) / (24 * HOUR)) * 24 * HOUR + 30 * HOUR;
        const asleep = quiet && (hour >= 22 || hour < 6);
        const now_ = asleep ? { ...base, quietUntil: end } : base;
        const data = type === 'promotion.wave-opened' ? { wave } : (DATA[type] as object);
        const noted = entry(place, type, promotion(`prm_${of}`), data);
        const memory = waves.get(`prm_${of}`) ?? { wave: 0, asked: 0 };
        const happening = happeningOf(noted, memory.wave);
        const repeated = happening?.approval !== undefined && memory.asked === memory.wave + 1;
        if (happening?.approval) memory.asked = memory.wave + 1;
        if (happening?.kind === 'started') memory.wave = wave;
        waves.set(`prm_${of}`, memory);
        if (happening?.kind === 'finished') waves.delete(`prm_${of}`);
        const before = new Map(desk.all.map((d) => [d.id, d.count]));
        desk.tell(now, [now_], noted);
        const grown = desk.all.filter((d) => d.count !== before.get(d.id));
        const told = happening !== undefined && !repeated && concerns(now_, happening);
        expect(grown.length).toBe(told ? 1 : 0);
        if (!told) continue;
        expected += 1;
        const [message] = grown;
        if (happening.urgent) expect(message?.dueAt).toBeLessThanOrEqual(now + 10 * MINUTE);
        else if (asleep) expect(message?.dueAt).toBeGreaterThanOrEqual(Math.min(end, message?.dueAt ?? 0));
        if (!happening.urgent && asleep && !before.has(message?.id ?? '')) expect(message?.dueAt).toBe(end);
      }
      expect(desk.all.reduce((sum, d) => sum + d.count, 0)).toBe(expected);
      const hours = new Map<number, number>();
      for (const d of desk.all) {
        if (d.urgent || d.about === 'digest') continue;
        const hour = Math.floor(d.madeAt / HOUR);
        hours.set(hour, (hours.get(hour) ?? 0) + 1);
      }
      for (const made of hours.values()) expect(made).toBeLessThanOrEqual(some.mostPerHour);
      if (some.audience === 'customers')
        expect(JSON.stringify(desk.all.map((d) => d.items))).not.toMatch(/inside|usr_|prm_|live-cell|bolt|w1/);
    }),
    { numRuns: 400 },
  );
});
