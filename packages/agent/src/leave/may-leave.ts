import { claimText, type Standing, type whoseStore } from '@headgate/adapters/execution/external-store/claim';

/** What is said in place of a number for an installation that wrote none down. */
export const UNKNOWN = 'unknown';

/** What is said where the number of another installation is this folder's number, too. */
export const SAME_NUMBER = 'this folder has its number, too: it is a copy of that one, or was moved from there';

/** What is known of who has a store's database. */
export interface ClaimFacts {
  readonly database: string;
  readonly standing: Standing;
  readonly whose: Awaited<ReturnType<typeof whoseStore>>;
  /** What the cell's own folder claims by; undefined: it never did. */
  readonly own: string | undefined;
  /** Somebody works in the folder of the installation that has it, on this machine. */
  readonly atWork: boolean;
}

/** Why a database isn't left, with what would unblock it; undefined: it may be. `named`: the installation a person named. */
export function whyNotLeave(facts: ClaimFacts, named: string | undefined): string | undefined {
  if (facts.whose !== 'other') return undefined;
  const { database, standing, own, atWork } = facts;
  const { claim } = standing;
  const id = claim?.id ?? UNKNOWN;
  const copied = claim !== undefined && claim.id === own ? `; ${SAME_NUMBER}` : '';
  const who = `database ${database} is under control of ${claimText(claim)}${copied}`;
  if (atWork)
    return `${who}. That one is at work there now: end it with its own headgate-agent stop --config FILE and headgate-agent leave --config FILE`;
  if (named === id) return undefined;
  const other = named === undefined ? '' : ` (--installation named ${named})`;
  return `${who}${other}. If that one is over, say that you mean it: --installation ${id}`;
}
