import type { LogEvent } from '@headgate/contract';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EventFeed } from './event-feed.ts';
import { StepSums } from './step-sums.ts';

const P = 'prm_1';
let version = 0;
const event = (type: string, stream: string, data: object, more: Partial<LogEvent> = {}): LogEvent => ({
  v: 1,
  stream,
  version: ++version,
  type,
  at: Date.UTC(2026, 2, 2, 3),
  by: 'sys',
  data: data as Record<string, unknown>,
  ...more,
});
const requested = event(
  'promotion.requested',
  `promotion/${P}`,
  {
    id: P,
    application: 'shop',
    release: { digest: 'd', version: '2.0.0' },
    environment: 'production',
    waves: 2,
    cells: ['live'],
  },
  { by: 'usr_dev' },
);
const rollout = (type: string, data: object, more: Partial<LogEvent> = {}, cell = 'live') =>
  event(`rollout.${type}`, `rollout/${P}.${cell}`, data, more);

/** A feed in which the time is what the test says. */
function feed() {
  const clock = { now: 0 };
  return { clock, feed: new EventFeed(() => clock.now) };
}

test.each<[string, LogEvent, string]>([
  [
    'a step that begins',
    rollout('leased', { step: 'w1.route' }, { by: 'agt_shop' }),
    'cell live  w1.route at work  by agt_shop',
  ],
  [
    'a step that is done',
    rollout('step-done', { step: 'w1.route', result: { routed: 5 } }),
    'w1.route done: 5 tenants moved',
  ],
  ...(
    [
      ['w1.close', 'closed for 1 tenant'],
      ['undo.close', 'opened for 1 tenant'],
      ['w1.open.main', 'opened for 1 tenant'],
      ['w3.activate', 'opened for 1 tenant'],
      ['w1.hold', 'held 1 tenant'],
      ['undo.route', '1 tenant moved'],
    ] as const
  ).map(([step, what]): [string, LogEvent, string] => [
    `what ${step} did for tenants, who don’t move by it unless it routes them`,
    rollout('step-done', { step, result: { routed: 1 } }),
    `${step} done: ${what}`,
  ]),
  [
    'a step that failed',
    rollout('step-failed', { step: 'w1.verify', why: 'bolt: no ledger', after: 'decide' }),
    'w1.verify FAILED: bolt: no ledger; the promotion decides',
  ],
  [
    'a step that waits',
    rollout('step-waits', { step: 'w1.clear', reason: '3 requests in flight' }),
    'w1.clear waits: 3 requests in flight',
  ],
  [
    'a step that asks',
    rollout('asked', { step: 'undo.restore', question: 'agree?' }),
    'undo.restore ASKS: agree? (headgate explain prm_1 says how to answer)',
  ],
  [
    'an agent that is lost',
    rollout('lease-lost', { step: 'w1.deploy', why: 'expired' }),
    'w1.deploy: its agent was lost; it is offered again',
  ],
  ['a gate that closed', rollout('waiting', { reason: 'gate freeze: fail' }), 'waits: gate freeze: fail'],
  [
    'a pause',
    event('promotion.paused', `promotion/${P}`, { reason: 'a look', until: 0 }, { by: 'usr_op' }),
    `PAUSED: a look; until 1970-01-01T00:00:00Z, or: headgate resume ${P}  by usr_op`,
  ],
  [
    'a rollback',
    event(
      'promotion.rollback-decided',
      `promotion/${P}`,
      { scope: { kind: 'all', wave: 1 }, because: 'bad' },
      { by: 'usr_op' },
    ),
    'ROLLS BACK everything that moved: bad  by usr_op',
  ],
  [
    'a question',
    event('promotion.held', `promotion/${P}`, { question: 'keep?' }),
    `ASKS: keep? (headgate keep ${P}, or headgate rollback ${P} --reason "…")`,
  ],
  [
    'a freeze without an end',
    event(
      'freeze.declared',
      'freeze/all',
      { scope: 'all', name: 'now-1', to: 8.64e15, reason: 'audit' },
      { by: 'usr_op' },
    ),
    '-  FROZEN: everything, until it is lifted: audit; out: headgate freeze lift now-1 --scope all --because "…"  by usr_op',
  ],
  [
    'a freeze with one',
    event('freeze.declared', 'freeze/x', { scope: 'application:shop', name: 'f', to: 0, reason: 'r' }),
    'FROZEN: application shop, until 1970-01-01T00:00:00Z: r',
  ],
  [
    'a freeze that is lifted',
    event('freeze.lifted', 'freeze/all', { scope: 'all', name: 'now-1', reason: 'over' }, { by: 'usr_op' }),
    'freeze now-1 lifted: everything: over  by usr_op',
  ],
])('%s is one line with time, place, what, why and who', (_, told, words) => {
  const { feed: of } = feed();
  of.tell(requested);
  const lines = of.tell(told);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/^2026-03-02T03:00:00Z {2}(2\.0\.0 to production|-)/);
  expect(lines[0]).toContain(words);
});

