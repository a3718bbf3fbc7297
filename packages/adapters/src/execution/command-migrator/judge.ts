import type { ArtifactFile, FailureCode, MigrationRef, StoreState } from '@headgate/domain';
import { plainText } from '../store/plain-text.ts';
import type { Said } from './version-query.ts';

/** A version that was recorded: by which file, and what the application's version query says there. */
export interface Recorded {
  readonly version: number;
  readonly digest: string;
  /** `null`: it was reached by an SQL file, and nobody said. */
  readonly answer: string | null;
}

/** A command that was begun and not seen to its end. */
export interface Attempt {
  readonly direction: 'up' | 'down';
  readonly from: number;
  readonly to: number;
  readonly digest: string;
  readonly goal: string | null;
}

export interface Records {
  readonly recorded: readonly Recorded[];
  readonly attempt: Attempt | undefined;
}

/** One migration in one direction, with what its document says. */
export interface Change {
  readonly direction: 'up' | 'down';
  readonly migration: MigrationRef;
  /** What the version query says before. */
  readonly start: string | null;
  /** And after. */
  readonly goal: string | null;
  /** For the way back: what the release says it went forward with. */
  readonly up: ArtifactFile | undefined;
  readonly repeatable: boolean;
}

export type Verdict =
  | { readonly kind: 'run' }
  /** It is where it should be already; `effect` says what is still to be written down. */
  | { readonly kind: 'there'; readonly version: number; readonly effect: 'none' | 'forget' | 'record' }
  | { readonly kind: 'refuse'; readonly code: FailureCode; readonly why: string };

const EMPTY: Recorded = { version: 0, digest: '', answer: null };

/** Where a store stands. While a command is begun and not ended it counts as not done, whatever the query says. */
export function standing({ recorded, attempt }: Records, said: Said): StoreState {
  if (attempt) return halfWay({ recorded, attempt });
  const { version, answer } = recorded.at(-1) ?? EMPTY;
  if (said.kind === 'unclear') return { schemaVersion: version, drift: [said.why] };
  const known = !unknown({ version, answer });
  if (known && said.answer === answer) return { schemaVersion: version };
  const baseline = "give its baseline in the cell's configuration";
  let why = `the application says ${inWords(said.answer)}, and at version ${version} it says ${inWords(answer)}: somebody migrated it by hand`;
  if (!known) why = `nobody said what the version query says at version ${version}; ${baseline}`;
  if (version === 0)
    why = `the application says ${inWords(said.answer)}, and Headgate knows of no migration; if it was there before, ${baseline}`;
  const reached = recorded.findLast((each) => each.answer !== null && each.answer === said.answer);
  return { schemaVersion: reached?.version ?? version, drift: [why] };
}

/** Where a store stands while a command is at work, or was killed at it: where it began, with what is told of that. */
export function halfWay({ recorded, attempt }: Records): StoreState {
  const { version } = recorded.at(-1) ?? EMPTY;
  if (!attempt) return { schemaVersion: version };
  const { direction, from, to } = attempt;
  const what =
    direction === 'up' ? `an upgrade from version ${from} to ${to}` : `the way back from version ${to} to ${from}`;
  return { schemaVersion: version, drift: [`${what} is under way, or was begun and didn't end`] };
}

/** A version that SQL files made, of which nobody said what the version query says there. */
function unknown({ version, answer }: Pick<Recorded, 'version' | 'answer'>): boolean {
  return version > 0 && answer === null;
}

