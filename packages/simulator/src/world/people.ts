/**
 * Who asks, approves, answers and gets it wrong. They hear of what is on the log and act some time later through the
 * shipped use cases; what they may not do, they try nonetheless when the scenario says so.
 */
import {
  answerRollout,
  approvePromotion,
  keepPromotion,
  observeCell,
  pausePromotion,
  type Result,
  rejectPromotion,
  requestPromotion,
  resumePromotion,
  rollBackPromotion,
  sayGo,
} from '@headgate/control';
import type { CellState, Digest, Principal, Promotion } from '@headgate/domain';
import type { Run } from '../engine/run.ts';
import type { Server } from '../engine/server.ts';
import { ignoreUnavailable } from '../engine/unavailable.ts';
import type { Recorded } from '../history/recorded.ts';
import { AGENTS, ENVIRONMENT, PEOPLE } from './fleet-spec.ts';
import type { Act } from './scenario.ts';

/** How often agents say what they see, while somebody watches. Milliseconds. */
const OBSERVE_MS = 240_000;
/** How often somebody asks again who was refused. */
const ASKS = 4;
/** Refused because of what it is in the middle of: it rests some time. */
const NOT_YET: ReadonlySet<string> = new Set(['not-at-hold', 'unread', 'busy']);

export class People {
  /** Somebody waits for the end of hypercare. */
  watching = false;
  readonly #run: Run;
  readonly #acts: ReadonlySet<Act>;
  /** Under how many keys each asked for each release, and the promotions that came of it. */
  readonly #asked = new Map<string, { readonly keys: Set<string>; readonly promotions: Set<string> }>();
  #sequel: boolean;
  #finishes: boolean;
  #overtakes: boolean;

  constructor(run: Run) {
    this.#run = run;
    this.#acts = new Set(run.scenario.acts);
    this.#sequel = this.#acts.has('sequel');
    this.#finishes = this.#acts.has('keeps-rest');
    this.#overtakes = this.#acts.has('overtakes');
  }

