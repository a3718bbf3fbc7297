/**
 * What is open or went wrong lately, and whom it reaches: for the one screen that is looked at when something is on fire.
 * Every matter says since when and why, every tenant that it reaches is named with what is known of it. What isn't known is
 * said: a cell that nobody observes any more is a matter, not a calm.
 */
import { OBSERVATION_MAX_AGE_MS } from '../hypercare/hypercare.ts';
import { type CellState, driftOf } from '../model/cell.ts';
import type { Instant } from '../model/identity.ts';
import type { CellPlan, Plan } from '../plan/plan.ts';
import { counted } from '../plan/render-words.ts';
import { heldAfter, movedTenants, undoSteps } from '../plan/undo.ts';
import { HOLD_MS } from '../promotion/endings.ts';
import type { Promotion } from '../promotion/state.ts';
import { type TakenBack, toldTakenBack } from '../promotion/taken-back.ts';
import { heldFor } from '../rollout/decide.ts';
import { ASK_MS } from '../rollout/looks.ts';
import type { Rollout } from '../rollout/state.ts';

/** A cell as it was seen last; as it should be, while nobody has seen it. */
export interface SeenCell {
  readonly cell: string;
  readonly environment: string;
  readonly application: string;
  readonly uncertain: boolean;
  readonly state: CellState;
  readonly observedAt: Instant | undefined;
}

/** A promotion that is open, or ended lately. */
export interface InvolvedPromotion {
  readonly promotion: Promotion;
  readonly plan: Plan;
  readonly rollouts: ReadonlyMap<string, Rollout>;
  /** What agents took back after it had ended. */
  readonly takenBack?: TakenBack;
}

/** The watch after a promotion that found something. */
export interface Alarm {
  readonly environment: string;
  readonly promotion: string;
  readonly cells: readonly string[];
  readonly why: string;
}

export interface IncidentFacts {
  readonly now: Instant;
  /** What ended before it is history. */
  readonly since: Instant;
  readonly cells: readonly SeenCell[];
  readonly promotions: readonly InvolvedPromotion[];
  readonly alarms: readonly Alarm[];
}

/** In the order in which they are looked at, when nobody is held. */
export const MATTERS = ['promotion', 'held', 'drifted', 'uncertain', 'alarmed', 'unobserved', 'ended'] as const;
export type MatterKind = (typeof MATTERS)[number];

export interface Matter {
  /** Stays the same from look to look: `promotion/prm_1`, `unobserved/production/shop`. */
  readonly key: string;
  readonly kind: MatterKind;
  readonly environment: string;
  readonly application: string;
  readonly why: string;
  readonly since: Instant | null;
  /** The promotion that it is about. */
  readonly promotion?: string;
  readonly cells: readonly { readonly cell: string; readonly why: string; readonly seenAt: Instant | null }[];
  /** Tenants that it reaches, and how many of them are held. */
  readonly tenants: number;
  readonly held: number;
}

export interface AffectedTenant {
  readonly cell: string;
  readonly tenant: string;
  readonly environment: string;
  readonly application: string;
  readonly ring: string;
  readonly store: string;
  /** Nobody of theirs is served. Null: not known, since nobody has looked lately. */
  readonly held: boolean | null;
  /** The version that serves them, as it was seen; null: not known. */
  readonly release: string | null;
  readonly seenAt: Instant | null;
  /** Keys of the matters that reach them. */
  readonly matters: readonly string[];
}

export interface Incident {
  readonly matters: readonly Matter[];
  /** Held ones first, then those of whom it isn't known, then by cell and name. */
  readonly tenants: readonly AffectedTenant[];
  readonly unknown: readonly string[];
}

export function incidentOf(facts: IncidentFacts): Incident {
  const desk = new Desk(facts);
  for (const involved of facts.promotions) desk.promotion(involved);
  for (const cell of facts.cells) desk.cell(cell);
  for (const alarm of facts.alarms) desk.alarm(alarm);
  return desk.result();
}

/** Why a promotion is a matter and since when; undefined when it goes as planned. */
export function troubleOf(
  { promotion, rollouts, takenBack }: Pick<InvolvedPromotion, 'promotion' | 'rollouts' | 'takenBack'>,
  { now, since }: Pick<IncidentFacts, 'now' | 'since'>,
): { readonly why: string; readonly since: Instant | null } | undefined {
  switch (promotion.phase) {
    case 'paused':
      return { why: `it is paused by ${promotion.by}: ${promotion.reason}`, since: promotion.until - HOLD_MS };
    case 'held':
      return { why: `it asks: ${promotion.question}`, since: promotion.until - HOLD_MS };
    case 'undoing':
      return { why: `it goes back: ${promotion.undo?.because ?? ''}`, since: promotion.undo?.at ?? null };
    case 'ended': {
      const back = toldTakenBack(takenBack);
      if (back !== undefined && back.at >= since)
        return { why: [`it ended ${promotion.result}, ${back.words}`, ...back.left].join('; '), since: back.at };
      if (promotion.at < since || promotion.wave === 0 || promotion.result === 'promoted') return undefined;
      return { why: `it ended ${promotion.result}: ${promotion.because}`, since: promotion.at };
    }
    case 'awaiting':
    case 'advancing': {
      for (const rollout of rollouts.values()) {
        if (rollout.phase === 'asking')
          return { why: `cell ${rollout.cell} asks: ${rollout.question}`, since: rollout.until - ASK_MS };
        if (rollout.phase === 'failed')
          return { why: `step ${rollout.step} of cell ${rollout.cell} failed: ${rollout.why}`, since: null };
      }
      return promotion.wave > 0 && now >= promotion.until
        ? { why: 'it is overdue', since: promotion.until }
        : undefined;
    }
  }
}

