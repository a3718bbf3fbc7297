import { aPlan, NOON, soundFacts } from '@headgate/testkit/domain/builders';
import { describe, expect, test } from 'vitest';
import type { Plan } from '../plan/plan.ts';
import { nextOfPromotion, type PromotionFacts } from '../promotion/decide.ts';
import type { Promotion } from '../promotion/state.ts';
import { type Course, nextOfRollout, type RolloutFacts } from '../rollout/decide.ts';
import { evolveRollout } from '../rollout/evolve.ts';
import type { Rollout } from '../rollout/state.ts';
import { unreadCell, unreadReason } from './unread.ts';

const plan: Plan = aPlan();
const cell = plan.cells[0] as Plan['cells'][number];
const unread = unreadCell(undefined, { epoch: 2, until: NOON + 600_000 });
const until = plan.latestFinish;
const opened = evolveRollout(undefined, {
  type: 'rollout.opened',
  data: {
    id: 'p.c',
    promotion: 'p',
    cell: cell.cell,
    environment: 'e',
    plan: cell.base.slots.blue?.release?.digest as never,
    epoch: 1,
    until,
  },
});

function facts(course: Partial<Course>): RolloutFacts {
  const forward: Course = { kind: 'forward', openWave: 9, until };
  const more = { dueAt: NOON, gates: soundFacts(), epoch: 2, unread };
  return { now: NOON, plan, cell, course: { ...forward, ...course }, ...more };
}

describe('in a cell that was not read back since a restore', () => {
  const scope = { kind: 'all', wave: 1 } as const;
  const leased = { phase: 'leased', step: 'w1.x', agent: 'agt', leaseMs: 1, until: NOON } as const;
  const phases: [string, Partial<Rollout>][] = [
    ['waits', {}],
    ['is on offer', { phase: 'offered', step: 'w1.x', until: NOON } as Partial<Rollout>],
    ['was leased, and the lease is over', leased as Partial<Rollout>],
    ['failed', { phase: 'failed', step: 'w1.x', code: 'rejected', why: '', tenants: [], until } as Partial<Rollout>],
    ['asks, and nobody answered', { phase: 'asking', step: 'w1.x', question: '', until: NOON } as Partial<Rollout>],
  ];
  test.each(phases)('nothing is handed out or decided, forward or back, for a rollout that %s', (_, more) => {
    for (const course of [{}, { kind: 'undo', scope } as const, { kind: 'keep' } as const]) {
      const { events, lookAt } = nextOfRollout({ ...opened, ...more } as Rollout, facts(course));
      for (const event of events) {
        expect(event).toMatchObject({ type: 'rollout.waiting', data: { reason: unread.why, until: unread.until } });
      }
      if (events.length === 0) expect(lookAt).toBeGreaterThan(NOON);
    }
  });

  test('once it is, the same rollout goes on', () => {
    const { unread: _, ...read } = facts({});
    expect(nextOfRollout(opened, read).events[0]?.type).toBe('rollout.offered');
  });

  test('its promotion opens no wave, ends with nothing and turns nothing back; it says which cells it waits for', () => {
    const core = { id: 'p', planDigest: '', environment: 'e', wave: 1, waves: 3, undo: null, latestFinish: NOON - 1 };
    const of = (more: object): Promotion => ({ ...core, approvals: [], cells: [cell.cell], ...more }) as never;
    const seen: PromotionFacts = {
      now: NOON,
      plan,
      gates: soundFacts(),
      rollouts: new Map(),
      baseChanged: [],
      unread: ['a', 'b', 'c', 'd'],
    };
    const [waiting] = nextOfPromotion(of({ phase: 'awaiting', reason: 'x', verdicts: [], until: NOON }), seen).events;
    expect(waiting).toMatchObject({
      type: 'promotion.waiting',
      data: { reason: 'not read back since the restore: a, b, c and 1 more (headgate recovery)' },
    });
    for (const phase of ['advancing', 'paused', 'held'])
      expect(nextOfPromotion(of({ phase, until: NOON - 1, by: '', reason: '', question: '' }), seen).events).toEqual(
        [],
      );
  });

  test('a wait says who ends it', () => {
    expect(unreadReason(unread.why)).toBe('agent');
    const asked = unreadCell({ finding: 'differs', why: 'slot green runs 6' }, { epoch: 2, until: NOON });
    expect(unreadReason(asked.why)).toBe('person');
    expect(unreadReason('gate window: fail')).toBeUndefined();
  });
});
