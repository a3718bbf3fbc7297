/**
 * What could be brought back of the stores that a plan touches, stated beside it whether or not a gate asks: how fresh, how much
 * would be lost and how long it would take, as it was measured, against what the policy asks. What nobody measured is said.
 */
import { instantText } from '../calendars/window.ts';
import {
  judgeDrilled,
  judgeVault,
  nameOf,
  RESTORE_DRILLED,
  type StoreName,
  targetsOf,
} from '../gates/drilled-store.ts';
import { ageText, durationText } from '../model/duration.ts';
import type { Instant } from '../model/identity.ts';
import { type DrillEvidence, rtoText } from '../vault/drill.ts';
import { lostNowMs, type SeenVault, vaultState, vaultText } from '../vault/vault-look.ts';
import type { Plan } from './plan.ts';
import { column, counted, indented } from './render-words.ts';

export interface RecoverabilityFacts {
  readonly now: Instant;
  /** The last restore drill of each store. */
  readonly drills: readonly DrillEvidence[];
  /** What agents saw last of each store's restore points. */
  readonly vaults: readonly SeenVault[];
}

/** `missed`: it is known not to be within its targets, or nothing could be brought back. `unasked`: there are none. */
export const RECOVERABILITIES = ['missed', 'not-known', 'unasked', 'met'] as const;
export type RecoverabilityStanding = (typeof RECOVERABILITIES)[number];

/** One store, or several of which the same is to be said. Durations in milliseconds. */
export interface StoreRecoverability extends StoreName {
  readonly standing: RecoverabilityStanding;
  /** Whether the plan migrates it: a gate asks of those alone. */
  readonly migrated: boolean;
  readonly newest?: { readonly id: string; readonly takenAt: Instant };
  /** What would be lost if the store were lost now. */
  readonly lostMs?: number;
  /** The last drill; its figures are absent where it measured none. */
  readonly measured?: {
    readonly at: Instant;
    readonly ok: boolean;
    readonly rpoMs?: number;
    readonly rtoMs?: number;
    readonly rtoUntil?: 'first-transaction' | 'last-comparison';
  };
  /** Why it stands so; empty where it is within its targets, or there are none. */
  readonly because: string;
  readonly words: readonly string[];
  /** So many more stores of which the same is said, and the first of them. */
  readonly alike: number;
  readonly others: readonly string[];
}

export interface Recoverability {
  readonly at: Instant;
  /** What the policy asks of each store that it migrates; absent: it asks nothing. */
  readonly targets?: { readonly rpoMs: number; readonly rtoMs: number; readonly drillMaxAgeMs: number };
  /** Every store that it touches, by how it stands. */
  readonly counts: Readonly<Record<RecoverabilityStanding, number>>;
  /** The worst first. */
  readonly stores: readonly StoreRecoverability[];
  /** Stores that are left out, which stand no worse than the last that is told. */
  readonly left: number;
}

/** So many are told. */
const MOST_TOLD = 20;
/** So many of those that are alike are named. */
const MOST_NAMED = 5;

/** Stores that a plan acts upon, and those that tenants live in whom it moves: new code writes there. */
export function touchedStores({ cells }: Pick<Plan, 'cells'>): readonly (StoreName & { readonly migrated: boolean })[] {
  return cells.flatMap(({ cell, steps, base }) => {
    const found = new Map<string, boolean>();
    for (const { action } of steps) {
      const of =
        'store' in action
          ? [action.store]
          : action.kind === 'route'
            ? action.tenants.flatMap((tenant) => base.tenants[tenant]?.store ?? [])
            : [];
      for (const store of of) found.set(store, found.get(store) === true || action.kind === 'migrate');
    }
    return [...found].map(([store, migrated]) => ({ cell, store, migrated }));
  });
}