  begin(): void {
    const { releases, unsigned } = this.#run.fleet;
    const traps = ['new-range-trap', 'old-range-trap', 'contract-trap'] as const;
    let first: Digest = releases.next;
    if (this.#acts.has('asks-for-trap')) first = releases[this.#run.random.pick(traps)];
    else if (this.#acts.has('asks-for-unsigned')) first = unsigned;
    else if (this.#acts.has('asks-for-untested')) first = releases.untested;
    else if (this.#acts.has('asks-for-unsoaked')) first = releases.unsoaked;
    const some = first === releases.next && this.#acts.has('asks-for-some') ? this.#some() : undefined;
    this.#ask(PEOPLE.requester, first, 'main', 0, first !== releases.next, ASKS, some);
    if (this.#acts.has('asks-twice')) this.#ask(PEOPLE.requester, first, 'main', 15, false, ASKS, some);
    if (this.#acts.has('rival')) this.#ask(PEOPLE.rival, releases.sequel, 'rival', 40, false);
    if (this.#acts.has('watched')) {
      this.watching = true;
      this.#observeAll();
      // Whoever watches a promotion that never ends well goes home at some time.
      this.#run.after(3 * 3_600_000, () => {
        this.watching = false;
        return undefined;
      });
    }
  }

  /** Something was put on the log. Nobody acts at once. */
  hear(entry: Recorded): void {
    switch (entry.type) {
      case 'promotion.requested':
        this.#requested(entry.data as { id: string; envelope: Digest; requester: string; release: { digest: Digest } });
        return;
      case 'promotion.waiting':
        if ((entry.data as { reason: string }).reason.includes('gate approval is pending')) this.#approveAgain(entry);
        return;
      case 'promotion.go-asked':
        this.#sayGo(idOf(entry));
        return;
      case 'promotion.held':
        this.#answerHeld(idOf(entry));
        return;
      case 'promotion.wave-opened':
        this.#overtake(entry);
        return;
      case 'promotion.paused':
        if (!this.#acts.has('nobody-answers'))
          this.#later(500, 30_000, (s) => resumePromotion(s.deps, s.gatherers, PEOPLE.operator, idOf(entry)));
        return;
      case 'promotion.ended':
        this.#finishSome(entry);
        this.#ended();
        return;
      case 'promotion.kept':
        this.#finishKept(entry);
        this.#ended();
        return;
      case 'rollout.asked':
        this.#answerRollout(entry);
        return;
      case 'rollout.step-failed':
        if ((entry.data as { after: string }).after === 'ask') this.#answerRollout(entry);
        return;
      case 'rollout.settled':
        this.#observeUncertain(entry);
        return;
      case 'hypercare.ended':
        if ((entry.data as { result: string }).result === 'sound') this.watching = false;
        return;
    }
  }

  /** Calls a use case at some time; whoever finds no server tries again. */
  #later(lowMs: number, highMs: number, work: (server: Server) => Promise<Result<unknown>>, tries = 20): void {
    const run = this.#run;
    run.after(run.random.int(lowMs, highMs), async () => {
      const server = run.server();
      try {
        if (server !== undefined) {
          await work(server);
          return;
        }
      } catch (error) {
        ignoreUnavailable(error);
      }
      if (tries > 0) this.#later(200, 400, work, tries - 1);
    });
  }

  #ask(
    by: Principal,
    release: Digest,
    key: string,
    inMs: number,
    trap: boolean,
    asks = ASKS,
    some?: readonly string[],
  ): void {
    const run = this.#run;
    run.expected++;
    this.#askedFor(by.id, release).keys.add(key);
    this.#later(inMs, inMs, async (server) => {
      const tenants = some && { tenants: some };
      const answer = await requestPromotion(server.deps, by, { release, environment: ENVIRONMENT, key, ...tenants });
      run.expected--;
      if (answer.ok && some !== undefined) this.#checkSome(answer.value, some);
      if (answer.ok) return answer;
      // Some of a shared store are refused for good; then it is asked for for all.
      if (some !== undefined) {
        this.#ask(by, release, `${key}-all`, 500, trap);
        return answer;
      }
      // A trap is refused for good; then the proper release is asked for.
      if (trap) this.#ask(by, run.fleet.releases.next, `${key}-next`, 500, false);
      else if (asks > 0) this.#ask(by, release, key, 4_000, false, asks - 1);
      return answer;
    });
  }

  /** Tenants that a first promotion is for alone: where stores are shared mostly all of a cell, since their store changes. */
  #some(): readonly string[] {
    const { random, fleet } = this.#run;
    const chosen = fleet.cells.filter(() => random.chance(0.4));
    const cells = chosen.length > 0 ? chosen : fleet.cells.slice(0, 1);
    return cells.flatMap(({ tenants }) => {
      const names = Object.keys(tenants);
      const some = fleet.spec.ownStores || random.chance(0.1) ? names.filter(() => random.chance(0.5)) : names;
      return some.length > 0 ? some : names.slice(0, 1);
    });
  }

