/**
 * Stop conditions while the server is away: what the plan has looked at during its verify and soak steps goes on being
 * looked at, on the agent's own clock, for everybody whom a wave in progress has moved. A failing one is said loudly; the
 * agent goes back by itself only where a person declared that it may.
 */
import type { Action, CellPlan, Outcome, Plan } from '@headgate/domain';
import { type CarryOutParts, contextOf } from '../assignments/carry-out.ts';
import type { Logger } from '../log.ts';
import type { Alone, HeldCell } from './alone.ts';
import type { Contact } from './contact.ts';
import { lastIn, type Undoing } from './journal.ts';
import type { JournalFile } from './journal-file.ts';
import type { Standing, StandingFile } from './standing.ts';
import { begunOf, movedIn, scopeOfFailing, waveOf, wayBackOf } from './way-back.ts';

/** What the last look at a cell brought. `no-data`: it could not be judged, which is no pass, and no reason to go back. */
export interface Watched {
  readonly state: 'sound' | 'failing' | 'no-data';
  /** Since when it has been so. */
  readonly since: Date;
  readonly why: string;
  readonly tenant: string | undefined;
  readonly looks: number;
}

export interface WatchParts {
  readonly carry: CarryOutParts;
  readonly standing: StandingFile;
  readonly journal: Pick<JournalFile, 'all'>;
  readonly contact: Pick<Contact, 'awaySince' | 'silentMs' | 'refusal'>;
  readonly alone: Pick<Alone, 'isAt' | 'goBack'>;
  readonly log: Logger;
  readonly cells: readonly string[];
  held(cell: string): HeldCell | undefined;
  busy(cell: string): boolean;
  /** After how long away the agent goes back by itself in a cell; undefined: never. Milliseconds. */
  aloneAfterMs(environment: string): number | undefined;
  /** Asks the server once; `contact` knows the answer then. */
  ask(): Promise<void>;
}

/** How long one look may take. Milliseconds. */
const LOOK_MS = 60_000;
/** So long after a plan's latest finish nothing of it counts as in progress: a held promotion has ended by then. Milliseconds. */
export const OVER_MS = 86_400_000;

export class Watch {
  readonly #parts: WatchParts;
  readonly #seen = new Map<string, Watched>();
  /** The refusal that was said last. */
  #told: string | undefined;

  constructor(parts: WatchParts) {
    this.#parts = parts;
  }

  /** What was seen of a cell since the server is away. */
  of(cell: string): Watched | undefined {
    return this.#seen.get(cell);
  }

