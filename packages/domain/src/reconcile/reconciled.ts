/** What became of a compensation plan that was carried out: facts for a signed statement, and for whoever reads it later. */
import type { Digest, Instant } from '../model/identity.ts';
import type { CompensationRisk } from './compensation.ts';
import { moneyText } from './decimal.ts';
import { type SideSum, sumsAgree } from './side-sums.ts';
import { type ClassCounts, classesText } from './transaction-class.ts';

export interface MendedCounts {
  readonly replayed: number;
  readonly acknowledged: number;
  readonly cancelled: number;
  readonly posted: number;
}

export interface ReconciledFacts {
  readonly environment: string;
  readonly cell: string;
  readonly store: string;
  readonly reconciliation: string;
  /** Of the document whose rules were applied. */
  readonly document: Digest;
  readonly plan: Digest;
  readonly risk: CompensationRisk;
  /** Who had it carried out. */
  readonly by: string;
  /** Those that counted, by the digest of each signed statement. */
  readonly approvals: readonly { readonly by: string; readonly digest: Digest }[];
  /** When this plan was begun here first, and when this was found, by the agent's clock. */
  readonly startedAt: Instant;
  readonly at: Instant;
  /** How often it was begun: more than once where it was interrupted, or run again. */
  readonly begun: number;
  /** How many transactions each effect changed something about: this time, and by earlier ones of which no statement was made. */
  readonly done: MendedCounts;
  readonly lines: {
    readonly planned: number;
    /** Approved, still so, and given to their rules this time. */
    readonly covered: number;
    /** Gone by themselves, or by an earlier time. */
    readonly gone: number;
    /** Changed since, or new: left alone. */
    readonly leftAlone: number;
    /** A person's to decide. */
    readonly asked: number;
  };
  /** Where not all of the store's tenants were looked at: of how many it speaks, and how many there are. */
  readonly some?: { readonly tenants: number; readonly of: number };
  readonly compared: number;
  /** What is caught between the two sides afterwards, by class. */
  readonly classes: ClassCounts;
  /** Of both sides, before this plan was first begun and now. At most 50 each; those beyond are judged, too. */
  readonly before: readonly SideSum[];
  readonly after: readonly SideSum[];
  /** Nothing is caught any more, and all sums are equal to the last digit. */
  readonly agrees: boolean;
}

export interface ReconciledEvidence extends ReconciledFacts {
  /** Digest of the signed statement. */
  readonly evidence: Digest;
  readonly keyId: string;
}

/** What was done and what it came to, in one sentence. */
export function reconciledText({ done, lines, classes, agrees, after, some }: ReconciledFacts): string {
  const did = mendedWords(done);
  const rest = [
    ...(lines.asked > 0 ? [`${lines.asked} before a person`] : []),
    ...(lines.leftAlone > 0 ? [`${lines.leftAlone} left alone`] : []),
  ];
  const caught = classesText(classes);
  const sums = sumsAgree(after) ? 'the sums are equal' : `the sums are NOT equal${firstApart(after)}`;
  const end = agrees ? 'both sides agree' : `the sides do NOT agree${caught === '' ? '' : ` (${caught})`}`;
  const of = some === undefined ? '' : `of ${some.tenants} of the store’s ${some.of} tenants alone: `;
  return `${of}${[...(did.length === 0 ? ['nothing changed'] : did), ...rest].join(', ')}; ${end}, ${sums}`;
}

/** What was changed, each effect in words; empty: nothing was. */
export function mendedWords({ replayed, acknowledged, cancelled, posted }: MendedCounts): readonly string[] {
  return [
    ...(replayed > 0 ? [`${replayed} replayed`] : []),
    ...(acknowledged > 0 ? [`${acknowledged} acknowledged`] : []),
    ...(posted > 0 ? [`of ${posted} the difference posted`] : []),
    ...(cancelled > 0 ? [`${cancelled} cancelled`] : []),
  ];
}

function firstApart(sums: readonly SideSum[]): string {
  const one = sums.find((sum) => !sumsAgree([sum]));
  if (one === undefined) return '';
  const { field, unit, left, right } = one;
  return `: ${field} is ${moneyText(left, 0, unit)} in the store and ${moneyText(right, 0, unit)} on the other side`;
}

const TOLD_SUMS = 50;
const TOLD_DIGITS = 60;

/** As many sums as are told, those that differ first, so that they aren't what the bound leaves out. */
export function toldSums(sums: readonly SideSum[]): readonly SideSum[] {
  const short = sums.filter(({ left, right }) => left.length <= TOLD_DIGITS && right.length <= TOLD_DIGITS);
  const apart = short.filter(({ left, right }) => left !== right);
  return [...apart, ...short.filter(({ left, right }) => left === right)].slice(0, TOLD_SUMS);
}
