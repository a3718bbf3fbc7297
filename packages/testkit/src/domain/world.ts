/**
 * One promotion and its rollouts, driven by the shipped deciders alone: what the control plane does around them, without
 * a store. Every event is applied here, and here the rules are held that no schedule may break. The corpus of stored
 * states and the domain's properties are both made by driving this.
 */
import {
  type Action,
  type CellPlan,
  type CellState,
  type Course,
  cellAfter,
  changesSomething,
  closesOperations,
  courseOf,
  type Decided,
  type Decision,
  decideLease,
  decideSettle,
  dueOfPromotion,
  dueOfRollout,
  evolvePromotion,
  evolveRollout,
  type Freeze,
  type GateFacts,
  type Instant,
  nextOfPromotion,
  nextOfRollout,
  type Objection,
  type Outcome,
  type Plan,
  type Promotion,
  type PromotionEvent,
  type PromotionFacts,
  type Rollout,
  type RolloutEvent,
  type RolloutFacts,
  stepAtHand,
} from '@headgate/domain';
import { digestOf, NOON, soundFacts, soundOutcome } from './builders.ts';
import { effectOf, unsound } from './effects.ts';

export const LEASE_MS = 3_000;

export interface HistoryEntry {
  readonly stream: string;
  readonly event: PromotionEvent | RolloutEvent;
  readonly state: Promotion | Rollout;
  /** What the machine knew as it was in that state; plain JSON, without the plan. */
  readonly facts: { readonly gates: GateFacts };
  readonly at: Instant;
}

/** What the outside makes of an assignment: an outcome, or silence until the lease runs out. */
export type Carry = (cell: string, step: string, action: Action, now: Instant) => Outcome | 'silence';

export class World {
  now: Instant = NOON;
  readonly plan: Plan;
  promotion: Promotion;
  readonly rollouts = new Map<string, Rollout>();
  readonly due = new Map<string, Instant | null>();
  readonly history: HistoryEntry[] = [];
  /** What stands in reality, as far as effects happened. */
  readonly cells = new Map<string, CellState>();
  freezes: Freeze[] = [];
  windowOpen = true;
  /** What agents hold against it before the first wave. */
  objections: readonly Objection[] = [];
  /** Lost wake-ups: nobody looks before its own due time. */
  wakes = true;

  constructor(plan: Plan) {
    this.plan = plan;
    for (const cell of plan.cells) this.cells.set(cell.cell, cell.base);
    const event: PromotionEvent = {
      type: 'promotion.requested',
      data: {
        id: 'prm_1',
        application: plan.application,
        environment: plan.environment,
        release: plan.release,
        plan: digestOf('plan'),
        envelope: digestOf('envelope'),
        requester: 'usr_manager',
        authors: ['usr_author'],
        cells: plan.cells.map((c) => c.cell),
        waves: plan.waves.length,
        latestFinish: plan.latestFinish,
        ...(plan.gates.some(({ at }) => at === 'no-return') && { gatedAtNoReturn: true }),
        ...(closesOperations(plan) && { closesOperations: true }),
        ...(plan.tenants && { only: { asked: digestOf('tenants'), count: plan.tenants.length } }),
      },
    };
    this.promotion = evolvePromotion(undefined, event);
    this.#record('promotion/prm_1', event, this.promotion);
    this.due.set('promotion', this.now);
  }

  gates(): GateFacts {
    const windows = [{ calendar: 'nights', open: this.windowOpen, changesAt: this.now + 3_600_000 }];
    const { approvals, envelope, go } = this.promotion;
    const said = go === undefined ? {} : { go };
    return soundFacts(this.now, { approvals, envelope, ...said, windows, freezes: this.freezes, restorePoints: [] });
  }

  facts(): PromotionFacts {
    const { now, plan, rollouts } = this;
    const { objections } = this;
    return {
      ...{ now, plan, gates: this.gates(), rollouts, baseChanged: [] },
      ...(objections.length > 0 && { objections }),
    };
  }

  rolloutFacts(cell: string): RolloutFacts {
    const { now, plan } = this;
    const course = this.course();
    return { now, dueAt: this.due.get(cell) ?? null, plan, cell: this.cellPlan(cell), course, gates: this.gates() };
  }

  course(): Course {
    return courseOf(this.promotion);
  }

  cellPlan(name: string): CellPlan {
    const cell = this.plan.cells.find((c) => c.cell === name);
    if (cell === undefined) throw new Error(`no cell ${name}`);
    return cell;
  }

  rollout(cell: string): Rollout {
    const rollout = this.rollouts.get(cell);
    if (rollout === undefined) throw new Error(`cell ${cell} has no rollout yet`);
    return rollout;
  }

  /** A person's command, or refused. */
  command(decide: (promotion: Promotion, now: Instant) => Decided<PromotionEvent>): boolean {
    const decided = decide(this.promotion, this.now);
    if (decided.ok) this.#applyPromotion(decided.events);
    return decided.ok;
  }

