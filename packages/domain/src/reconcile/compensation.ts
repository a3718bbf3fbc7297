/**
 * What would be done about everything that a reconciliation caught: plain data, in order, with what it puts at stake. A
 * person can read it before anything is done, and its digest says that what is done later is what was read.
 */
import type { Digest } from '../model/identity.ts';
import { counted } from '../plan/render-words.ts';
import {
  absolute,
  compareDecimals,
  type Decimal,
  decimalText,
  minus,
  moneyText,
  parseDecimal,
  plus,
} from './decimal.ts';
import type { Amount, CaughtTransaction, Effect } from './difference.ts';
import type { TransactionClass } from './transaction-class.ts';

export interface CompensationLine {
  readonly key: string;
  readonly tenant: string;
  readonly class: TransactionClass;
  /** Null where no rule covers it. */
  readonly rule: string | null;
  readonly effect: Effect | 'ask';
  readonly why: string;
  /** Digest of the values that its rule would be given: with others it would do something else. Absent where nothing is done. */
  readonly given?: Digest;
  readonly amounts: readonly Amount[];
}

/** What a plan is of: nobody's yes to it is one for another store, or for other rules. */
export interface CompensationPlace {
  readonly reconciliation: string;
  /** Of the document whose rules these are. */
  readonly document: Digest;
  readonly environment: string;
  readonly cell: string;
  readonly store: string;
  /** All tenants that were looked at, in order of their names. */
  readonly among: readonly string[];
}

export interface CompensationPlan extends CompensationPlace {
  readonly lines: readonly CompensationLine[];
  /** By how much the two sides differ in all lines together, each taken as positive; by unit. */
  readonly atStake: readonly { readonly unit?: string; readonly amount: string }[];
  readonly tenants: number;
  readonly risk: { readonly level: CompensationRisk; readonly because: readonly string[] };
  /** By what the stakes and the risk were reckoned; absent: the document names no money. */
  readonly money?: MoneyTerms;
}

export const COMPENSATION_RISKS = ['low', 'medium', 'high'] as const;
export type CompensationRisk = (typeof COMPENSATION_RISKS)[number];

/** Which compared number is the transaction's money, and from how much on the risk is higher; in the field's own unit. */
export interface MoneyTerms {
  readonly field: string;
  readonly minorDigits?: number;
  readonly mediumFrom?: number;
  readonly highFrom?: number;
}

const BETWEEN = 'stands between the two sides';

/** What changes nothing but a mark comes first, what a person must decide last. */
const ORDER: readonly CompensationLine['effect'][] = ['acknowledge', 'replay', 'post-difference', 'cancel', 'ask'];
/** So many tenants at once are a matter of their own. */
const MANY_TENANTS = 10;

/** The plan for what was caught. The same transactions give the same plan, in whatever order they were found. */
export function planCompensation(
  of: CompensationPlace,
  caught: readonly CaughtTransaction[],
  money?: MoneyTerms,
): CompensationPlan {
  return compensationOf(of, caught.map(lineOf), money);
}

/** What a plan says of one transaction. */
export function lineOf(caught: CaughtTransaction): CompensationLine {
  const { key, tenant, class: kind, rule, effect, why, given, amounts } = caught;
  return {
    ...{ key, tenant, class: kind, rule: rule ?? null, effect: effect ?? 'ask', why },
    ...(given !== undefined && { given }),
    amounts: amounts.map(({ field, unit, left, right }) => ({
      field,
      ...(unit !== undefined && { unit }),
      left,
      right,
    })),
  };
}

/**
 * The plan of these lines, with all that follows from them. What a file says of its own risk is thereby nobody's word: it
 * is reckoned anew.
 */
