/**
 * One promotion, lived through in virtual time: servers tick, agents act, people decide, and what the scenario says goes
 * wrong. The run owns the clock, the agenda and the database; whoever lives in it puts what follows on the agenda.
 */
import { type AppliedDocument, type Commit, type RecoveryRecord, streams } from '@headgate/control';
import { MemoryStore } from '@headgate/control/memory/index';
import { type Digest, type Instant, TELL_MS } from '@headgate/domain';
import { HistoryChecker } from '../history/history-checker.ts';
import type { Recorded } from '../history/recorded.ts';
import { completedOf } from '../world/check-size.ts';
import { Crew } from '../world/crew.ts';
import type { Fleet } from '../world/fleet.ts';
import { moveSpell, simulatedMoves } from '../world/moves.ts';
import { People } from '../world/people.ts';
import { isStoreFault, type Scenario, type StoreFault } from '../world/scenario.ts';
import { simulatedStandbys, standbySpell } from '../world/standbys.ts';
import { Targets } from '../world/targets.ts';
import { Tellers } from '../world/tellers.ts';
import { Troubles } from '../world/troubles.ts';
import { checkEnd, checkOutcome } from '../world/world-checks.ts';
import { Agenda, type Happening } from './agenda.ts';
import type { StoreFaults } from './faulty-store.ts';
import { KnownPlans } from './known-plans.ts';
import { LayeredBlobs } from './layered-blobs.ts';
import { isDecided, type Lived } from './lived.ts';
import { Random } from './random.ts';
import { Server } from './server.ts';
import { ignoreUnavailable } from './unavailable.ts';

/** A run that is still at it after so long has something that never ends. Milliseconds of virtual time. */
const HORIZON_MS = 14 * 86_400_000;
/** More entries than any promotion of this size makes, however much goes wrong: beyond, something spins. */
const MOST_ENTRIES = 30_000;
/** More happenings than any run has; time that does not move on would otherwise never end. */
const MOST_HAPPENINGS = 300_000;
/** Rows that one server claims at once. */
const CLAIMS = 12;

export class Run implements StoreFaults {
  readonly scenario: Scenario;
  readonly fleet: Fleet;
  readonly random: Random;
  readonly targets: Targets;
  readonly people: People;
  readonly crew: Crew;
  readonly tellers: Tellers;
  readonly blobs: LayeredBlobs;
  /** Documents that were applied in mid-run, by digest. */
  readonly documents = new Map<Digest, AppliedDocument>();
  database: MemoryStore;
  checker: HistoryChecker;
  now: Instant;
  epoch = 1;
  /** Streams of rollouts that are on offer. */
  readonly offered = new Set<string>();
  /** Scripts that have not begun yet, so that the run isn't over although nothing is open. */
  expected = 0;
  readonly entries: Recorded[] = [];
  readonly commits: { readonly commit: Commit; readonly at: Instant; readonly entries: number }[] = [];
  readonly #agenda = new Agenda();
  readonly #troubles: Troubles;
  readonly #storeFaults: Map<number, StoreFault>;
  readonly #stalls: boolean;
  readonly #servers: Server[] = [];
  readonly #plans: KnownPlans;
  readonly #startedAt: Instant;
  #replaying = false;
  #tries = 0;
  #ids = 0;
  #events = 0;
  /** The due time that the next tick is planned for, and when it comes. */
  #plannedFor: Instant | undefined = Number.NaN;
  #tickAt: Instant = Number.POSITIVE_INFINITY;
  #failure: unknown;