  /** Whoever asked for some reads what the plan would do to the others. */
  #checkSome({ id }: Promotion, some: readonly string[]): void {
    const { checker } = this.#run;
    const track = checker.promotions.get(`promotion/${id}`);
    for (const { base, steps } of track?.index.plan.cells ?? [])
      for (const { id, action } of steps) {
        const about =
          'tenants' in action
            ? action.tenants
            : 'store' in action
              ? Object.keys(base.tenants).filter((name) => base.tenants[name]?.store === action.store)
              : [];
        const other = about.find((name) => !some.includes(name));
        if (other !== undefined) checker.report('named-tenants', `${id} is about ${other}, whom nobody asked for`);
      }
  }

  /** Once the first ones have it, it is asked for for all. */
  #finishSome(entry: Recorded): void {
    const track = this.#run.checker.promotions.get(entry.stream);
    if (track?.index.plan.tenants === undefined || track.result !== 'promoted') return;
    this.#ask(PEOPLE.requester, track.index.plan.release.digest, 'others', 2_000, false);
  }

  #requested(data: { id: string; envelope: Digest; requester: string; release: { digest: Digest } }): void {
    const { id, envelope } = data;
    const run = this.#run;
    const { checker } = run;
    const { keys, promotions } = this.#askedFor(data.requester, data.release.digest);
    if (promotions.add(id).size > keys.size)
      checker.report('effect-once', 'one request, asked for twice under one key, made two promotions');
    const overtaking = checker.promotions.get(`promotion/${id}`)?.index.plan.overtakes !== undefined;
    const approvals = run.fleet.spec.approvals + (overtaking ? 1 : 0);
    const { releases, unsigned } = run.fleet;
    const hopeless = [unsigned, releases.untested, releases.unsoaked].includes(data.release.digest);
    if (this.#acts.has('author-approves')) this.#approve(PEOPLE.author, id, envelope, 60, 80);
    if (this.#acts.has('requester-approves')) this.#approve(PEOPLE.requester, id, envelope, 60, 80);
    if (this.#acts.has('operator-approves')) this.#approve(PEOPLE.operator, id, envelope, 60, 80);
    if (this.#acts.has('approves-other-envelope')) this.#approve(PEOPLE.first, id, run.fleet.baseline, 60, 80);
    if (this.#acts.has('approves-twice')) this.#approve(PEOPLE.first, id, envelope, 90, 120);
    if (this.#acts.has('auditor-rolls-back'))
      this.#later(100, 60_000, (s) => rollBackPromotion(s.deps, s.gatherers, PEOPLE.auditor, id, 'because I can'));
    if (this.#acts.has('never-approves')) {
      if (approvals === 2) this.#approve(PEOPLE.first, id, envelope, 100, 5_000);
      return;
    }
    const late = this.#acts.has('approves-late') ? run.random.int(60_000, 900_000) : 0;
    const approvers = [PEOPLE.first, PEOPLE.second, PEOPLE.third].slice(0, approvals);
    for (const by of approvers) this.#approve(by, id, envelope, 200 + late, 5_000 + late);
    if (this.#acts.has('rejects') || hopeless)
      this.#later(20_000, 90_000, async (s) => {
        const rejected = await rejectPromotion(s.deps, s.gatherers, PEOPLE.second, id, 'not this one');
        return rejected.ok ? rejected : rollBackPromotion(s.deps, s.gatherers, PEOPLE.operator, id, 'not this one');
      });
  }

  #askedFor(by: string, release: Digest): { readonly keys: Set<string>; readonly promotions: Set<string> } {
    const of = `${by} ${release}`;
    let asked = this.#asked.get(of);
    if (asked === undefined) {
      asked = { keys: new Set(), promotions: new Set() };
      this.#asked.set(of, asked);
    }
    return asked;
  }

  #approve(by: Principal, id: string, envelope: Digest, lowMs: number, highMs: number): void {
    this.#later(lowMs, highMs, (s) => approvePromotion(s.deps, s.gatherers, by, id, envelope));
  }

  #approveAgain(entry: Recorded): void {
    const track = this.#run.checker.promotions.get(entry.stream);
    // Before the first wave only those come back whose approval has run out.
    if (track === undefined || (track.wave === 0 && track.approvals.length === 0)) return;
    if (this.#acts.has('nobody-answers')) return;
    for (const by of [PEOPLE.first, PEOPLE.second].slice(0, this.#run.fleet.spec.approvals))
      this.#approve(by, track.id, track.envelope, 500, 20_000);
  }

  /** Whoever may not, tries first; the go comes some time later. */
  #sayGo(id: string): void {
    const says = (by: Principal, lowMs: number): void =>
      this.#later(lowMs, lowMs + 20_000, (s) => sayGo(s.deps, s.gatherers, by, id, 'all before it is sound'));
    says(PEOPLE.author, 10);
    says(PEOPLE.requester, 10);
    if (!this.#acts.has('nobody-answers')) says(PEOPLE.second, 30_000);
  }

  #answerHeld(id: string): void {
    if (this.#acts.has('nobody-answers')) return;
    const keeps = this.#acts.has('keeps-rest') || this.#run.random.chance(0.3);
    this.#later(500, 30_000, (s) =>
      keeps
        ? keepPromotion(s.deps, s.gatherers, PEOPLE.requester, id)
        : rollBackPromotion(s.deps, s.gatherers, PEOPLE.operator, id, 'bring them all back'),
    );
  }

  #answerRollout(entry: Recorded): void {
    const id = idOf(entry);
    const agreeing = (by: Principal, lowMs: number): void =>
      this.#later(lowMs, lowMs + 5_000, (s) => answerRollout(s.deps, s.gatherers, by, id, 'agree'));
    if (this.#acts.has('operator-agrees')) agreeing(PEOPLE.operator, 10);
    // Where somebody may be held or nothing would be lost it is refused, and whoever agrees or tries again comes later.
    const { question } = entry.data as { question?: string };
    // Mostly of what was agreed to and failed: who may be held then is what a no has to know.
    const failed = question?.includes('it was agreed to and failed before') === true;
    if (this.#acts.has('declines') && this.#run.random.chance(failed ? 0.8 : 0.3))
      this.#later(200, 5_000, (s) =>
        answerRollout(s.deps, s.gatherers, PEOPLE.operator, id, 'decline', 'customers wrote invoices meanwhile'),
      );
    // An undo is never given up, so somebody comes at last, after it has asked more than once.
    const lateMs = this.#acts.has('nobody-answers') ? 9_000_000 : 0;
    if (question?.includes('must agree') === true) agreeing(PEOPLE.first, 6_000 + lateMs);
    else
      this.#later(500 + lateMs, 20_000 + lateMs, (s) =>
        answerRollout(s.deps, s.gatherers, PEOPLE.operator, id, 'retry'),
      );
  }

  /** A hotfix can't wait for the next wave: whoever may pauses, and asks until it rests, or until that is refused for good. */
  #overtake(entry: Recorded): void {
    if (!this.#overtakes) return;
    this.#overtakes = false;
    this.#askedFor(PEOPLE.rival.id, this.#run.fleet.releases.sequel).keys.add('hotfix');
    this.#askToOvertake(idOf(entry), 50, 30_000);
  }

  #askToOvertake(promotion: string, lowMs: number, highMs: number, asks = 2 * ASKS): void {
    const run = this.#run;
    const release = run.fleet.releases.sequel;
    const overtakes = { promotion, because: 'invoices are wrong' };
    this.#later(lowMs, highMs, async ({ deps, gatherers }) => {
      if (run.random.chance(0.5)) await pausePromotion(deps, gatherers, PEOPLE.operator, promotion, 'a hotfix');
      const request = { release, environment: ENVIRONMENT, key: 'hotfix', overtakes };
      const answer = await requestPromotion(deps, PEOPLE.rival, request);
      const again = !answer.ok && answer.refusals.some(({ code }) => NOT_YET.has(code));
      if (again && asks > 0) this.#askToOvertake(promotion, 200, 4_000, asks - 1);
      return answer;
    });
  }

  #ended(): void {
    if (!this.#sequel) return;
    this.#sequel = false;
    this.#ask(PEOPLE.requester, this.#run.fleet.releases.sequel, 'sequel', 2_000, false);
  }

  /** Who means to keep what is there asks later for the tenants that were left out. */
  #finishKept(entry: Recorded): void {
    const track = this.#run.checker.promotions.get(entry.stream);
    if (track === undefined || !this.#finishes) return;
    this.#finishes = false;
    this.#ask(PEOPLE.requester, track.index.plan.release.digest, 'rest', 6_000, false);
  }

  /** What nobody is sure of is looked at again, so that the next plan can build on it. */
  #observeUncertain(entry: Recorded): void {
    const track = this.#run.checker.rollouts.get(entry.stream);
    const builds = (['sequel', 'observes', 'keeps-rest'] as const).some((act) => this.#acts.has(act));
    if (track === undefined || !builds) return;
    this.#observe(track.cell.cell, 300);
    this.#observe(track.cell.cell, 3_200);
  }

  #observe(cell: string, inMs: number): void {
    const run = this.#run;
    this.#later(inMs, inMs + 100, (s) => {
      const seen = run.targets.seen(cell) as CellState;
      return observeCell(s.deps, AGENTS[0] as Principal, seen);
    });
  }

  #observeAll(): void {
    const run = this.#run;
    if (!this.watching) return;
    for (const { cell } of run.fleet.cells) this.#observe(cell, 10);
    // At times nobody looks for longer than an observation is worth anything.
    run.after(run.random.chance(0.2) ? 10 * OBSERVE_MS : OBSERVE_MS, () => {
      this.#observeAll();
      return undefined;
    });
  }
}

function idOf(entry: Recorded): string {
  return entry.stream.slice(entry.stream.indexOf('/') + 1);
}