test('a promotion that waits says for which gate, why, what opens it and who can', () => {
  const verdicts = [
    { gate: 'freeze', verdict: 'fail', because: 'freeze now-1 holds', unblock: 'lift it', who: 'release manager' },
    { gate: 'signature', verdict: 'pass', because: 'signed', unblock: '', who: '' },
  ];
  const [line] = feed().feed.tell(
    event('promotion.waiting', `promotion/${P}`, { reason: 'wave 1: gate freeze is fail', verdicts }),
  );
  expect(line).toContain('waits: wave 1: gate freeze is fail; freeze: freeze now-1 holds (release manager: lift it)');
  expect(line).not.toContain('signature');
});

test('what opens a gate and is laid out in lines is told by its first, and where the rest stands', () => {
  const unblock = 'mend it\nwaivers:\n  - {file: "sha256:1"}';
  const verdicts = [{ gate: 'migrations-analysed', verdict: 'fail', because: 'it drops', unblock, who: 'developer' }];
  const [line] = feed().feed.tell(event('promotion.waiting', `promotion/${P}`, { reason: 'r', verdicts }));
  expect(line).toContain(`(developer: mend it … headgate explain ${P} has the rest)`);
  expect(line).not.toContain('waivers:');
});

test('bookkeeping is left out, and what nobody knows of yet is told by its name', () => {
  const { feed: of } = feed();
  for (const type of ['rollout.offered', 'cell.observed', 'delivery.queued', 'notifier.read'])
    expect(of.tell(event(type, `${type.split('.')[0]}/x.y`, { reason: 'r' }))).toEqual([]);
  expect(of.tell(event('novelty.seen', 'novelty/1', { reason: 'r' }))[0]).toContain('novelty seen: r');
});

test('a step says how long its agent took', () => {
  const { feed: of } = feed();
  of.tell(rollout('leased', { step: 'w1.deploy' }));
  const { at } = requested;
  expect(of.tell(rollout('step-done', { step: 'w1.deploy', result: {} }, { at: at + 4_300 }))[0]).toContain(
    'w1.deploy done (4.3 s)',
  );
});

test('500 cells at ten steps are a few hundred lines, with each of their first failures, and the sums are true', () => {
  const { feed: of, clock } = feed();
  const lines: string[] = [...of.tell(requested)];
  const steps = Array.from({ length: 10 }, (_, i) => `w1.step-${i}`);
  for (const step of steps) {
    for (let cell = 0; cell < 500; cell++) {
      clock.now += 200;
      lines.push(...of.tell(rollout('leased', { step }, {}, `c${cell}`)), ...of.due());
      const failed = step === 'w1.step-9' && cell % 25 === 24;
      const ends = failed
        ? rollout('step-failed', { step, why: `c${cell} is ill` }, {}, `c${cell}`)
        : rollout('step-done', { step, result: {} }, {}, `c${cell}`);
      lines.push(...of.tell(ends), ...of.due());
    }
  }
  lines.push(...of.tell(event('promotion.ended', `promotion/${P}`, { result: 'promoted' })));
  expect(lines.length).toBeLessThan(300);
  expect(lines.filter((line) => line.includes('is ill')).length).toBe(10);
  for (const step of steps.slice(0, 9))
    expect(lines.filter((line) => line.includes(`${step} in 500 cells: 500 done`)).length).toBe(1);
  expect(lines.at(-2)).toContain('w1.step-9 in 500 cells: 480 done, 20 FAILED');
  expect(lines.at(-1)).toContain('ended promoted');
  expect(of.rest()).toEqual([]);
});

test('whatever happens in whichever order, nothing is left untold at the end, and lines stay bounded', () => {
  const how = fc.constantFrom('at work' as const, 'done' as const, 'failed' as const, 'waits' as const);
  const happening = fc.tuple(fc.nat(40), fc.nat(2), how, fc.nat(30_000));
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 400 }), (list) => {
      const sums = new StepSums();
      const last = new Map<string, Map<number, string>>();
      let [now, alone, summed] = [0, 0, 0];
      for (const [cell, step, stands, ms] of list) {
        now += ms;
        if (sums.tell('p', `c${cell}`, `s${step}`, stands, now)) alone += 1;
        const cells = last.get(`s${step}`) ?? new Map();
        last.set(`s${step}`, cells.set(cell, stands));
        summed += sums.due(now).length;
      }
      for (const { words } of sums.rest(now)) {
        const cells = [...(last.get(words.split(' ')[0] as string)?.values() ?? [])];
        expect(words).toContain(`in ${cells.length} cells`);
        const done = cells.filter((each) => each === 'done').length;
        if (done > 0) expect(words).toContain(`${done} done`);
      }
      expect(sums.rest(now)).toEqual([]);
      // A step's sums: doubled pauses of 10 s at first, then 160 s.
      expect(summed).toBeLessThanOrEqual(3 * (5 + now / 160_000));
      expect(alone).toBeLessThanOrEqual(list.length);
    }),
  );
});
