/** Which operations a cell's router refuses, for whom, and until when; and the invariants that only that can show. */
import type { Assignment } from '@headgate/control';
import type { Action, Digest, Instant, Migration } from '@headgate/domain';
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

  /** Operations of a slot that a tenant isn't refused there. */
  openOn(slot: string, names: readonly string[], tenant: string): readonly string[] {
    return names.filter((name) => this.#closed.get(keyOf(name, slot))?.tenants.has(tenant) !== true);
  }

  /** A slot was emptied: nothing stays closed in it. */
  emptied(slot: string): void {
    for (const key of [...this.#closed.keys()]) if (key.endsWith(` ${slot}`)) this.#closed.delete(key);
  }

  /** What a rollout closed on a slot, and for whom it still is. */
  onSlot(slot: string, rollout: string): readonly { readonly name: string; readonly tenants: ReadonlySet<string> }[] {
    return [...this.#closed].flatMap(([key, { tenants, by }]) =>
      by === rollout && key.endsWith(` ${slot}`) ? [{ name: key.slice(0, -slot.length - 1), tenants }] : [],
    );
  }

  /** Operations that somebody is refused at a moment because of a rollout; `leased`: also those that open by themselves. */
  at(now: Instant, rollout: string, leased: boolean): readonly string[] {
    return [...this.#closed].flatMap(([key, { tenants, until, by }]) =>
      key.endsWith(' ') && by === rollout && tenants.size > 0 && (until === undefined || (leased && now < until))
        ? [key.trimEnd()]
        : [],
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

/**
 * What a release brings stays closed only for who is on it: whoever completed has all of it, and for whoever went back, or never
 * came, nothing is left. Whoever was left on the release half way keeps closed what was.
 */
export function checkActivated(
  closings: Closings,
  where: ReadonlyMap<string, { readonly slot: string }>,
  { id, cell, result }: Pick<RolloutTrack, 'id' | 'cell' | 'result'>,
  checker: HistoryChecker,
): void {
  const { to } = cell.slot;
  if (result === 'kept') return;
  for (const { name, tenants } of closings.onSlot(to, id))
    for (const tenant of tenants)
      if (result === 'completed' || where.get(tenant)?.slot !== to)
        checker.report('opened-again', `${name} is closed for ${tenant} on ${to} of ${cell.cell}, settled: ${result}`);
}

/** Nobody is moved to a release on which something is open that it brings: what is done by that can't be undone. */
export function checkMoved(
  { course, cell }: Assignment,
  slot: string,
  tenant: string,
  target: {
    readonly slots: ReadonlyMap<string, { readonly release: Digest | undefined }>;
    readonly closings: Closings;
  },
  code: ReadonlyMap<Digest, { readonly activates?: readonly string[] }>,
  checker: HistoryChecker,
): void {
  const release = target.slots.get(slot)?.release;
  if (course !== 'forward' || release === undefined) return;
  for (const open of target.closings.openOn(slot, code.get(release)?.activates ?? [], tenant))
    checker.report('activated-last', `${tenant} of ${cell} came to ${slot}, where ${open} is open`);
}

/** What a release brings is opened by its plan once all whom that moves are on it. */
export function checkOpening(
  { course, cell, step, rollout, action }: Assignment,
  where: ReadonlyMap<string, { readonly slot: string }>,
  checker: HistoryChecker,
): void {
  if (course !== 'forward' || action.kind !== 'open-operations' || action.slot === undefined) return;
  const steps = checker.rollouts.get(`rollout/${rollout}`)?.cell.steps ?? [];
  const whom = steps.flatMap((each) => (each.action.kind === 'route' ? each.action.tenants : []));
  const missing = whom.find((name) => where.get(name)?.slot !== action.slot);
  if (missing !== undefined)
    checker.report('activated-last', `${step} of ${cell} activates before ${missing} is on the release`);
}

function keyOf(name: string, slot: string | undefined): string {
  return `${name} ${slot ?? ''}`;
}

/** The operations that a release's migrations say may not run beside them, by the version that each leads to. */
export function closedByVersion(migrations: readonly Migration[]): ReadonlyMap<number, readonly string[]> {
  return new Map(migrations.flatMap(({ to, closes }) => (closes === undefined ? [] : [[to, closes] as const])));
}
