/**
 * Data that is being moved: a release writes an old and a new place, and its agent compares them. What an agent tells of it
 * are counts, never rows; what may be concluded from them a gate says.
 */
import { ageText } from '../model/duration.ts';
import type { Instant } from '../model/identity.ts';

/** In what two places can differ. */
export const MOVED_DIFFERENCES = ['missingInNew', 'missingInOld', 'different', 'doubled', 'keyless'] as const;
export type MovedDifference = (typeof MOVED_DIFFERENCES)[number];
export type MovedCounts = Readonly<Record<MovedDifference, number>>;

/** One amount, added up over all of a place, apart from what was compared by key. Exact decimals. */
export interface PlaceSum {
  readonly amount: string;
  readonly old: string;
  readonly new: string;
}

/** What one comparison found. */
export interface PlacesCompared {
  readonly rows: { readonly old: number; readonly new: number };
  readonly differences: MovedCounts;
  /** Rows that changed with every look, so that nobody knows whether they agree. */
  readonly unsettled: number;
  /** Those with the most differences; `others`: of how many more tenants there are some. */
  readonly tenants: readonly { readonly tenant: string; readonly differences: number }[];
  readonly others: number;
  readonly sums: readonly PlaceSum[];
}

/** How one move stands, as an agent tells it. Ages by its own monotonic clock, in milliseconds. */
export interface ToldMove {
  readonly store: string;
  readonly name: string;
  /** Versions that write both places, and which of them read the new one. */
  readonly writtenBy: readonly string[];
  readonly readBy: readonly string[];
  /** Migrations that remove the old place; empty: each contract migration may. */
  readonly removedBy: readonly string[];
  /** Versions that ran in the cell when this was told. */
  readonly runs: readonly string[];
  /** The last comparison, which was made while nothing ran but what writes both. */
  readonly last?: PlacesCompared & {
    readonly ageMs: number;
    readonly tookMs: number;
    readonly versions: readonly string[];
    /** Begun after what runs changed for the last time. */
    readonly current: boolean;
  };
  /**
   * Something that doesn't write both has run since then: how long ago that was seen first, how long after that comparison, and
   * every version that was seen from then on.
   */
  readonly left?: { readonly ageMs: number; readonly gapMs: number; readonly versions: readonly string[] };
  /** Why the last attempt to compare came to nothing. */
  readonly why?: string;
}

/** As it was told last, by the control plane's clock. */
export interface SeenMove extends ToldMove {
  readonly cell: string;
  /** When it was told: what has an age is so much older. */
  readonly at: Instant;
}

const WORDS: Readonly<Record<MovedDifference, string>> = {
  missingInNew: 'missing in the new place',
  missingInOld: 'missing in the old place',
  different: 'with different values',
  doubled: 'there more than once',
  keyless: 'without a key',
};

/** How many rows differ. */
export function differencesOf({ differences }: Pick<PlacesCompared, 'differences'>): number {
  return MOVED_DIFFERENCES.reduce((sum, each) => sum + differences[each], 0);
}

/** Whether an amount is the same in both places, to the last digit. */
export function sumsDiffer({ sums }: Pick<PlacesCompared, 'sums'>): readonly PlaceSum[] {
  return sums.filter((each) => each.old !== each.new);
}

/** Whether both places were found to say the same, of rows that there are. */
export function placesAgree(compared: PlacesCompared): boolean {
  const { rows, unsettled } = compared;
  const none = differencesOf(compared) === 0 && sumsDiffer(compared).length === 0 && unsettled === 0;
  return none && rows.old > 0 && rows.old === rows.new;
}