/** What is known of each store that the plan touches. */
export function recoverability(plan: Pick<Plan, 'cells' | 'gates'>, facts: RecoverabilityFacts): Recoverability {
  const asked = plan.gates.flatMap(({ gate, params }) =>
    gate === RESTORE_DRILLED ? (targetsOf(params) ?? []) : [],
  )[0];
  const drills = new Map(facts.drills.map((each) => [nameOf(each), each]));
  const vaults = new Map(facts.vaults.map((each) => [nameOf(each), each]));
  const counts = { missed: 0, 'not-known': 0, unasked: 0, met: 0 };
  const groups = new Map<string, { first: StoreRecoverability; names: string[] }>();
  for (const of of touchedStores(plan)) {
    const [drill, seen] = [drills.get(nameOf(of)), vaults.get(nameOf(of))];
    const so = standingOf(of, drill, seen, facts.now, asked);
    counts[so.standing] += 1;
    const words = [newestText(drill, seen, facts.now), measuredText(drill, facts.now)];
    const first = { ...of, ...so, ...figuresOf(drill, seen, facts.now), words, alike: 0, others: [] };
    // A store's own name in a sentence makes it no other sentence.
    const key = JSON.stringify([of.migrated, so.standing, so.because.replaceAll(nameOf(of), '*'), words]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { first, names: [] });
    else group.names.push(nameOf(of));
  }
  const rank = ({ first }: { readonly first: StoreRecoverability }): number =>
    2 * RECOVERABILITIES.indexOf(first.standing) + (first.migrated ? 0 : 1);
  const worst = [...groups.values()].toSorted((a, b) => rank(a) - rank(b));
  const size = ({ names }: { readonly names: readonly string[] }): number => names.length + 1;
  return {
    at: facts.now,
    ...(asked !== undefined && {
      targets: { rpoMs: asked.rpoMs, rtoMs: asked.rtoMs, drillMaxAgeMs: asked.drillMaxAgeMs },
    }),
    counts,
    stores: worst.slice(0, MOST_TOLD).map(({ first, names }) => ({
      ...first,
      alike: names.length,
      others: names.slice(0, MOST_NAMED),
    })),
    left: worst.slice(MOST_TOLD).reduce((sum, group) => sum + size(group), 0),
  };
}

type Asked = ReturnType<typeof targetsOf>;

function standingOf(
  of: StoreName,
  drill: DrillEvidence | undefined,
  seen: SeenVault | undefined,
  now: Instant,
  asked: Asked,
): Pick<StoreRecoverability, 'standing' | 'because'> {
  if (asked !== undefined) {
    const judged = [
      judgeDrilled(of, drill, now, asked),
      ...(seen === undefined ? [] : [judgeVault(of, seen, now, asked)]),
    ];
    // What is known to be wrong says more than what nobody knows.
    const stopped =
      judged.find(({ verdict }) => verdict === 'fail') ?? judged.find(({ verdict }) => verdict !== 'pass');
    if (stopped === undefined) return { standing: 'met', because: '' };
    return { standing: stopped.verdict === 'fail' ? 'missed' : 'not-known', because: stopped.because };
  }
  const state = seen === undefined ? 'unseen' : vaultState(seen, now);
  if (seen !== undefined && (state === 'half-way' || state === 'none' || state === 'gap' || state === 'exposed'))
    return { standing: 'missed', because: vaultText(seen, now) };
  if (drill !== undefined && drill.because.length > 0)
    return { standing: 'missed', because: `its last drill did not go well: ${drill.because.join('; ')}` };
  if (drill === undefined) return { standing: 'not-known', because: 'it was never brought back in a drill' };
  if (!drill.ok) return { standing: 'not-known', because: `its last drill says nothing: ${drill.missing.join('; ')}` };
  return { standing: 'unasked', because: '' };
}

