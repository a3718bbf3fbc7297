/**
 * Backups of what stands beside the stores: Git repositories that hold configuration, and Terraform's state. What each one
 * promises, what a restore of it has to come to, what a row of states says, and when the next one is due.
 */
import type { Instant } from '../model/identity.ts';
import { type Attempts, notBefore } from './schedule.ts';

/** What a backup of a Git repository promises. */
export interface GitPromise {
  /** The branch that its HEAD names; absent: it names none that is there. */
  readonly head?: string;
  readonly refs: readonly { readonly name: string; readonly oid: string }[];
  /** That any ref reaches. */
  readonly commits: number;
  /** The newest commit by its own date, its tree, and how many files are in that; absent: no ref names a commit. */
  readonly newest?: { readonly oid: string; readonly tree: string; readonly files: number };
}

/** What a backup of Terraform's state promises: nothing of what it holds but how much. */
export interface StatePromise {
  /** Of the form of the state. */
  readonly version: number;
  /** Of the program that wrote it. */
  readonly writtenBy: string;
  /** The name of a state from its first day on: another one is another state. */
  readonly lineage: string;
  /** Rises with every change. */
  readonly serial: number;
  /** How many of each type, data sources as `data.TYPE`. */
  readonly resources: Readonly<Record<string, number>>;
}

/** So many differences are told one by one. */
const TOLD = 5;

/** What of a repository didn't come back as it was promised, each in words; empty: all of it did. */
export function judgeGitRestore(promised: GitPromise, back: GitPromise): readonly string[] {
  const here = new Map(back.refs.map(({ name, oid }) => [name, oid]));
  const known = new Set(promised.refs.map(({ name }) => name));
  const refs = [
    ...promised.refs.flatMap(({ name, oid }) => {
      const found = here.get(name);
      if (found === oid) return [];
      return [found === undefined ? `${name} did not come back` : `${name} came back as ${found}, ${oid} was promised`];
    }),
    ...back.refs.flatMap(({ name }) => (known.has(name) ? [] : [`${name} came back, and was never promised`])),
  ];
  const more = refs.length - TOLD;
  return [
    ...refs.slice(0, TOLD),
    ...(more > 0 ? [`and so did ${more} other refs: not as promised`] : []),
    ...differs('HEAD', promised.head ?? 'nothing', back.head ?? 'nothing'),
    ...differs('the number of commits', promised.commits, back.commits),
    ...differs('the newest commit', promised.newest?.oid ?? 'none', back.newest?.oid ?? 'none'),
    ...differs('its tree', promised.newest?.tree ?? 'none', back.newest?.tree ?? 'none'),
    ...differs('the number of files in it', promised.newest?.files ?? 0, back.newest?.files ?? 0),
  ];
}

/** What of a state didn't come back as it was promised, each in words. */
export function judgeStateRestore(promised: StatePromise, back: StatePromise): readonly string[] {
  const types = [...new Set([...Object.keys(promised.resources), ...Object.keys(back.resources)])].sort();
  return [
    ...differs('the version', promised.version, back.version),
    ...differs('the lineage', promised.lineage, back.lineage),
    ...differs('the serial', promised.serial, back.serial),
    ...types.flatMap((type) =>
      differs(`the number of ${type}`, promised.resources[type] ?? 0, back.resources[type] ?? 0),
    ),
  ];
}

function differs(what: string, promised: string | number, back: string | number): readonly string[] {
  return promised === back ? [] : [`${what} came back as ${back}, ${promised} was promised`];
}

/** A state in a vault, as its signed manifest says. */
export interface KeptState {
  readonly id: string;
  readonly takenAt: Instant;
  readonly lineage: string;
  readonly serial: number;
  /** How many, data sources too. */
  readonly resources: number;
  /** The same for the same content; absent: nobody here knows it any more. */
  readonly sum?: string;
}

/**
 * What is odd in a row of states: one goes back, is another state altogether, holds something else under the serial that was
 * there before, or nothing at all. Somebody restored an old one, wrote one by hand, lost it, or points the backup elsewhere;
 * either way the ones before are the only ones of their kind, and none is removed before a person said that it is right.
 * `acceptedAt`: up to which backup a person said so.
 */
export function stateFindings(states: readonly KeptState[], acceptedAt: Instant | undefined): readonly string[] {
  const row = states.toSorted((a, b) => a.takenAt - b.takenAt || (a.id < b.id ? -1 : 1));
  // Over those whose content nobody knows: the last before them that is known, of the same serial.
  let known: KeptState | undefined;
  return row.flatMap((state, i) => {
    const before = row[i - 1];
    if (known?.lineage !== state.lineage || known.serial !== state.serial) known = undefined;
    const last = known;
    if (state.sum !== undefined) known = state;
    if (before === undefined) return [];
    if (acceptedAt !== undefined && state.takenAt <= acceptedAt) return [];
    if (state.lineage !== before.lineage)
      return [`${state.id} is of another lineage (${state.lineage}) than ${before.id} before it (${before.lineage})`];
    if (state.serial < before.serial)
      return [`${state.id} has serial ${state.serial}, and ${before.id} before it had ${before.serial}: it went back`];
    if (state.resources === 0 && before.resources > 0)
      return [`${state.id} holds no resources, and ${before.id} before it had ${before.resources}: it was emptied`];
    const other =
      state.serial === before.serial && state.resources !== before.resources ? before : otherThan(state, last);
    return other === undefined
      ? []
      : [`${state.id} has the serial ${state.serial} that ${other.id} before it has, and holds something else`];
  });
}

function otherThan({ sum }: KeptState, last: KeptState | undefined): KeptState | undefined {
  return sum === undefined || last === undefined || last.sum === sum ? undefined : last;
}

/** When the next backup is due; a clock that was set back makes it due, not late for years. */
export function backupDueAt(
  everyMs: number,
  { goodAt, ...attempts }: Attempts & { readonly goodAt?: Instant },
  now: Instant,
): Instant {
  const dueAt = goodAt === undefined || goodAt > now ? 0 : goodAt + everyMs;
  const triedAt = attempts.triedAt === undefined ? undefined : Math.min(attempts.triedAt, now);
  return notBefore(dueAt, { failures: attempts.failures, everyMs, ...(triedAt !== undefined && { triedAt }) });
}

/** Whether a backup is to be drilled: each k-th, the first one ever, and every one after a drill that failed. */
export function drillIsDue(
  drillEvery: number,
  { sinceDrill, lastWell }: { readonly sinceDrill: number; readonly lastWell: boolean | undefined },
): boolean {
  return lastWell !== true || sinceDrill >= drillEvery;
}
