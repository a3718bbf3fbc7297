/** A compensation plan as whoever keeps the books reads it: what was found, what would be done, in which order, and the sums. */
import { cut } from '../model/text.ts';
import { counted, named } from '../plan/render-words.ts';
import { type CompensationLine, type CompensationPlan, type MoneyTerms, stakeOf } from './compensation.ts';
import { decimalText, minus, moneyText, parseDecimal } from './decimal.ts';
import { type SideSum, sumsAgree } from './side-sums.ts';
import {
  type ClassCounts,
  classWords,
  countClasses,
  TRANSACTION_CLASSES,
  type TransactionClass,
} from './transaction-class.ts';

/** So many transactions of one kind are named; the others are counted, and stand in the plan itself. */
const NAMED_LINES = 20;
const WHY_LENGTH = 200;

const MEANING: Readonly<Record<TransactionClass, string>> = {
  'never-happened': 'asked for, and neither side has it',
  'half-done': 'begun, and not brought to its end',
  'one-side-only': 'one side has it, and nothing says that it should be sent again',
  doubled: 'one side has it more than once',
  'in-doubt': 'the sides say different things, or the system is still at work on it',
};

const DOING: Readonly<Record<CompensationLine['effect'], string>> = {
  acknowledge: 'Acknowledge: the other side has it already, and the store is told so',
  replay: 'Send again, under its own key, so that it happens once',
  'post-difference': 'Post the difference between the two sides',
  cancel: 'Cancel',
  ask: 'Put before a person',
};

/** Both sides' sums as a table: field, unit, store, the other side, and what is between them. */
export function sumLines(sums: readonly SideSum[], other: string, money?: MoneyTerms): readonly string[] {
  if (sums.length === 0) return ['The document compares no numbers: there are no sums.'];
  const digits = money?.minorDigits;
  const rows = sums.map(({ field, unit = '', left, right }) => {
    const gap = minus(parseDecimal(left)!, parseDecimal(right)!);
    const between = gap.units === 0n ? 'equal' : moneyText(decimalText(gap), digits);
    return [field, unit, moneyText(left, digits), moneyText(right, digits), between];
  });
  const table = [['', '', 'store', other, 'between'], ...rows];
  const width = (i: number): number => Math.max(...table.map((row) => row[i]!.length));
  const lines = table.map(([field, unit, ...amounts]) =>
    `  ${field!.padEnd(width(0))} ${unit!.padEnd(width(1))}  ${amounts.map((text, i) => text.padStart(width(i + 2))).join('   ')}`.trimEnd(),
  );
  return [...lines, sumsAgree(sums) ? 'The sums are equal, to the last digit.' : 'The sums are NOT equal.'];
}

/** What was found, by class. */
export function classLines(plan: CompensationPlan): readonly string[] {
  return classCountLines(countClasses(plan.lines.map((line) => line.class)));
}

/** The same of counts alone. */
export function classCountLines(counts: ClassCounts): readonly string[] {
  if (Object.keys(counts).length === 0) return ['Nothing was caught between the two sides.'];
  const width = Math.max(...TRANSACTION_CLASSES.map((c) => classWords(c).length));
  return TRANSACTION_CLASSES.flatMap((c) =>
    (counts[c] ?? 0) > 0 ? [`  ${classWords(c).padEnd(width)}  ${String(counts[c]).padStart(6)}   ${MEANING[c]}`] : [],
  );
}

/** What would be done, step by step, and what is at risk. */
export function compensationLines(plan: CompensationPlan, money?: MoneyTerms): readonly string[] {
  const lines: string[] = [];
  let step = 0;
  for (const effect of ['acknowledge', 'replay', 'post-difference', 'cancel', 'ask'] as const) {
    const of = plan.lines.filter((line) => line.effect === effect);
    if (of.length === 0) continue;
    const tenants = [...new Set(of.map(({ tenant }) => tenant))];
    lines.push(`${++step}. ${DOING[effect]}: ${counted(of.length, 'transaction')} of ${named(tenants)}.`);
    for (const line of of.slice(0, NAMED_LINES)) lines.push(`     ${lineText(line, money)}`);
    if (of.length > NAMED_LINES)
      lines.push(`     and ${of.length - NAMED_LINES} more, which the plan names one by one`);
  }
  if (plan.lines.length === 0) return ['There is nothing to do.'];
  const at = plan.atStake.map(({ unit, amount }) => moneyText(amount, money?.minorDigits, unit));
  return [
    ...lines,
    '',
    `Between the two sides: ${at.length === 0 ? 'no money' : at.join(', ')}, of ${counted(plan.tenants, 'tenant')}.`,
    `Risk: ${plan.risk.level}: ${plan.risk.because.join('; ')}.`,
  ];
}

function lineText(line: CompensationLine, money: MoneyTerms | undefined): string {
  const amounts = money === undefined ? gaps(line) : amountTexts(line, money);
  const what = line.key.startsWith(line.tenant) ? line.key : `${line.tenant}: ${line.key}`;
  const rule = line.rule === null ? '' : ` [${line.rule}]`;
  const why = line.why === line.rule ? '' : `: ${cut(line.why, WHY_LENGTH)}`;
  return `${what}  ${[classWords(line.class), ...amounts].join(', ')}${why}${rule}`;
}

/** The money as each side has it. */
function amountTexts({ amounts }: CompensationLine, { field: wanted, minorDigits }: MoneyTerms): readonly string[] {
  return amounts.flatMap(({ field, unit, left, right }) => {
    if (field !== wanted || left === right) return [];
    const text = (amount: string): string => moneyText(amount, minorDigits, unit);
    if (right === null) return [`${text(left!)} in the store alone`];
    if (left === null) return [`${text(right)} on the other side alone`];
    return [`${text(left)} in the store and ${text(right)} on the other side`];
  });
}

/** Where nobody says which number is the money: by how much the sides differ most. */
function gaps(line: CompensationLine): readonly string[] {
  return stakeOf(line).flatMap(([unit, gap]) =>
    gap.units === 0n ? [] : [`${moneyText(decimalText(gap), 0, unit === '' ? undefined : unit)} apart`],
  );
}