  approve(by = 'usr_approver', holdsMs = 4 * 3_600_000): void {
    const { envelope } = this.promotion;
    const data = { by, envelope, at: this.now, expiresAt: this.now + holdsMs, proof: 'server-attested' } as const;
    this.#applyPromotion([{ type: 'promotion.approved', data }]);
  }

  tickPromotion(): Decision<PromotionEvent> {
    const decision = nextOfPromotion(this.promotion, this.facts());
    if (decision.events.length === 0) this.due.set('promotion', decision.lookAt);
    else this.#applyPromotion(decision.events);
    return decision;
  }

  tickRollout(cell: string): Decision<RolloutEvent> {
    const decision = nextOfRollout(this.rollout(cell), this.rolloutFacts(cell));
    if (decision.events.length === 0) this.due.set(cell, decision.lookAt);
    else this.#applyRollout(cell, decision.events);
    return decision;
  }

  /** Leases what is on offer; false when nothing was, or when the decider had something else to say first. */
  lease(cell: string, agent = 'agt_1'): boolean {
    const decided = decideLease(this.rollout(cell), this.rolloutFacts(cell), agent, LEASE_MS);
    if (decided.ok) this.#applyRollout(cell, decided.events);
    return this.rollout(cell).phase === 'leased' && decided.ok;
  }

  settle(cell: string, n: number, outcome: Outcome, agent = 'agt_1'): boolean {
    const rollout = this.rollout(cell);
    const decided = decideSettle(rollout, this.rolloutFacts(cell), agent, n, outcome);
    if (decided.ok) this.#applyRollout(cell, decided.events);
    return decided.ok;
  }

  answer(cell: string, decide: (rollout: Rollout, now: Instant) => Decided<RolloutEvent>): boolean {
    const decided = decide(this.rollout(cell), this.now);
    if (decided.ok) this.#applyRollout(cell, decided.events);
    return decided.ok;
  }

  /** The leased step's effect happens in reality, whether or not anybody hears of it. */
  effect(cell: string): void {
    const action = this.action(cell);
    if (action === undefined) throw new Error('nothing is leased');
    this.cells.set(cell, effectOf(this.plan, this.cells.get(cell) as CellState, action));
    const ownStores = this.plan.cells.some((c) => c.steps.some((step) => step.of !== undefined));
    const why = unsound(this.cells.get(cell) as CellState, ownStores);
    if (why !== undefined) throw new Error(`cell ${cell}: ${why}`);
  }

  action(cell: string): Action | undefined {
    const rollout = this.rollout(cell);
    return rollout.phase === 'leased' ? stepAtHand(rollout, this.cellPlan(cell))?.action : undefined;
  }

  /** Carries out whatever is at hand in a cell: lease, effect, outcome. */
  carryOut(cell: string, carry: Carry = sound): void {
    const rollout = this.rollouts.get(cell);
    if (rollout?.phase !== 'offered' || !this.lease(cell)) return;
    const leased = this.rollout(cell);
    const action = this.action(cell);
    if (leased.phase !== 'leased' || action === undefined) return;
    const outcome = carry(cell, leased.step, action, this.now);
    if (outcome === 'silence') return;
    if (outcome.kind === 'done') this.effect(cell);
    this.settle(cell, leased.n, outcome);
  }

  /** Looks at everything that is due now, until nothing is. */
  tickDue(stop: () => boolean = () => false): void {
    for (let round = 0; round < 100; round++) {
      const due = [...this.due].filter(([, at]) => at !== null && at <= this.now);
      if (due.length === 0) return;
      for (const [name] of due) {
        if (name === 'promotion') this.tickPromotion();
        else this.tickRollout(name);
        if (stop()) return;
      }
    }
    throw new Error(`it spins at ${this.now}: ${this.describe()}`);
  }

  /** Time passes until the next thing is due. */
  pass(): void {
    const next = Math.min(...[...this.due.values()].map((at) => at ?? Number.POSITIVE_INFINITY));
    if (next === Number.POSITIVE_INFINITY) {
      if (this.ended()) return;
      throw new Error(`nothing is due: ${this.describe()}`);
    }
    this.now = Math.max(this.now, next);
  }

  ended(): boolean {
    return this.promotion.phase === 'ended' && [...this.rollouts.values()].every((r) => r.phase === 'settled');
  }

  /** A fair schedule until everything ended, or `stop` says so. */
  run(carry: Carry = sound, stop: () => boolean = () => false, most = 20_000): this {
    for (let turn = 0; turn < most; turn++) {
      this.tickDue(stop);
      if (this.ended() || stop()) return this;
      const at = this.history.length;
      for (const cell of this.rollouts.keys()) {
        if (stop()) return this;
        this.carryOut(cell, carry);
      }
      if (this.history.length === at) this.pass();
    }
    throw new Error(`no end after ${most} turns: ${this.describe()}`);
  }

