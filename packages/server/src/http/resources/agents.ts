import {
  type Assignment,
  leaseStep,
  observeCell,
  type RecoveryRecord,
  refuse,
  renewLease,
  settleStep,
  streams,
  takeUpUndone,
  tellMoves,
  tellStandbys,
  tellVaults,
} from '@headgate/control';
import type { CellState, Outcome, ToldMove, ToldStandby, ToldVault, UndoneAway } from '@headgate/domain';
import { attributesOf } from '../../tracing/attributes.ts';
import type { Context } from '../context.ts';
import type { Handlers, Shown } from '../handler.ts';
import { showCell } from '../views.ts';
import { pinsOf } from './pins.ts';

/** Another server's offers are seen by looking; ours wake the poll at once. Milliseconds. */
const LOOK_MS = 200;

export function agentHandlers(
  context: Context,
): Handlers<
  | 'leaseStep'
  | 'renewLease'
  | 'settleStep'
  | 'tellUndone'
  | 'observeCell'
  | 'tellStandbys'
  | 'tellMoves'
  | 'tellVaults'
  | 'sayFarewell'
> {
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
    async leaseStep({ principal, input, body, signal, again }) {
      const behind = await forgotten(context, principal.id, input);
      if (behind !== undefined) return behind;
      // What is only told of it must not keep work from it.
      await context.agents.heard(principal.id).catch(() => {});
      const until = performance.now() + body.waitMs;
      const stop = signal;
      const cells = input.cells?.split(',');
      for (let agent = principal; ; ) {
        // Whoever has gone away must not get a lease that nobody carries out.
        if (stop.aborted) return { ok: true, value: { assignment: null } };
        const woken = offered.wait(Math.min(LOOK_MS * (0.7 + 0.3 * Math.random()), until - performance.now()), stop);
        const leased = await leaseStep(deps, gatherers, agent, cells);
        if (!leased.ok) return leased;
        if (leased.value !== undefined) return { ok: true, value: { assignment: show(handedOut(leased.value)) } };
        if (performance.now() >= until) return { ok: true, value: { assignment: null } };
        await woken;
        // Whoever was revoked while it waited gets no step; whoever was widened gets those of more environments.
        const still = await again();
        if (!still.ok) return still;
        agent = still.value.principal;
      }
    },
    async sayFarewell({ principal, body }) {
      await context.agents.ended(principal.id, body.stopped);
      return { ok: true, value: { agent: principal.id } };
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
      const observed = await observeCell(deps, principal, seen, pinsOf(input));
      return observed.ok ? { ok: true, value: showCell(deps, seen.cell, observed.value, principal) } : observed;
    },
    async tellStandbys({ principal, input, body }) {
      return tellStandbys(deps, principal, input.cell, body.standbys as readonly ToldStandby[], body.heard);
    },
    async tellMoves({ principal, input, body }) {
      return tellMoves(deps, principal, input.cell, body.moves as readonly ToldMove[]);
    },
    async tellVaults({ principal, input, body }) {
      return tellVaults(deps, principal, input.cell, body.vaults as readonly ToldVault[]);
    },
  };
}

/**
 * Whether an agent has seen more than this server's database knows: then that was restored from a backup, and nobody said
 * so. Whatever is handed out now could be a step that was done, so nothing is.
 */
async function forgotten(
  { deps, log, logger }: Context,
  agent: string,
  seen: { readonly epoch?: number; readonly head?: number },
) {
  const { epoch = 0, head = 0 } = seen;
  if (epoch === 0 && head === 0) return undefined;
  const known = (await log.head())?.size ?? 0;
  if (epoch <= deps.epoch && head <= known) return undefined;
  const stream = streams.recovery(deps.epoch);
  const recovery = (await deps.store.load([stream])).get(stream)?.state as RecoveryRecord | undefined;
  const seenMore =
    epoch > deps.epoch
      ? `${agent} has seen epoch ${epoch}, and this is epoch ${deps.epoch}`
      : `${agent} has seen ${head} entries of the log, and it has ${known}`;
  logger.error({ agent, epoch, head, known }, 'an agent has seen more than the database knows: it gets no step');
  return refuse<never>(
    'forgotten-past',
    'hand out a step',
    'database',
    `${seenMore}: the database was restored from a backup`,
    recovery === undefined || epoch > deps.epoch
      ? `if it was: stop the servers, run headgate-server recover --by NAME --because "…", start them; if nobody restored it, find out which server ${agent} spoke to before`
      : 'a person takes the restored log up at the agent: headgate-agent accept-restored-log --config FILE',
  );
}

function show(assignment: Assignment) {
  return assignment as unknown as Shown<import('@headgate/contract').Assignment>;
}