  constructor(fleet: Fleet, scenario: Scenario) {
    this.fleet = fleet;
    this.scenario = scenario;
    this.random = new Random(scenario.seed, scenario.index, 3);
    this.now = fleet.spec.startsAt;
    this.#startedAt = this.now;
    this.blobs = new LayeredBlobs(fleet.blobs);
    this.#plans = new KnownPlans(this.blobs);
    const stalls = scenario.faults.filter((f) => f.kind === 'stall');
    this.#stalls = stalls.length > 0;
    this.#storeFaults = new Map(scenario.faults.filter(isStoreFault).map((f) => [f.commit, f]));
    this.checker = this.#newChecker();
    this.database = this.#newDatabase();
    this.targets = new Targets(fleet.cells, this.checker, fleet.spec.ownStores);
    for (const code of fleet.code) this.targets.learn(code);
    this.people = new People(this);
    this.crew = new Crew(this);
    this.tellers = new Tellers(this);
    this.#troubles = new Troubles(this);
    for (let i = 0; i < scenario.servers; i++) this.#startServer();
  }

  async live(): Promise<Lived> {
    this.people.begin();
    for (let happenings = 0; happenings < MOST_HAPPENINGS; happenings++) {
      const next = this.#next();
      if (next === undefined) break;
      const happening = next();
      if (happening !== undefined) {
        if (this.#stalls) await this.#restful(happening);
        else await happening;
      }
      if (this.#failure !== undefined) throw this.#failure;
      if (this.checker.violations.length > 0 || this.#isOver()) break;
      if (this.now - this.#startedAt > HORIZON_MS || this.entries.length > MOST_ENTRIES) break;
    }
    if (this.checker.violations.length === 0) checkEnd(this);
    return {
      violations: this.checker.violations,
      events: this.#events,
      results: [...this.checker.promotions.values()].flatMap((p) => p.result ?? []),
      completed: completedOf(this.checker.promotions),
      virtualMs: this.now - this.#startedAt,
      entries: this.entries,
      plans: this.#plans.asked,
    };
  }

  /** Puts something on the agenda, `ms` from now. */
  after(ms: number, happening: Happening): void {
    this.#agenda.put(this.now + ms, happening);
  }

  /** A server that answers; undefined while all of them are down. */
  server(): Server | undefined {
    const alive = this.#servers.filter((s) => s.alive);
    return alive.length === 0 ? undefined : this.random.pick(alive);
  }

  nextFault(): StoreFault | undefined {
    return this.#storeFaults.size === 0 ? undefined : this.#storeFaults.get(++this.#tries);
  }

  delayed<T>(ms: number, work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.after(ms, () => {
        try {
          resolve(work());
        } catch (error) {
          reject(error);
        }
        return turn();
      });
    });
  }

  /** The control plane as it was some commits ago, under a higher epoch; what came later never was. */
  restore(lost: number): void {
    const kept = this.commits.slice(0, this.commits.length - lost);
    this.entries.length = kept.at(-1)?.entries ?? 0;
    this.commits.length = 0;
    this.offered.clear();
    for (const server of this.#servers) server.store.alive = false;
    this.#servers.length = 0;
    this.epoch++;
    this.checker = this.#newChecker();
    for (const entry of this.entries) this.checker.see(entry);
    this.targets.checker = this.checker;
    this.targets.epoch = this.epoch;
    this.database = this.#newDatabase();
    this.#replaying = true;
    const { now } = this;
    for (const { commit, at, entries } of kept) {
      this.now = at;
      this.database.commitNow(commit);
      this.commits.push({ commit, at, entries });
      this.#noteOffers(commit);
    }
    this.now = now;
    this.#replaying = false;
    this.#beginRecovery(kept.length, lost);
    for (let i = 0; i < this.scenario.servers; i++) this.#startServer();
  }

  /** What the shipped command puts on the log. */
  #beginRecovery(kept: number, lost: number): void {
    const { epoch, now: at } = this;
    const root = String(kept);
    const gone = { size: kept + lost, root, note: '', from: 'the simulator' };
    const state: RecoveryRecord = {
      epoch,
      at,
      until: at + TELL_MS,
      kept: { size: kept, root },
      lost: gone,
      by: 'usr_ops',
      because: 'the disk died',
      refuseTokens: true,
    };
    const entries = [{ type: 'recovery.begun', data: state }];
    const write = { stream: streams.recovery(epoch), expected: 0, entries, state, dueAt: null };
    this.database.commitNow({ by: 'sys', writes: [write] });
  }

  #newChecker(): HistoryChecker {
    const documents = {
      plan: (digest: Digest) => this.#plans.known(digest),
      document: (digest: Digest) => this.fleet.documents.get(digest) ?? this.documents.get(digest),
      standbySpell,
      moveSpell,
    };
    const slackMs = Math.max(0, ...this.scenario.faults.map((f) => (f.kind === 'stall' ? f.ms : 0)));
    const checker = new HistoryChecker(documents, { slackMs });
    for (const entry of this.fleet.entries) checker.see(entry);
    return checker;
  }

  #newDatabase(): MemoryStore {
    let settingUp = true;
    const database = new MemoryStore({
      clock: () => this.now,
      onCommit: (commit, at) => {
        if (!settingUp && !this.#replaying) this.#committed(commit, at);
      },
    });
    database.commitNow(this.fleet.commit);
    settingUp = false;
    return database;
  }

  #committed(commit: Commit, at: Instant): void {
    for (const { stream, expected, entries } of commit.writes) {
      let version = expected;
      for (const { type, data } of entries) {
        const entry: Recorded = { stream, version: ++version, type, at, by: commit.by, data };
        this.entries.push(entry);
        if (isDecided(type)) this.#events++;
        this.checker.see(entry);
        checkOutcome(this, entry);
        this.people.hear(entry);
      }
    }
    this.#noteOffers(commit);
    this.commits.push({ commit, at, entries: this.entries.length });
    this.#troubles.strike(this.commits.length);
  }