  describe(): string {
    const rollouts = [...this.rollouts].map(([cell, r]) => `${cell}: ${JSON.stringify(r)}`);
    return [JSON.stringify(this.promotion), ...rollouts, JSON.stringify([...this.due])].join('\n');
  }

  #applyPromotion(events: readonly PromotionEvent[]): void {
    const before = this.promotion;
    for (const event of events) {
      if (this.promotion.phase === 'ended') throw new Error(`${event.type} after the end`);
      if (event.type === 'promotion.wave-opened' && this.now >= this.promotion.latestFinish)
        throw new Error('a wave opened after the latest finish');
      this.promotion = evolvePromotion(this.promotion, event);
      this.#record('promotion/prm_1', event, this.promotion);
    }
    this.due.set('promotion', this.#dueIsSaid(dueOfPromotion(this.promotion, this.now), this.promotion.phase));
    if (before.wave === 0 && this.promotion.wave > 0) this.#openRollouts();
    else if (this.wakes && events.length > 0)
      for (const [cell, rollout] of this.rollouts)
        if (rollout.phase === 'leased') this.tickRollout(cell);
        else if (rollout.phase !== 'settled') this.due.set(cell, this.now);
  }

  #applyRollout(cell: string, events: readonly RolloutEvent[]): void {
    let state = this.rollout(cell);
    for (const event of events) {
      if (state.phase === 'settled') throw new Error(`${event.type} after it settled`);
      this.#mayHappen(cell, state, event);
      state = evolveRollout(state, event);
      this.#record(`rollout/${state.id}`, event, state);
    }
    this.rollouts.set(cell, state);
    if (events.length === 0) return;
    this.due.set(cell, this.#dueIsSaid(dueOfRollout(state, this.now), state.phase));
    if (state.phase === 'settled' && state.begun > 0) {
      const { state: desired, uncertain } = cellAfter(this.plan, this.cellPlan(cell), state);
      if (!uncertain && JSON.stringify(desired) !== JSON.stringify(this.cells.get(cell)))
        throw new Error(`the record of cell ${cell} says what is not so: ${JSON.stringify(desired)}`);
    }
    if (this.wakes && this.promotion.phase !== 'ended') this.due.set('promotion', this.now);
  }

  #openRollouts(): void {
    for (const { cell } of this.plan.cells) {
      const { environment, planDigest: plan, closesOperations, latestFinish: until } = this.promotion;
      const event: RolloutEvent = {
        type: 'rollout.opened',
        data: {
          ...{ id: `prm_1.${cell}`, promotion: 'prm_1', cell, environment, plan, epoch: 1 },
          ...(closesOperations && { closesOperations }),
          until,
        },
      };
      const state = evolveRollout(undefined, event);
      this.rollouts.set(cell, state);
      this.due.set(cell, this.now);
      this.#record(`rollout/${state.id}`, event, state);
    }
  }

  #mayHappen(cell: string, state: Rollout, event: RolloutEvent): void {
    if (event.type === 'rollout.offered' && event.data.n !== state.n + 1) throw new Error('the fence must rise by one');
    if (event.type !== 'rollout.leased') return;
    if (state.phase !== 'offered') throw new Error('a lease of what was not on offer');
    if (state.undo !== null) return;
    const step = this.cellPlan(cell).steps[state.cursor];
    if (step === undefined || step.wave > this.promotion.wave) throw new Error('a step before its wave');
    if (this.promotion.phase !== 'advancing') throw new Error(`a forward step while ${this.promotion.phase}`);
    if (this.now >= this.plan.latestFinish) throw new Error('a forward step after the latest finish');
    const frozen = this.freezes.some((f) => f.from <= this.now && this.now < f.to);
    // Whoever was verified is opened whatever closed meanwhile.
    if (step.action.kind !== 'open' && changesSomething(step.action) && (frozen || !this.windowOpen))
      throw new Error('a change outside its window');
  }

  #dueIsSaid(due: Instant | null, phase: string): Instant | null {
    if (due === null && phase !== 'ended' && phase !== 'settled') throw new Error(`${phase} waits without an end`);
    if (due !== null && !Number.isFinite(due)) throw new Error(`${phase} is due at ${due}`);
    return due;
  }

  #record(stream: string, event: PromotionEvent | RolloutEvent, state: Promotion | Rollout): void {
    const { plan: _plan, rollouts, ...facts } = this.facts();
    const known =
      'cells' in state
        ? { ...facts, rollouts: [...rollouts] }
        : { now: this.now, dueAt: dueOfRollout(state, this.now), course: this.course(), gates: facts.gates };
    this.history.push({ stream, event, state, facts: known, at: this.now });
  }
}

/** Everything goes well. */
export const sound: Carry = (_cell, _step, action, now) => soundOutcome(action, now);