/** In what they differ, in one line; empty where they don't. */
export function movedDifferenceText(compared: PlacesCompared): string {
  const { differences, rows, tenants, others } = compared;
  const found = MOVED_DIFFERENCES.filter((each) => differences[each] > 0);
  const counted = found.map((each) => `${countText(differences[each])} ${WORDS[each]}`);
  const named = tenants.slice(0, 3).map(({ tenant, differences: n }) => `${tenant} ${countText(n)}`);
  const more = tenants.length + others - named.length;
  const whose = named.length === 0 ? '' : ` (${named.join(', ')}${more > 0 ? ` and ${more} more tenants` : ''})`;
  const sums = sumsDiffer(compared).map((each) => `${each.amount} adds up to ${each.old} and ${each.new}`);
  const uneven =
    counted.length === 0 && rows.old !== rows.new
      ? [`${countText(rows.old)} rows in the old place, ${countText(rows.new)} in the new one`]
      : [];
  return [...(counted.length === 0 ? [] : [`${counted.join(', ')}${whose}`]), ...uneven, ...sums].join('; ');
}

/** `1,204`. */
export function countText(count: number): string {
  return count.toLocaleString('en-US');
}

/** An agent tells every ten seconds how a move stands; after this nobody knows what runs by now. Milliseconds. */
export const MOVE_TOLD_MAX_AGE_MS = 60_000;

/**
 * The last comparison is past, because something that doesn't write both places runs by now. Where what runs writes both again,
 * it can be compared anew, and the one of before says nothing any more.
 */
export function onePlaceAlone({ left, runs, writtenBy }: ToldMove): ToldMove['left'] {
  return runs.length > 0 && runs.every((each) => writtenBy.includes(each)) ? undefined : left;
}

/** Begun after what runs changed for the last time, and nothing that writes one place alone has run since. */
export function comparedSince({ last, left, runs, writtenBy }: ToldMove): boolean {
  return last?.current === true && left === undefined && runs.every((each) => writtenBy.includes(each));
}

export type MoveState = 'agrees' | 'differs' | 'not-known';

/** Whether both places said the same when they were compared last, for people. What may be concluded from it the gate says. */
export function moveState(seen: SeenMove, now: Instant): MoveState {
  const { last, at } = seen;
  if (last === undefined || !(Math.abs(now - at) <= MOVE_TOLD_MAX_AGE_MS)) return 'not-known';
  if (movedDifferenceText(last) !== '') return 'differs';
  return placesAgree(last) && (comparedSince(seen) || onePlaceAlone(seen) !== undefined) ? 'agrees' : 'not-known';
}

/** What ran since that doesn't write both; all that ran, where nothing is known not to. */
export function versionsLeft({ versions }: NonNullable<ToldMove['left']>, writtenBy: readonly string[]): string {
  const others = versions.filter((each) => !writtenBy.includes(each));
  const named = others.length > 0 ? others : versions;
  return named.length === 0 ? 'nothing' : named.join(' and ');
}

/** How a move stands, in one line. */
export function moveText(seen: SeenMove, now: Instant): string {
  const { at, last, left, runs, writtenBy, why } = seen;
  const told = Math.max(0, now - at);
  const silent = told > MOVE_TOLD_MAX_AGE_MS ? [`nobody has told of it for ${ageText(told)}`] : [];
  const trouble = why === undefined ? [] : [`it couldn’t be compared since: ${why}`];
  if (last === undefined)
    return [...silent, `not compared yet, ${runs.length === 0 ? 'nothing' : runs.join(' and ')} runs`, ...trouble].join(
      '; ',
    );
  const difference = movedDifferenceText(last);
  const found =
    difference === ''
      ? `${countText(last.rows.old)} rows in the old place, ${countText(last.rows.new)} in the new one`
      : difference;
  const unsettled = last.unsettled > 0 ? [`${countText(last.unsettled)} rows changed with every look`] : [];
  const when = `compared ${ageText(told + last.ageMs)} ago while ${last.versions.join(' and ')} ran`;
  const since =
    left === undefined
      ? last.current
        ? []
        : ['what runs changed since']
      : onePlaceAlone(seen) === undefined
        ? [`since then ${versionsLeft(left, writtenBy)} ran, which doesn’t write both, and both weren’t compared anew`]
        : [`since then ${versionsLeft(left, writtenBy)} runs, which doesn’t write both`];
  return [...silent, found, ...unsettled, when, ...since, ...trouble].join('; ');
}
