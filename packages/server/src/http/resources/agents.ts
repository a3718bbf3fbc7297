import { type Assignment, leaseStep, observeCell, renewLease, settleStep } from '@headgate/control';
import type { CellState, Outcome } from '@headgate/domain';
import { attributesOf } from '../../tracing/attributes.ts';
import type { Context } from '../context.ts';
import type { Handlers, Shown } from '../handler.ts';
import { showCell } from '../views.ts';

/** Another server's offers are seen by looking; ours wake the poll at once. Milliseconds. */
const LOOK_MS = 200;

export function agentHandlers(context: Context): Handlers<'leaseStep' | 'renewLease' | 'settleStep' | 'observeCell'> {
  const { deps, gatherers, offered, tracing } = context;

  /** The assignment with the trace that its agent goes on in: that it was handed out is a moment of its own there. */
  function handedOut(assignment: Assignment): Assignment {
    if (tracing === undefined) return assignment;
    const { promotion, rollout, cell, step, traceparent: under } = assignment;
    const attributes = attributesOf({ promotion, rollout, cell, step });
    const span = tracing.start('lease step', { attributes, under });
    span.end();
    return { ...assignment, traceparent: span.parent };
  }

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
        if (leased.value !== undefined) return { ok: true, value: { assignment: show(handedOut(leased.value)) } };
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
