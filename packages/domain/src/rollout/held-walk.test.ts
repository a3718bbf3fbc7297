import { anUpgrade } from '@headgate/testkit/domain/builders';
import { toldUndo } from '@headgate/testkit/domain/undone-away';
import { sound, type World } from '@headgate/testkit/domain/world';
import { begun } from '@headgate/testkit/domain/worlds';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RollbackScope } from '../plan/plan.ts';
import { planPromotion } from '../plan/planner.ts';
import { type Scope, undoSteps } from '../plan/undo.ts';
import { decideKeep, decidePause, decideResume, decideRollback } from '../promotion/commands.ts';
import { decideAnswer } from './assignment.ts';
import type { RolloutAnswer } from './events.ts';
import { decideUndoneAway } from './undone-away.ts';

/** What an agent makes of a step, whether or not anybody hears of it. */
const carried = fc.constantFrom('done', 'effect-unheard', 'silence', 'rejected', 'rejected-after-effect', 'unknown');
const person = fc.constantFrom('freeze', 'thaw', 'pause', 'resume', 'rollback', 'keep', 'latest-finish', 'away');
const turn = fc.record({
  carried: fc.oneof({ weight: 3, arbitrary: fc.constant('done' as const) }, { weight: 1, arbitrary: carried }),
  person: fc.option(person, { freq: 8 }),
  answer: fc.constantFrom<RolloutAnswer>('agree', 'retry', 'decline'),
});
type Turn = typeof turn extends fc.Arbitrary<infer T> ? T : never;

function world(rollbackScope: RollbackScope): World {
  const planned = planPromotion(anUpgrade());
  if (!planned.ok) throw new Error(planned.refusals[0]?.why);
  return begun({ ...planned.plan, rollbackScope });
}

function carryOut(of: World, how: Turn['carried']): void {
  if (of.rollouts.get('shared')?.phase !== 'offered' || !of.lease('shared')) return;
  const leased = of.rollout('shared');
  const action = of.action('shared');
  if (leased.phase !== 'leased' || action === undefined) return;
  if (how === 'done' || how === 'effect-unheard' || how === 'rejected-after-effect') of.effect('shared');
  if (how === 'done') of.settle('shared', leased.n, sound('shared', leased.step, action, of.now) as never);
  else if (how === 'rejected' || how === 'rejected-after-effect')
    of.settle('shared', leased.n, { kind: 'failed', code: 'rejected', why: 'no' });
  else if (how === 'unknown') of.settle('shared', leased.n, { kind: 'failed', code: 'unknown', why: 'who knows' });
}

/** The server is away, and somebody at the agent's machine goes back: as far as no approver has to be asked. */
function goBackAway(of: World): void {
  const rollout = of.rollouts.get('shared');
  if (rollout === undefined || rollout.phase === 'settled' || rollout.begun === 0) return;
  const scope: Scope = { kind: 'all', wave: of.promotion.wave };
  const count = undoSteps(of.cellPlan('shared'), scope, rollout.begun).findIndex(({ approver }) => approver);
  const told = toldUndo(of, { scope, ...(count >= 0 && { count, stopped: 'an approver is asked first' }) });
  const next = { ...told, n: told.n + 1 };
  of.answer('shared', (r, now) => decideUndoneAway(r, of.cellPlan('shared'), 'agt_1', next, now, 0));
}

function intervene(of: World, what: Turn['person']): void {
  if (what === 'freeze') of.freezes = [{ name: 'f', reason: 'x', from: of.now, to: of.plan.latestFinish }];
  else if (what === 'thaw') of.freezes = [];
  else if (what === 'pause') of.command((p, now) => decidePause(p, 'usr_1', 'wait', now));
  else if (what === 'resume') of.command((p) => decideResume(p, 'usr_1'));
  else if (what === 'rollback') of.command((p, now) => decideRollback(p, 'usr_1', 'back', now));
  else if (what === 'keep') of.command((p, now) => decideKeep(p, 'usr_1', now));
  else if (what === 'away') goBackAway(of);
  else if (what === 'latest-finish' && of.rollouts.size > 0) of.now = Math.max(of.now, of.plan.latestFinish + 1);
}

test('whatever agents, people and clocks do, nobody is held once their rollout is settled', () => {
  const scopes = fc.constantFrom<RollbackScope>('tenant', 'ring', 'cell', 'all');
  fc.assert(
    fc.property(scopes, fc.array(turn, { minLength: 10, maxLength: 120 }), (scope, turns) => {
      const walked = world(scope);
      for (const { carried, person, answer } of turns) {
        if (walked.ended()) break;
        walked.tickDue();
        intervene(walked, person);
        const phase = walked.rollouts.get('shared')?.phase;
        if (phase === 'asking')
          walked.answer('shared', (r, now) =>
            decideAnswer(r, walked.cellPlan('shared'), { id: 'usr_2', roles: ['approver'] }, now, answer, 'not now'),
          );
        else if (phase === 'offered') carryOut(walked, carried);
        else walked.pass();
        if (walked.rollouts.get('shared')?.phase !== 'settled') continue;
        const tenants = Object.entries(walked.cells.get('shared')?.tenants ?? {});
        expect(tenants.filter(([, tenant]) => tenant.held).map(([name]) => name)).toEqual([]);
      }
    }),
    { numRuns: 1000 },
  );
});