/** What is to be done about a change: decided from what was recorded and from what the application says, before anything acts. */
export function judge(store: string, change: Change, records: Records, said: Said): Verdict {
  const { direction, migration, start, goal } = change;
  const { from, to, id, file } = migration;
  const { recorded, attempt } = records;
  const top = recorded.at(-1) ?? EMPTY;
  if (said.kind === 'unclear') return refuse(`the store ${store}: ${said.why}`);
  if (unknown(top)) return refuse(drifted(store, records, said));
  const untouched = said.answer === top.answer;

  const arrived = direction === 'up' ? recorded.some(({ version }) => version === to) : top.version <= from;
  if (arrived) {
    const made = recorded.find(({ version }) => version === to);
    if (direction === 'up' && made?.digest !== file.digest)
      return refuse(`version ${to} of the store ${store} was made by another file than ${file.name}`);
    // A command that was begun from here and changed nothing may be forgotten; what it left half done may not.
    if (untouched) return { kind: 'there', version: top.version, effect: attempt ? 'forget' : 'none' };
    const halfWayUp = direction === 'down' && attempt?.direction === 'up' && attempt.to === to;
    if (!halfWayUp) return refuse(attempt ? `the store ${store}: ${begun(attempt)}` : drifted(store, records, said));
    return judgeUndoing(store, change, attempt, top, said.answer);
  }

  const here = direction === 'up' ? from : to;
  if (top.version !== here) {
    const way = direction === 'up' ? `goes from ${from} to ${to}` : `goes back from ${to}`;
    return refuse(`the store ${store} is at version ${top.version}; ${id} ${way}`);
  }
  if (direction === 'down' && top.digest !== change.up?.digest) {
    const why = `version ${to} of the store ${store} was made by another file (${top.digest}) than ${change.up?.name} of this release`;
    return refuse(`${why}; only the release that made it, or a person, can take it back`);
  }
  if (start !== top.answer)
    return refuse(`${file.name} begins at ${inWords(start)}; the store ${store} is at ${inWords(top.answer)}`);
  const before = direction === 'down' ? (recorded.at(-2) ?? EMPTY) : undefined;
  if (before && before.version === from && goal !== before.answer && (from === 0 || before.answer !== null))
    return refuse(
      `${file.name} ends at ${inWords(goal)}; version ${from} of the store ${store} is ${inWords(before.answer)}`,
    );
  const same = direction === 'up' ? recorded.find(({ answer }) => answer !== null && answer === goal) : undefined;
  if (same) return refuse(`${file.name} ends at ${inWords(goal)}, which is what version ${same.version} says already`);

  if (!attempt) return said.answer === start ? { kind: 'run' } : refuse(drifted(store, records, said));
  if (said.answer === start) return { kind: 'run' };
  if (attempt.direction !== direction || attempt.digest !== file.digest)
    return refuse(`the store ${store}: ${begun(attempt)}`);
  if (change.repeatable) return { kind: 'run' };
  if (said.answer === goal) return { kind: 'there', version: direction === 'up' ? to : from, effect: 'record' };
  return refuse(`the store ${store}: ${begun(attempt)}; its program can't be called again`);
}

/** The way back of a migration that was begun and didn't come to its end. */
function judgeUndoing(store: string, change: Change, attempt: Attempt, top: Recorded, says: string | null): Verdict {
  const { up, goal, migration, start, repeatable } = change;
  if (attempt.digest !== up?.digest) return refuse(`the store ${store}: ${begun(attempt)}`);
  if (goal !== top.answer)
    return refuse(
      `${migration.file.name} ends at ${inWords(goal)}; the store ${store} began at ${inWords(top.answer)}`,
    );
  if (repeatable || says === start) return { kind: 'run' };
  return refuse(`the store ${store}: ${begun(attempt)}; its program can't be called in between`);
}

/** That a command was begun and not seen to its end, and what helps. */
export function begun({ direction, from, to }: Attempt): string {
  const what =
    direction === 'up' ? `the migration from version ${from} to ${to}` : `the way back from ${to} to ${from}`;
  return `${what} was begun and didn't end; finish it with the file that began it, or restore the store`;
}

function drifted(store: string, records: Records, said: Said): string {
  const [why] = standing({ ...records, attempt: undefined }, said).drift ?? [];
  return `the store ${store} has drifted: ${why ?? 'it is not where its records say'}`;
}

function refuse(why: string): Verdict {
  return { kind: 'refuse', code: 'rejected', why };
}

/** An answer of the version query, for people. */
export function inWords(answer: string | null): string {
  return answer === null ? 'nothing yet' : `"${plainText(answer, 80)}"`;
}