  #noteOffers(commit: Commit): void {
    for (const { stream, audience } of commit.writes) {
      if (audience === undefined) continue;
      if (audience === null) this.offered.delete(stream);
      else this.offered.add(stream);
    }
  }

  /** What happens next: a server's look at what is due, or what is on the agenda. */
  #next(): Happening | undefined {
    if (this.offered.size > 0) this.crew.come();
    const due = this.database.nextDueAt();
    if (due !== this.#plannedFor) {
      this.#plannedFor = due;
      this.#tickAt = due === undefined ? Number.POSITIVE_INFINITY : Math.max(due, this.now) + this.random.int(0, 3);
    }
    const at = this.#agenda.nextAt();
    if (this.#tickAt < (at ?? Number.POSITIVE_INFINITY)) {
      this.now = Math.max(this.now, this.#tickAt);
      this.#plannedFor = Number.NaN;
      return this.#tick;
    }
    const item = this.#agenda.take();
    if (item !== undefined && item.at > this.now) this.now = item.at;
    return item?.run;
  }

  readonly #tick = (): Promise<unknown> | undefined => {
    const server = this.server();
    if (server !== undefined) return server.controllers.tickDue(CLAIMS, () => {}).catch(ignoreUnavailable);
    // All servers are down: somebody looks when one is back.
    this.#plannedFor = this.database.nextDueAt();
    this.#tickAt = this.now + 100;
    return undefined;
  };

  #startServer(): void {
    const crashed = (ms: number): void => {
      this.#servers.splice(this.#servers.indexOf(server), 1);
      const { epoch } = this;
      this.after(ms, () => {
        if (epoch === this.epoch) this.#startServer();
        return undefined;
      });
    };
    const server = new Server(
      this,
      this.blobs,
      this.#plans,
      this.epoch,
      (prefix) => `${prefix}_${++this.#ids}`,
      crashed,
      simulatedStandbys(this.fleet.cells, () => this.now),
      simulatedMoves(() => this.now),
    );
    this.#servers.push(server);
  }

  /** Something may wait for virtual time, which only goes on when everybody else has come to rest. */
  #restful(happening: Promise<unknown>): Promise<void> {
    happening.catch((error) => {
      this.#failure = error;
    });
    return turn();
  }

  #isOver(): boolean {
    if (this.expected > 0 || this.checker.active.size > 0) return false;
    for (const promotion of this.checker.promotions.values()) if (promotion.phase !== 'ended') return false;
    return !this.people.watching;
  }
}

/** Until all that can go on without time passing has gone on. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