export function compensationOf(
  of: CompensationPlace,
  unordered: readonly CompensationLine[],
  money?: MoneyTerms,
): CompensationPlan {
  const lines = [...unordered].sort(
    (a, b) => ORDER.indexOf(a.effect) - ORDER.indexOf(b.effect) || byText(a.tenant, b.tenant) || byText(a.key, b.key),
  );
  const atStake = stakes(lines, money?.field);
  const tenants = new Set(lines.map(({ tenant }) => tenant)).size;
  const { reconciliation, document, environment, cell, store } = of;
  return {
    ...{ reconciliation, document, environment, cell, store, among: [...of.among].sort(byText) },
    ...{ lines, atStake, tenants, risk: riskOf(lines, atStake, tenants, money) },
    ...(money !== undefined && { money: termsOf(money) }),
  };
}

function termsOf({ field, minorDigits, mediumFrom, highFrom }: MoneyTerms): MoneyTerms {
  return {
    field,
    ...(minorDigits !== undefined && { minorDigits }),
    ...(mediumFrom !== undefined && { mediumFrom }),
    ...(highFrom !== undefined && { highFrom }),
  };
}

/** By how much the sides differ in one line: in the money where the document names it, else in the largest number. */
export function stakeOf(
  line: Pick<CompensationLine, 'amounts'>,
  field?: string,
): readonly (readonly [string, Decimal])[] {
  const most = new Map<string, Decimal>();
  for (const { field: name, unit = '', left, right } of line.amounts) {
    if (field !== undefined && name !== field) continue;
    const gap = absolute(minus(decimal(left), decimal(right)));
    const before = most.get(unit);
    if (before === undefined || compareDecimals(gap, before) > 0) most.set(unit, gap);
  }
  return [...most];
}

function stakes(lines: readonly CompensationLine[], field: string | undefined): CompensationPlan['atStake'] {
  const sums = new Map<string, Decimal>();
  for (const line of lines)
    for (const [unit, gap] of stakeOf(line, field)) sums.set(unit, plus(sums.get(unit) ?? ZERO, gap));
  return [...sums]
    .sort(([a], [b]) => byText(a, b))
    .flatMap(([unit, sum]) => (sum.units === 0n ? [] : [{ ...(unit !== '' && { unit }), amount: decimalText(sum) }]));
}

function riskOf(
  lines: readonly CompensationLine[],
  atStake: CompensationPlan['atStake'],
  tenants: number,
  money: MoneyTerms | undefined,
): CompensationPlan['risk'] {
  const high: string[] = [];
  const medium: string[] = [];
  const asked = lines.filter(({ effect }) => effect === 'ask').length;
  if (asked > 0) high.push(`no rule decides ${counted(asked, 'transaction')}: a person must`);
  for (const effect of ['cancel', 'post-difference'] as const) {
    const n = lines.filter((line) => line.effect === effect).length;
    if (n > 0) medium.push(effect === 'cancel' ? `${n} would be cancelled` : `of ${n} the difference would be posted`);
  }
  for (const { unit, amount } of atStake) {
    const words = `${moneyText(amount, money?.minorDigits, unit)} ${BETWEEN}`;
    const reaches = (from: number | undefined): boolean =>
      from !== undefined && compareDecimals(decimal(amount), decimal(String(from))) >= 0;
    if (reaches(money?.highFrom)) high.push(words);
    else if (reaches(money?.mediumFrom ?? 0)) medium.push(words);
  }
  if (tenants > MANY_TENANTS) medium.push(`${tenants} tenants are concerned`);
  const because = [...high, ...medium];
  return {
    level: high.length > 0 ? 'high' : medium.length > 0 ? 'medium' : 'low',
    because:
      because.length > 0
        ? because
        : [
            lines.length === 0
              ? 'there is nothing to do'
              : 'no amount of any size differs, and rules decide everything',
          ],
  };
}

const ZERO: Decimal = { units: 0n, scale: 0 };

function decimal(text: string | null): Decimal {
  return parseDecimal(text) ?? ZERO;
}

/** By code units: the same on every machine, whatever its language. */
function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
