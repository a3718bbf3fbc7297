/**
 * Gathers the facts that deciders judge, with the versions of the rows that they came from. A tick's commit names these
 * versions, so a decision on stale facts conflicts and is taken anew.
 */
import type { CalendarSpec, Digest, Freeze, GateFacts, Instant, Plan, Promotion, WindowFact } from '@headgate/domain';
import { windowFact } from '@headgate/domain/calendars/evaluate';
import { migrationsRun } from '@headgate/domain/plan/migrations';
import { ranBefore } from '@headgate/domain/plan/ran-before';
import { drilledStores } from './drilled-stores.ts';
import { withMoves } from './move-facts.ts';
import type { Blobs } from './ports/blobs.ts';
import type { MoveLooks } from './ports/move-looks.ts';
import type { StandbyLooks } from './ports/standby-looks.ts';
import type { ControlStore, Read, Row, StreamId } from './ports/store.ts';
import type { VaultLooks } from './ports/vault-looks.ts';
import { type DocumentRecord, type FreezeRecord, freezeScopesOf, type ReleaseRecord, streams } from './records.ts';
import { withStandbys } from './standby-facts.ts';
import { withVaults } from './vault-facts.ts';

/** Plans by digest: immutable, so they are parsed once. Bounded, oldest out. */
export class Plans {
  readonly #blobs: Blobs;
  readonly #byDigest = new Map<Digest, Plan>();
  readonly #most: number;

  constructor(blobs: Blobs, most = 1_000) {
    this.#blobs = blobs;
    this.#most = most;
  }

  async get(digest: Digest): Promise<Plan> {
    const plan = await this.find(digest);
    if (plan === undefined) throw new Error(`plan ${digest} is missing from the blobs`);
    return plan;
  }

  async find(digest: Digest): Promise<Plan | undefined> {
    const held = this.#byDigest.get(digest);
    if (held !== undefined) return held;
    const bytes = await this.#blobs.get(digest);
    if (bytes === undefined) return undefined;
    const plan = JSON.parse(Buffer.from(bytes).toString('utf8')) as Plan;
    if (this.#byDigest.size >= this.#most) this.#byDigest.delete(this.#byDigest.keys().next().value as Digest);
    this.#byDigest.set(digest, plan);
    return plan;
  }
}

/** What gates are asked about: known before any row is loaded. A promotion is one; so is a rollout's plan. */
export type GateSubject = Pick<Promotion, 'application' | 'environment' | 'release'>;

export interface LoadedGates {
  readonly rows: ReadonlyMap<StreamId, Row>;
  readonly reads: readonly Read[];
  gatesOf(promotion: Promotion, plan: Plan): GateFacts;
}

export interface GatheredGates extends Omit<LoadedGates, 'gatesOf'> {
  readonly gates: GateFacts;
}

/** The rows that every tick of a release's promotions to an environment asks for: named once, because it is asked a lot. */
interface Asked {
  readonly digest: Digest;
  readonly release: StreamId;
  readonly environment: StreamId;
  /** The environment's calendars as they were last seen; a changed list costs one more query. */
  readonly calendars: readonly string[];
  /** Its policy's name, likewise. */
  readonly policy: string | undefined;
  readonly streams: readonly StreamId[];
}

function asked(subject: GateSubject, calendars: readonly string[], policy: string | undefined): Asked {
  const { digest } = subject.release;
  const release = streams.release(digest);
  const document = streams.document('Environment', subject.environment);
  const freezes = freezeScopesOf(subject).map(streams.freeze);
  const own = policy === undefined ? [] : [streams.document('Policy', policy)];
  const all = [release, document, ...freezes, ...own, ...calendars.map((c) => streams.document('Calendar', c))];
  return { digest, release, environment: document, calendars, policy, streams: all };
}

/** Remembers which calendars an environment named, so that the next tick asks for all rows in one query. */
export class GateFactsGatherer {
  readonly #store: ControlStore;
  readonly #asked = new Map<string, Asked>();
  readonly #standbys: StandbyLooks | undefined;
  readonly #moves: MoveLooks | undefined;
  readonly #vaults: VaultLooks | undefined;

  /** Without `standbys` nobody has seen any, and without `moves` nobody has compared anything, which is no pass. */
  constructor(store: ControlStore, standbys?: StandbyLooks, moves?: MoveLooks, vaults?: VaultLooks) {
    this.#store = store;
    this.#standbys = standbys;
    this.#moves = moves;
    this.#vaults = vaults;
  }

  /** Facts for a promotion's gates at `now`; `extra` rows are loaded in the same query and handed back. */
  async gather(
    promotion: Promotion,
    plan: Plan,
    now: Instant,
    extra: readonly StreamId[] = [],
  ): Promise<GatheredGates> {
    const drills = drilledStores(plan);
    const { rows, reads, gatesOf } = await this.load(promotion, now, [...extra, ...drills.streams]);
    return { rows, reads, gates: await this.withLooks(drills.into(gatesOf(promotion, plan), rows), plan) };
  }