  /** One look at every cell in which a wave is in progress, while the server is away. */
  async round(signal: AbortSignal): Promise<void> {
    if (this.#parts.contact.awaySince === undefined) {
      this.#seen.clear();
      return;
    }
    for (const cell of this.#parts.cells) if (!signal.aborted) await this.#look(cell, signal);
  }

  async #look(name: string, signal: AbortSignal): Promise<void> {
    const { carry, standing, alone, busy, held, log } = this.#parts;
    const own = standing.of(name);
    const cell = held(name)?.cell;
    if (own === undefined || cell === undefined || busy(name) || alone.isAt(name)) return;
    const opened = await carry.plans.get(own.last.plan, signal).catch(() => undefined);
    if (opened?.ok !== true) return;
    const { plan } = opened;
    const cellPlan = plan.cells.find((c) => c.cell === name);
    const begun = begunOf(own, carry.marks.marks);
    if (cellPlan === undefined || begun === undefined) return;
    if (wentBack(lastIn(this.#parts.journal.all, name), own) || !inProgress(own, plan, cellPlan, begun, carry)) return;
    const action = lookOf(cellPlan, begun);
    if (action === undefined) return;
    const ends = AbortSignal.any([signal, AbortSignal.timeout(LOOK_MS)]);
    const step = `watch.w${waveOf(cellPlan, begun)}`;
    const { rollout } = own.last;
    const fence = carry.marks.marks.cells[name] ?? own.last.fence;
    const assignment = { ...own.last, step, fence, idempotencyKey: `${rollout}/${step}`, stepMs: LOOK_MS };
    const outcome = await cell
      .carryOut(action, contextOf(carry, assignment, ends, log))
      .catch((error: Error): Outcome => ({ kind: 'failed', code: 'transient', why: error.message }));
    if (signal.aborted || this.#parts.contact.awaySince === undefined) return;
    const watched = this.#note(name, outcome);
    if (watched.state === 'failing') await this.#mayGoBack(name, plan, cellPlan, begun, watched);
  }

  #note(name: string, outcome: Outcome): Watched {
    const before = this.#seen.get(name);
    const state = stateOf(outcome);
    const first = outcome.kind === 'waiting' ? undefined : outcome.result?.checks?.firstFailure;
    const said = outcome.kind === 'failed' ? outcome.why : outcome.kind === 'waiting' ? outcome.reason : '';
    const why = said === '' && first !== undefined ? `${first.tenant}: ${first.check}: ${first.why}` : said;
    const tenant = first?.tenant;
    const changed = before?.state !== state;
    const since = changed ? new Date() : before.since;
    const watched: Watched = { state, since, why, tenant, looks: (before?.looks ?? 0) + 1 };
    this.#seen.set(name, watched);
    const facts = { cell: name, why, tenant };
    if (changed && state === 'failing')
      this.#parts.log.error(
        facts,
        'ALARM: a stop condition fails, and the server is away: `headgate-agent rollback --config FILE --because "…"`',
      );
    else if (changed && state === 'no-data') this.#parts.log.warn(facts, 'the stop conditions can’t be judged');
    else if (changed) this.#parts.log.info(facts, 'the stop conditions hold, with the server away');
    return watched;
  }

  /** Only where it was declared, after the time that was declared, and where nobody's agreement is missing. */
  async #mayGoBack(name: string, plan: Plan, cell: CellPlan, begun: number, { tenant, why }: Watched): Promise<void> {
    const { aloneAfterMs, contact, alone, journal, standing, log } = this.#parts;
    const afterMs = aloneAfterMs(plan.environment);
    const [since, silentMs] = [contact.awaySince, contact.silentMs()];
    if (afterMs === undefined || since === undefined) return;
    if (silentMs === undefined) return this.#tellRefused(name);
    if (silentMs < afterMs) return;
    const before = lastIn(journal.all, name);
    const own = before?.rollout === standing.of(name)?.last.rollout ? before : undefined;
    if (own?.phase === 'stopped') return;
    const scope = scopeOfFailing(plan, cell, begun, tenant, own);
    const way = wayBackOf(cell, scope, begun);
    if (way.stopsAt !== undefined) {
      log.error({ cell: name, step: way.stopsAt.id }, 'it would lose data to go back: that waits for a person');
      return;
    }
    // What the last answer was may be of before a restart or an outage's end, and a poll is held: so it is asked now.
    await this.#parts.ask();
    if (contact.awaySince === undefined) return;
    if (contact.silentMs() === undefined) return this.#tellRefused(name);
    const because = `a stop condition failed with the server away since ${since.toISOString()}: ${why}`.slice(0, 500);
    await alone.goBack({ cell: name, scope, by: 'agent', because }, () => {});
  }

  /** Who is refused isn't alone: a person, or another agent in its place, may be at work, and a server that answers decides. */
  #tellRefused(cell: string): void {
    const { contact, log } = this.#parts;
    if (this.#told !== contact.refusal)
      log.error(
        { cell, why: contact.refusal },
        'it does not go back by itself: the server is there, and refuses this agent',
      );
    this.#told = contact.refusal;
  }
}

/** Only a check that failed is a failing one: what broke on the way to it, or brought no result, says nothing of the release. */
function stateOf(outcome: Outcome): Watched['state'] {
  if (outcome.kind === 'waiting') return 'no-data';
  if ((outcome.result?.checks?.failed ?? 0) > 0) return 'failing';
  return outcome.kind === 'done' && (outcome.result.checks?.passed ?? 0) > 0 ? 'sound' : 'no-data';
}

/** Whether this agent took the cell back as a whole by itself: then nothing of the plan is in progress there. */
export function wentBack(last: Undoing | undefined, { last: { rollout } }: Standing): boolean {
  if (last?.rollout !== rollout || last.phase !== 'finished') return false;
  return last.scope.kind === 'all' || last.scope.kind === 'cell';
}

/** Whether a wave of the plan is in progress in a cell, as far as the agent can know. */
export function inProgress(
  { last, answered }: Standing,
  plan: Pick<Plan, 'latestFinish'>,
  cell: CellPlan,
  begun: number,
  { now }: Pick<CarryOutParts, 'now'>,
): boolean {
  if (last.course === 'undo' || now() > plan.latestFinish + OVER_MS) return false;
  return begun < cell.steps.length || !answered;
}

/** What looks at everybody who was moved, as the plan's own verify and soak steps look; undefined: nobody to look at. */
export function lookOf(cell: CellPlan, begun: number): Action | undefined {
  const { moved, held } = movedIn(cell, begun);
  const tenants = moved.filter((tenant) => !held.includes(tenant));
  const look = cell.steps.map((step) => step.action).find(({ kind }) => kind === 'verify' || kind === 'soak');
  if (tenants.length === 0 || (look?.kind !== 'verify' && look?.kind !== 'soak')) return undefined;
  // A soak of no time at all: one look at the slot's health, one round of business transactions.
  return { kind: 'soak', tenants, verification: look.verification, slot: look.slot, durationMs: 0 };
}