function figuresOf(
  drill: DrillEvidence | undefined,
  seen: SeenVault | undefined,
  now: Instant,
): Pick<StoreRecoverability, 'newest' | 'lostMs' | 'measured'> {
  const lostMs = seen === undefined ? undefined : lostNowMs(seen, now);
  const newest =
    seen?.point ??
    (seen === undefined && drill?.point !== undefined && drill.takenAt !== undefined
      ? { id: drill.point, takenAt: drill.takenAt }
      : undefined);
  return {
    ...(newest !== undefined && { newest }),
    ...(lostMs !== undefined && { lostMs }),
    ...(drill !== undefined && {
      measured: {
        at: drill.at,
        ok: drill.ok,
        ...(drill.rpoMs !== undefined && { rpoMs: drill.rpoMs }),
        ...(drill.rtoMs !== undefined && { rtoMs: drill.rtoMs }),
        ...(drill.rtoUntil !== undefined && { rtoUntil: drill.rtoUntil }),
      },
    }),
  };
}

function newestText(drill: DrillEvidence | undefined, seen: SeenVault | undefined, now: Instant): string {
  if (seen !== undefined) return vaultText(seen, now);
  const untold = 'its agent tells of no vault';
  if (drill?.point === undefined || drill.takenAt === undefined) return `no restore point is known of: ${untold}`;
  return `newest restore point that is known of: ${drill.point} of ${ageText(Math.max(0, now - drill.takenAt))} ago, which was drilled; ${untold}`;
}

function measuredText(drill: DrillEvidence | undefined, now: Instant): string {
  if (drill === undefined) return 'RPO and RTO: NEVER MEASURED, no drill brought it back';
  const ago = `${ageText(Math.max(0, now - drill.at))} ago`;
  const rpo = drill.rpoMs === undefined ? 'RPO not measured' : `RPO ${ageText(drill.rpoMs)}`;
  const rto = drill.rtoMs === undefined ? 'RTO not measured' : `RTO ${rtoText(drill)}`;
  return `measured by the last drill, ${ago}${drill.ok ? '' : ', which did NOT go well'}: ${rpo}, ${rto}`;
}

const SIGNS: Readonly<Record<RecoverabilityStanding, string>> = {
  missed: 'NOT WITHIN',
  'not-known': 'NOT KNOWN',
  unasked: 'no targets',
  met: 'within',
};

/** The same for a person, in 100 columns, ending with a newline. */
export function renderRecoverability({ at, targets, counts, stores, left }: Recoverability): string {
  const all = RECOVERABILITIES.reduce((sum, each) => sum + counts[each], 0);
  const tally = RECOVERABILITIES.flatMap((each) => (counts[each] === 0 ? [] : [`${counts[each]} ${SIGNS[each]}`]));
  const asks =
    targets === undefined
      ? 'nothing: the policy has no gate restore-drilled'
      : `RPO ${durationText(targets.rpoMs)}, RTO ${durationText(targets.rtoMs)}, a drill at most ${durationText(targets.drillMaxAgeMs)} ago, of each store that it migrates`;
  return `${[
    `What could be brought back, as of ${instantText(at)}`,
    ...column('Asked', asks, 2, 14),
    ...column('Stores', all === 0 ? 'it touches none' : `${all}: ${tally.join(', ')}`, 2, 14),
    ...stores.flatMap((each) => [
      ...indented(2, [
        `${nameOf(each)}${alikeText(each)}${each.migrated ? '' : ' (not migrated)'}: ${SIGNS[each.standing]}`,
      ]),
      ...[...(each.because === '' || each.words.includes(each.because) ? [] : [each.because]), ...each.words].flatMap(
        (words) => column('', words, 2, 2),
      ),
    ]),
    ...(left === 0 ? [] : [`  and ${counted(left, 'store')} more, none worse`]),
  ].join('\n')}\n`;
}

function alikeText({ alike, others }: Pick<StoreRecoverability, 'alike' | 'others'>): string {
  if (alike === 0) return '';
  const more = alike - others.length;
  return `, ${others.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
