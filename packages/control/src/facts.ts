/**
 * Gathers the facts that deciders judge, with the versions of the rows that they came from. A tick's commit names these
 * versions, so a decision on stale facts conflicts and is taken anew.
 */
import type { CalendarSpec, Digest, Freeze, GateFacts, Instant, Plan, Promotion, WindowFact } from '@headgate/domain';
import { windowFact } from '@headgate/domain/calendars/evaluate';
import type { Blobs } from './ports/blobs.ts';
import type { ControlStore, Read, Row, StreamId } from './ports/store.ts';
import { type DocumentRecord, FREEZE_ALL, type FreezeRecord, type ReleaseRecord, streams } from './records.ts';

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
    const held = this.#byDigest.get(digest);
    if (held !== undefined) return held;
    const bytes = await this.#blobs.get(digest);
    if (bytes === undefined) throw new Error(`plan ${digest} is missing from the blobs`);
    const plan = JSON.parse(Buffer.from(bytes).toString('utf8')) as Plan;
    if (this.#byDigest.size >= this.#most) this.#byDigest.delete(this.#byDigest.keys().next().value as Digest);
    this.#byDigest.set(digest, plan);
    return plan;
  }
}

export interface GatheredGates {
  readonly gates: GateFacts;
  readonly reads: readonly Read[];
}

/** Remembers which calendars an environment named, so that the next tick asks for all rows in one query. */
export class GateFactsGatherer {
  readonly #store: ControlStore;
  readonly #calendars = new Map<string, readonly string[]>();

  constructor(store: ControlStore) {
    this.#store = store;
  }

  /** Facts for a promotion's gates at `now`; `extra` rows are loaded in the same query and handed back. */
  async gather(
    promotion: Promotion,
    now: Instant,
    extra: readonly StreamId[] = [],
  ): Promise<GatheredGates & { readonly rows: ReadonlyMap<StreamId, Row> }> {
    const environment = streams.document('Environment', promotion.environment);
    const guessed = this.#calendars.get(promotion.environment) ?? [];
    const fixed = [
      streams.release(promotion.release.digest),
      environment,
      streams.freeze(FREEZE_ALL),
      streams.freeze(promotion.environment),
    ];
    const rows = new Map(
      await this.#store.load([...fixed, ...guessed.map((c) => streams.document('Calendar', c)), ...extra]),
    );
    const environmentRow = rows.get(environment) as Row<DocumentRecord<{ calendars: readonly string[] }>> | undefined;
    const named = environmentRow?.state.spec.calendars ?? [];
    this.#calendars.set(promotion.environment, named);
    const unloaded = named.filter((c) => !guessed.includes(c)).map((c) => streams.document('Calendar', c));
    if (unloaded.length > 0) for (const [stream, row] of await this.#store.load(unloaded)) rows.set(stream, row);

    const used = [...fixed, ...named.map((c) => streams.document('Calendar', c))];
    const release = rows.get(streams.release(promotion.release.digest)) as Row<ReleaseRecord> | undefined;
    const declared = [FREEZE_ALL, promotion.environment].flatMap(
      (scope) => (rows.get(streams.freeze(scope)) as Row<FreezeRecord> | undefined)?.state.freezes ?? [],
    );
    const windows: WindowFact[] = [];
    const freezes: Freeze[] = [...declared];
    for (const name of named) {
      const calendar = rows.get(streams.document('Calendar', name)) as Row<DocumentRecord<CalendarSpec>> | undefined;
      // A calendar that is named but not there is a closed one: missing data never opens a window.
      windows.push(
        calendar === undefined ? { calendar: name, open: false } : windowFact(namedSpec(calendar.state), now),
      );
      if (calendar !== undefined) freezes.push(...calendar.state.spec.freezes);
    }
    return {
      rows,
      reads: used.map((stream) => ({ stream, version: rows.get(stream)?.version ?? 0 })),
      gates: {
        now,
        release: { digest: promotion.release.digest, authors: promotion.authors, signature: release?.state.signature },
        requester: promotion.requester,
        envelope: promotion.envelope,
        evidence: release?.state.evidence ?? [],
        approvals: promotion.approvals,
        windows,
        freezes,
        restorePoints: [],
        soaked: release?.state.soaked ?? [],
      },
    };
  }
}

const named = new WeakMap<object, CalendarSpec>();

/** The spec with its name; one object for one record, because windows are cached by the object's identity. */
function namedSpec(record: DocumentRecord<CalendarSpec>): CalendarSpec {
  let spec = named.get(record);
  if (spec === undefined) {
    spec = { ...record.spec, name: record.name };
    named.set(record, spec);
  }
  return spec;
}