  /** The facts with what agents told beside the log of a plan's cells, or of one of them, where a gate asks for it. */
  async withLooks(facts: GateFacts, plan: Plan, cell?: string): Promise<GateFacts> {
    const standing = await withStandbys(facts, plan, this.#standbys, cell);
    const moving = await withMoves(standing, plan, this.#moves, cell);
    return withVaults(moving, plan, this.#vaults, cell);
  }

  /** The same for a promotion that may itself be among the `extra` rows. */
  async load(subject: GateSubject, now: Instant, extra: readonly StreamId[]): Promise<LoadedGates> {
    const { digest } = subject.release;
    let ask = this.#asked.get(subject.environment);
    if (ask?.digest !== digest) {
      ask = asked(subject, ask?.calendars ?? [], ask?.policy);
      this.#asked.set(subject.environment, ask);
    }
    let rows = await this.#store.load([...ask.streams, ...extra]);
    const environmentRow = rows.get(ask.environment) as
      | Row<DocumentRecord<{ calendars: readonly string[]; policy?: string }>>
      | undefined;
    const named = environmentRow?.state.spec.calendars ?? [];
    const policy = environmentRow?.state.spec.policy;
    const guessed = ask;
    const others = named.length !== guessed.calendars.length || named.some((name, i) => name !== guessed.calendars[i]);
    if (others || policy !== guessed.policy) {
      ask = asked(subject, named, policy);
      this.#asked.set(subject.environment, ask);
      const unloaded = ask.streams.filter((stream) => !guessed.streams.includes(stream));
      if (unloaded.length > 0) rows = new Map([...rows, ...(await this.#store.load(unloaded))]);
    }
    const inForce =
      policy === undefined
        ? undefined
        : (rows.get(streams.document('Policy', policy)) as Row<DocumentRecord> | undefined)?.state.digest;
    const release = rows.get(ask.release) as Row<ReleaseRecord> | undefined;
    const declared = freezeScopesOf(subject).flatMap(
      (scope) => (rows.get(streams.freeze(scope)) as Row<FreezeRecord> | undefined)?.state.freezes ?? [],
    );
    const windows: WindowFact[] = [];
    const freezes: Freeze[] = [...declared];
    for (const name of named) {
      const calendar = rows.get(streams.document('Calendar', name)) as Row<DocumentRecord<CalendarSpec>> | undefined;
      // A calendar that is named but not there is a closed one: missing data never opens a window.
      windows.push(calendar === undefined ? { calendar: name, open: false } : windowFact(calendarOf(calendar), now));
      if (calendar !== undefined) freezes.push(...calendar.state.spec.freezes);
    }
    return {
      rows,
      reads: ask.streams.map((stream) => ({ stream, version: rows.get(stream)?.version ?? 0 })),
      gatesOf: ({ id, environment, release: { digest }, authors, requester, envelope, approvals, wave, go }, plan) => ({
        now,
        environment,
        // What has begun ends by what was approved.
        ...(id !== undefined &&
          wave === 0 &&
          inForce !== undefined &&
          inForce !== plan.policyDigest && { replaced: { planned: plan.policyDigest, inForce } }),
        // A plan that nobody has asked for yet has none.
        ...(id !== undefined && { promotion: id }),
        release: {
          digest,
          authors,
          signature: release?.state.signature,
          ...(release === undefined
            ? {}
            : { version: release.state.manifest.version, migrations: release.state.manifest.migrations.length }),
        },
        requester,
        envelope,
        evidence: release?.state.evidence ?? [],
        approvals,
        ...(go !== undefined && { go }),
        windows,
        freezes,
        restorePoints: [],
        soaked: release?.state.soaked ?? [],
        migrating: migrationsRun(plan),
        ...verificationOf(plan),
        ...(plan.risk.elsewhere !== undefined && { elsewhere: plan.risk.elsewhere }),
        serving: ranBefore(plan).flatMap((each) => (each.digest === digest ? [] : [each.version])),
      }),
    };
  }
}

/** By what a plan checks whoever it moves: it is planned by one Application, and so by one. */
function verificationOf({ cells }: Plan): Pick<GateFacts, 'verification'> {
  const verify = cells
    .flatMap(({ steps }) => steps)
    .map(({ action }) => action)
    .find((action) => action.kind === 'verify');
  return verify?.kind === 'verify' ? { verification: verify.verification } : {};
}

/** Calendars that are held compiled. */
const MOST_CALENDARS = 1_000;

/**
 * Calendars with their names, one object for each digest: a database hands out a new object with every load, and windows
 * are remembered by the object's identity (evaluating their rules costs milliseconds). What a digest names never changes,
 * so one cache serves the process.
 */
const calendarsByDigest = new Map<Digest, CalendarSpec>();

function calendarOf({ state }: Row<DocumentRecord<CalendarSpec>>): CalendarSpec {
  let spec = calendarsByDigest.get(state.digest);
  if (spec === undefined) {
    if (calendarsByDigest.size >= MOST_CALENDARS)
      calendarsByDigest.delete(calendarsByDigest.keys().next().value as Digest);
    spec = { ...state.spec, name: state.name };
    calendarsByDigest.set(state.digest, spec);
  }
  return spec;
}