/** Whom a rollout holds at this moment, by the steps that it has begun. */
export function heldNow(cell: CellPlan, rollout: Rollout): ReadonlySet<string> {
  if (rollout.phase === 'settled') return new Set();
  if (rollout.undo === null) return new Set(heldFor(rollout, cell));
  const back = undoSteps(cell, rollout.undo.scope, rollout.begun).slice(0, rollout.undo.cursor);
  return heldAfter([...cell.steps.slice(0, rollout.begun), ...back]);
}

interface Draft extends Omit<Matter, 'cells' | 'tenants' | 'held' | 'why'> {
  why: string;
  readonly cells: { cell: string; why: string; seenAt: Instant | null }[];
}

class Desk {
  readonly #facts: IncidentFacts;
  readonly #seen: ReadonlyMap<string, SeenCell>;
  readonly #matters = new Map<string, Draft>();
  readonly #tenants = new Map<string, Omit<AffectedTenant, 'matters'> & { readonly matters: string[] }>();
  /** Who holds whom, `cell/tenant`, by the plans. */
  readonly #holders = new Map<string, string>();

  constructor(facts: IncidentFacts) {
    this.#facts = facts;
    this.#seen = new Map(facts.cells.map((cell) => [cell.cell, cell]));
    for (const { promotion, plan, rollouts } of facts.promotions)
      for (const cell of plan.cells) {
        const rollout = rollouts.get(cell.cell);
        if (rollout === undefined || promotion.phase === 'ended') continue;
        for (const tenant of heldNow(cell, rollout)) this.#holders.set(`${cell.cell}/${tenant}`, promotion.id);
      }
  }

  promotion(involved: InvolvedPromotion): void {
    const { promotion, plan, rollouts, takenBack } = involved;
    const trouble = troubleOf(involved, this.#facts);
    if (trouble === undefined) return;
    const { id, environment, application } = promotion;
    const key = `promotion/${id}`;
    const kind = promotion.phase === 'ended' ? 'ended' : 'promotion';
    const matter: Draft = { key, kind, environment, application, ...trouble, promotion: id, cells: [] };
    this.#matters.set(key, matter);
    for (const cell of plan.cells) {
      const rollout = rollouts.get(cell.cell);
      if (rollout === undefined || rollout.begun === 0) continue;
      const seenAt = this.#seen.get(cell.cell)?.observedAt ?? null;
      const back = takenBack?.cells.find((each) => each.cell === cell.cell);
      const why = back === undefined ? standsText(rollout) : `${standsText(rollout)}, then taken back: ${back.because}`;
      matter.cells.push({ cell: cell.cell, why, seenAt });
      for (const tenant of movedTenants(cell, rollout.begun)) this.#reach(key, cell.cell, tenant, cell.base, involved);
    }
  }

  cell(seen: SeenCell): void {
    const { cell, state, observedAt } = seen;
    const tenants = Object.keys(state.tenants);
    const drift = driftOf(state);
    if (drift.length > 0) {
      const why = drift.map((d) => `store ${d.store} was changed by hand: ${d.why}`).join('; ');
      const stores = new Set(drift.map(({ store }) => store));
      this.#about(
        'drifted',
        seen,
        why,
        tenants.filter((t) => stores.has(state.tenants[t]?.store ?? '')),
      );
    }
    if (seen.uncertain) this.#about('uncertain', seen, 'a step ended here whose effect nobody confirmed', tenants);
    const { now } = this.#facts;
    if (observedAt === undefined) this.#about('unobserved', seen, 'no agent has observed it', tenants);
    else if (now - observedAt > OBSERVATION_MAX_AGE_MS)
      this.#about('unobserved', seen, 'no agent observes it any more', tenants);
    const held = tenants.filter((t) => state.tenants[t]?.held === true || this.#holders.has(`${cell}/${t}`));
    if (held.length === 0) return;
    const by = [...new Set(held.flatMap((t) => this.#holders.get(`${cell}/${t}`) ?? []))];
    const why = by.length > 0 ? `held by ${by.join(', ')}` : 'held, and no open promotion says why';
    this.#about('held', seen, `${counted(held.length, 'tenant')} ${why}`, held);
  }

  alarm({ environment, promotion, cells, why }: Alarm): void {
    const own = cells.flatMap((cell) => this.#seen.get(cell) ?? []);
    const application = own[0]?.application ?? '';
    const key = `alarmed/${environment}`;
    this.#matters.set(key, { key, kind: 'alarmed', environment, application, why, since: null, promotion, cells: [] });
    for (const seen of own) this.#about('alarmed', seen, why, Object.keys(seen.state.tenants), key);
  }

  /** Cells of one application and environment that have the same trouble are one matter: an agent that died is one call. */
  #about(
    kind: MatterKind,
    { cell, environment, application, state, observedAt }: SeenCell,
    why: string,
    tenants: readonly string[],
    key = `${kind}/${environment}/${application}`,
  ): void {
    const seenAt = observedAt ?? null;
    const since = kind === 'unobserved' ? seenAt : null;
    const matter = this.#matters.get(key) ?? { key, kind, environment, application, why, since, cells: [] };
    this.#matters.set(key, matter);
    matter.cells.push({ cell, why, seenAt });
    for (const tenant of tenants) this.#reach(key, cell, tenant, state);
  }

  #reach(key: string, cell: string, tenant: string, known: CellState, involved?: InvolvedPromotion): void {
    const id = `${cell}/${tenant}`;
    const before = this.#tenants.get(id);
    if (before !== undefined) {
      before.matters.push(key);
      return;
    }
    const seen = this.#seen.get(cell);
    const of = seen?.state.tenants[tenant] ?? known.tenants[tenant];
    const release = seen === undefined || of === undefined ? undefined : seen.state.slots[of.slot]?.release?.version;
    this.#tenants.set(id, {
      cell,
      tenant,
      environment: seen?.environment ?? involved?.promotion.environment ?? known.environment,
      application: seen?.application ?? involved?.promotion.application ?? known.application,
      ring: of?.ring ?? '',
      store: of?.store ?? '',
      held: of?.held === true || this.#holders.has(id) ? true : this.#lately(seen) ? false : null,
      release: seen?.observedAt === undefined ? null : (release ?? null),
      seenAt: seen?.observedAt ?? null,
      matters: [key],
    });
  }

  /** What was seen longer ago says nothing about now. */
  #lately(seen: SeenCell | undefined): boolean {
    const at = seen?.observedAt;
    return at !== undefined && this.#facts.now - at <= OBSERVATION_MAX_AGE_MS;
  }

