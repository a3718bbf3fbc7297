import { type Assignment, leaseStep, observeCell, renewLease, settleStep, takeUpUndone } from '@headgate/control';
import type { CellState, Outcome, UndoneAway } from '@headgate/domain';
import type { Context } from '../context.ts';
import type { Handlers, Shown } from '../handler.ts';
import { showCell } from '../views.ts';

/** Another server's offers are seen by looking; ours wake the poll at once. Milliseconds. */
const LOOK_MS = 200;

export function agentHandlers(
  context: Context,
): Handlers<'leaseStep' | 'renewLease' | 'settleStep' | 'tellUndone' | 'observeCell'> {
  const { deps, gatherers, offered } = context;
  return {
    async leaseStep({ principal, body, signal }) {
      const until = performance.now() + body.waitMs;
      const stop = signal;
      for (;;) {
        // Whoever has gone away must not get a lease that nobody carries out.
        if (stop.aborted) return { ok: true, value: { assignment: null } };
        const woken = offered.wait(Math.min(LOOK_MS * (0.7 + 0.3 * Math.random()), until - performance.now()), stop);
        const leased = await leaseStep(deps, gatherers, principal);
        if (!leased.ok) return leased;
        if (leased.value !== undefined) return { ok: true, value: { assignment: show(leased.value) } };
        if (performance.now() >= until) return { ok: true, value: { assignment: null } };
        await woken;
      }
    },
    async renewLease({ principal, input }) {
      return renewLease(deps, principal, input.rollout, input.n, input.epoch);
    },
    async settleStep({ principal, input, body }) {
      const settled = await settleStep(
        deps,
        gatherers,
        principal,
        input.rollout,
        input.n,
        body as Outcome,
        input.epoch,
      );
      return settled.ok ? { ok: true, value: { id: settled.value.id, phase: settled.value.phase } } : settled;
    },
    async tellUndone({ principal, input, body }) {
      const taken = await takeUpUndone(deps, gatherers, principal, input.rollout, body as UndoneAway);
      if (!taken.ok) return taken;
      const { rollout, took } = taken.value;
      return { ok: true, value: { id: rollout.id, phase: rollout.phase, took } };
    },
    async observeCell({ principal, input, body }) {
      const seen = body as CellState;
      if (seen.cell !== input.cell) {
        const why = `the path names ${input.cell}, the body ${seen.cell}`;
        const unblock = 'name the same cell twice';
        return {
          ok: false,
          refusals: [{ code: 'malformed', what: 'observe a cell', where: 'body/cell', why, unblock }],
        };
      }
      const observed = await observeCell(deps, principal, seen);
      return observed.ok ? { ok: true, value: showCell(seen.cell, observed.value, principal) } : observed;
    },
  };
}

function show(assignment: Assignment) {
  return assignment as unknown as Shown<import('@headgate/contract').Assignment>;
}
