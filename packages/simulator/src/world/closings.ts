/** Which operations a cell's router refuses, for whom, and until when; and the invariants that only that can show. */
import type { Action, Instant, Migration } from '@headgate/domain';
import type { HistoryChecker } from '../history/history-checker.ts';
import type { RolloutTrack } from '../history/tracks.ts';

/** How long operations that a migration closed wait for the step that opens them. Milliseconds. */
const HANDED_ON_MS = 60_000;

type Operates = Extract<Action, { kind: 'close-operations' | 'open-operations' }>;
type Changes = Extract<Action, { kind: 'migrate' | 'unmigrate' | 'restore' }>;

interface Closed {
  readonly tenants: Set<string>;
  readonly until: Instant | undefined;
  /** The rollout that closed it last. */
  readonly by: string;
}

export class Closings {
  readonly #closed = new Map<string, Closed>();

  operate(action: Operates, by: string, now: Instant): void {
    const { tenants, slot } = action;
    if (action.kind === 'open-operations') this.#open(action.operations, tenants, slot);
    else
      this.#close(
        action.operations.map(({ name }) => name),
        tenants,
        slot,
        { until: action.forMs === undefined ? undefined : now + action.forMs, by },
      );
  }

  /**
   * What changes a store renews what its plan closes meanwhile, as the executors do. Answers the operations that run beside it though
   * the release itself says that they may not.
   */
  meanwhile(
    action: Changes,
    living: readonly string[],
    said: ReadonlyMap<number, readonly string[]> | undefined,
    by: string,
    now: Instant,
  ): readonly string[] {
    if (action.kind === 'restore') return [];
    const closes = (action.closes ?? []).map(({ name }) => name);
    const needs = new Set(action.migrations.flatMap(({ to }) => said?.get(to) ?? []));
    if (closes.length > 0) this.#close(closes, living, undefined, { until: now + HANDED_ON_MS, by });
    const running = [...needs].filter((name) => living.some((tenant) => !this.#isClosed(name, tenant, now)));
    if (action.kind === 'unmigrate') this.#open(closes, living, undefined);
    return running;
  }

  /** Operations that somebody is refused at a moment because of a rollout; `leased`: also those that open by themselves. */
  at(now: Instant, rollout: string, leased: boolean): readonly string[] {
    return [...this.#closed].flatMap(([key, { tenants, until, by }]) =>
      by === rollout && tenants.size > 0 && (until === undefined || (leased && now < until)) ? [key.trimEnd()] : [],
    );
  }

  #isClosed(name: string, tenant: string, now: Instant): boolean {
    const known = this.#closed.get(keyOf(name, undefined));
    return known?.tenants.has(tenant) === true && (known.until === undefined || now < known.until);
  }

  #close(
    names: readonly string[],
    tenants: readonly string[],
    slot: string | undefined,
    lease: Pick<Closed, 'until' | 'by'>,
  ): void {
    for (const name of names) {
      const all = new Set([...(this.#closed.get(keyOf(name, slot))?.tenants ?? []), ...tenants]);
      this.#closed.set(keyOf(name, slot), { tenants: all, ...lease });
    }
  }

  #open(names: readonly string[], tenants: readonly string[], slot: string | undefined): void {
    for (const name of names) for (const tenant of tenants) this.#closed.get(keyOf(name, slot))?.tenants.delete(tenant);
  }
}

/** Nobody is refused for ever: what has ended keeps nothing closed, and what was merely kept nothing that doesn't end by itself. */
export function checkOpened(
  closings: Closings,
  now: Instant,
  { id, cell, result }: Pick<RolloutTrack, 'id' | 'cell' | 'result'>,
  checker: HistoryChecker,
): void {
  for (const left of closings.at(now, id, result !== 'kept'))
    checker.report('opened-again', `${left} is closed in ${cell.cell}, whose rollout is settled: ${result}`);
}

function keyOf(name: string, slot: string | undefined): string {
  return `${name} ${slot ?? ''}`;
}

/** The operations that a release's migrations say may not run beside them, by the version that each leads to. */
export function closedByVersion(migrations: readonly Migration[]): ReadonlyMap<number, readonly string[]> {
  return new Map(migrations.flatMap(({ to, closes }) => (closes === undefined ? [] : [[to, closes] as const])));
}
