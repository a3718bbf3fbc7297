import { claimText, type Standing } from '@headgate/adapters/execution/external-store/claim';

/** What is said in place of a number for an installation that wrote none down. */
export const UNKNOWN = 'unknown';

/** What is known of who has a store's database. */
export interface ClaimFacts {
  readonly database: string;
  readonly standing: Standing;
  /** What the cell's own folder claims by; undefined: it never did. */
  readonly own: string | undefined;
  /** Whether decisions of a control plane have reached the cell's folder. */
  readonly known: boolean;
  /** Somebody works in the folder of the installation that has it, on this machine. */
  readonly atWork: boolean;
}

/** Whether a database is this installation's, another one's, or nobody's. */
export function whose({ standing, own, known }: Omit<ClaimFacts, 'atWork'>): 'own' | 'other' | 'nobody' {
  if (standing.schema !== 'ours') return 'nobody';
  if (standing.claim !== undefined) return standing.claim.id === own ? 'own' : 'other';
  // Of before there were claims.
  return !standing.decided ? 'nobody' : known ? 'own' : 'other';
}

/** Why a database isn't left, with what would unblock it; undefined: it may be. `named`: the installation a person named. */
export function whyNotLeave(facts: ClaimFacts, named: string | undefined): string | undefined {
  if (whose(facts) !== 'other') return undefined;
  const { database, standing, atWork } = facts;
  const { claim } = standing;
  const id = claim?.id ?? UNKNOWN;
  const who = `database ${database} is under control of ${claimText(claim)}`;
  if (atWork)
    return `${who}, which is at work there now: end it with its own headgate-agent stop --config FILE and headgate-agent leave --config FILE`;
  if (named === id) return undefined;
  const other = named === undefined ? '' : ` (--installation named ${named})`;
  return `${who}${other}. If that one is over, say that you mean it: --installation ${id}`;
}