  result(): Incident {
    // By `cell/tenant` as a whole, which is what cursors of the list are compared with.
    const tenants = [...this.#tenants]
      .sort(([a, one], [b, other]) => heldRank(one) - heldRank(other) || compare(a, b))
      .map(([, tenant]) => tenant);
    const counts = new Map<string, { tenants: number; held: number }>();
    for (const { matters, held } of tenants)
      for (const key of new Set(matters)) {
        const count = counts.get(key) ?? { tenants: 0, held: 0 };
        counts.set(key, { tenants: count.tenants + 1, held: count.held + Number(held === true) });
      }
    const matters = [...this.#matters.values()].map((draft): Matter => {
      const { cells, why } = draft;
      const whys = new Set(cells.map((cell) => cell.why));
      const grouped = draft.promotion === undefined && cells.length > 1;
      const more =
        whys.size > 1 ? `, and more in ${counted(cells.length, 'cell')}` : ` (${counted(cells.length, 'cell')})`;
      return { ...draft, why: grouped ? `${why}${more}` : why, ...(counts.get(draft.key) ?? { tenants: 0, held: 0 }) };
    });
    matters.sort((a, b) => Number(b.held > 0) - Number(a.held > 0) || rank(a) - rank(b) || compare(a.key, b.key));
    return { matters, tenants, unknown: this.#unknown() };
  }

  #unknown(): readonly string[] {
    const { cells, now } = this.#facts;
    const never = cells.filter(({ observedAt }) => observedAt === undefined);
    const long = cells.filter(
      ({ observedAt }) => observedAt !== undefined && now - observedAt > OBSERVATION_MAX_AGE_MS,
    );
    const isnt = 'isn’t known: nobody looks';
    return [
      ...(never.length > 0 ? [`What ${counted(never.length, 'cell')} that no agent has observed serve ${isnt}.`] : []),
      ...(long.length > 0
        ? [
            `What ${counted(long.length, 'cell')} serve now ${isnt} any more. What is shown of them is what was seen last.`,
          ]
        : []),
      ...(cells.length === 0 ? ['No cell is declared or observed, so nothing is known of any tenant.'] : []),
    ];
  }
}

/** Where a tenant stands in the list: who is held first, then whose state nobody knows. */
export function heldRank({ held }: Pick<AffectedTenant, 'held'>): number {
  return held === true ? 0 : held === null ? 1 : 2;
}

function rank({ kind }: Matter): number {
  return MATTERS.indexOf(kind);
}

function standsText(rollout: Rollout): string {
  const course = rollout.undo === null ? '' : ', on its way back';
  switch (rollout.phase) {
    case 'settled':
      return rollout.result;
    case 'failed':
      return `step ${rollout.step} failed: ${rollout.why}`;
    case 'asking':
      return `step ${rollout.step} asks: ${rollout.question}`;
    case 'leased':
      return `${rollout.agent} carries out ${rollout.step}${course}`;
    case 'offered':
      return `${rollout.step} waits for an agent${course}`;
    case 'waiting':
      return `it waits: ${rollout.reason}${course}`;
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
