import type { ReconciliationContent } from '@headgate/documents/kinds/reconciliation';
import { classOf, type Side } from '@headgate/domain';
import { cut } from '@headgate/domain/model/text';
import { compareDecimals, parseDecimal } from '@headgate/domain/reconcile/decimal';
import type { Comparison, Difference, LedgerRow } from '@headgate/execution';
import { amountsOf, currencyOf, sumsOf, UNIT_LENGTH } from './amounts.ts';
import { doubledUnderOtherKeys } from './doubled.ts';
import type { Row, TenantRow } from './right-side.ts';
import { digestOfValues } from './rule-values.ts';

type Spec = ReconciliationContent['spec'];
type Rule = Spec['rules'][number];
type Scalar = string | number | boolean | null;

export interface Sources {
  readonly left: readonly TenantRow[];
  readonly right: readonly TenantRow[];
  /** What somebody asked for; empty where the document names no place that knows. */
  readonly asked: readonly TenantRow[];
}

/**
 * Compares the sides by key, says of each difference what became of it, and names the rule that covers it. Facts that agree
 * are a difference only where a rule says so (posted, but not acknowledged) or while they are under way. What one side has
 * twice, under one key or under two, is put before a person; so is what was asked for and neither has, where no rule is.
 */
export function classify(spec: Spec, { left, right, asked }: Sources): Comparison {
  const lefts = byKey(left, spec.key.left);
  const rights = byKey(right, spec.key.right);
  const again = doubledUnderOtherKeys(spec, lefts, rights);
  const keys = new Set([...lefts.keys(), ...rights.keys()]);
  const differences: Difference[] = [];
  for (const key of keys) {
    const ours = lefts.get(key) ?? [];
    const theirs = rights.get(key) ?? [];
    const found = judge(spec, ours, theirs, again.get(key));
    if (!found) continue;
    const { rule, why } = found;
    const facts = {
      key,
      tenant: (ours[0] ?? theirs[0])!.tenant,
      left: ours[0] && ledgerRow(key, ours[0]),
      right: theirs[0] && ledgerRow(key, theirs[0]),
    };
    differences.push({
      ...facts,
      class: classOf({ ...found, rule: known(rule) }),
      rule: rule?.name,
      ...doing(found.underway ? undefined : rule, facts),
      why,
      amounts: amountsOf(spec, ours, theirs),
    });
  }
  const strays = right.filter(({ row }) => {
    const key = keyOf({ row }, spec.key.right);
    return !lefts.has(key) && !again.has(key);
  });
  const never = neverHappened(spec, left, new Set(strays.map(({ tenant }) => tenant)), asked);
  return {
    compared: keys.size + never.length,
    differences: [...differences, ...never],
    sums: sumsOf(spec, left, right),
  };
}

interface Judged {
  readonly side: Side;
  readonly twice: boolean;
  readonly underway: boolean;
  readonly rule: Rule | undefined;
  readonly why: string;
}

function judge(
  spec: Spec,
  ours: readonly TenantRow[],
  theirs: readonly TenantRow[],
  again: string | undefined,
): Judged | undefined {
  const [left] = ours;
  const [right] = theirs;
  const unequal =
    left && right
      ? spec.compare.find((field) => !equal(left.row[field.left], right.row[field.right], field.as))
      : undefined;
  const side: Side = !right ? 'left-only' : !left ? 'right-only' : unequal ? 'both-differ' : 'both-agree';
  const twice = (why: string): Judged => ({ side, twice: true, underway: false, rule: undefined, why });
  if (ours.length > 1) return twice(`the store has it ${ours.length} times`);
  if (theirs.length > 1) return twice(`${spec.right.connection} has it ${theirs.length} times`);
  if (again !== undefined) return twice(again);
  const underway = spec.underway !== undefined && left !== undefined && fitsAll(spec.underway, left.row);
  const apart = left && right && unlike(spec, left, right);
  // Of amounts in two currencies there is no difference, and of another tenant's money nothing that this one owes.
  if (apart !== undefined && side === 'both-agree')
    return { side: 'both-differ', twice: false, underway, rule: undefined, why: apart };
  const rule = spec.rules.find(
    (each) =>
      each.when.side === side &&
      (apart === undefined || each.do === undefined) &&
      fitsAll(each.when.left, left?.row) &&
      fitsAll(each.when.right, right?.row),
  );
  const found = { side, twice: false, underway, rule };
  // A question may be asked of what is still at work; it must not be worked upon from two sides.
  if (underway) return { ...found, why: rule?.ask ?? 'the system is still at work on it' };
  if (!rule) return side === 'both-agree' ? undefined : { ...found, why: apart ?? say(side, spec, unequal?.name) };
  return { ...found, why: rule.ask ?? rule.name };
}

/** Why two facts of one key aren't one fact, whatever the compared fields say: no rule may mend the one by the other. */
function unlike(spec: Spec, left: TenantRow, right: TenantRow): string | undefined {
  const other = spec.right.connection;
  if (left.tenant !== right.tenant) return `the store has it of ${left.tenant}, and ${other} of ${right.tenant}`;
  const [ours, theirs] = [currencyOf(spec, 'left', left.row), currencyOf(spec, 'right', right.row)];
  const named = (currency = 'no currency') => cut(currency, UNIT_LENGTH);
  return ours === theirs ? undefined : `it is in ${named(ours)} in the store, and in ${named(theirs)} in ${other}`;
}

/**
 * Whoever asked and got no answer can ask again: the key makes that harmless. Until then it is told that it never happened. Not so
 * of a tenant of whom the other system has what the store lacks (`strays`): the store may have lost just that, and whoever asked
 * again would have it twice.
 */
function neverHappened(
  spec: Spec,
  left: readonly TenantRow[],
  strays: ReadonlySet<string>,
  asked: readonly TenantRow[],
): Difference[] {
  if (spec.asked === undefined) return [];
  const { key: field, left: column } = spec.asked;
  const kept = new Set(left.map(({ tenant, row }) => `${tenant} ${String(row[column] ?? '')}`));
  const missing: Difference[] = [];
  // A request's key is its tenant's own: another one may have the same.
  for (const one of asked) {
    const key = keyOf(one, field);
    if (kept.has(`${one.tenant} ${key}`)) continue;
    kept.add(`${one.tenant} ${key}`);
    const lost = strays.has(one.tenant);
    const rule = spec.rules.find(
      (each) => each.when.side === 'neither' && !(lost && each.do !== undefined) && fitsAll(each.when.asked, one.row),
    );
    const facts = { key, tenant: one.tenant, left: undefined, right: undefined, asked: ledgerRow(key, one) };
    missing.push({
      ...facts,
      class: lost ? 'in-doubt' : classOf({ side: 'neither', twice: false, underway: false, rule: known(rule) }),
      rule: rule?.name,
      ...doing(rule, facts),
      why:
        rule?.ask ??
        rule?.name ??
        (lost
          ? `it was asked for and the store doesn’t have it, and ${spec.right.connection} has what the store lacks of ${one.tenant}: it may be that`
          : 'it was asked for and neither side has it: whoever asked may ask again under the same key'),
      amounts: [],
    });
  }
  return missing;
}

/** What a rule does about a difference, and with which values. */
function doing(
  rule: Rule | undefined,
  facts: Parameters<typeof digestOfValues>[1],
): Pick<Difference, 'effect' | 'given'> {
  const action = rule?.do;
  return action === undefined ? { effect: undefined } : { effect: action.effect, given: digestOfValues(action, facts) };
}

function known(rule: Rule | undefined): Parameters<typeof classOf>[0]['rule'] {
  return (
    rule && {
      ...(rule.class !== undefined && { class: rule.class }),
      ...(rule.do !== undefined && { effect: rule.do.effect }),
    }
  );
}

function say(side: Side, spec: Spec, field: string | undefined): string {
  if (side === 'left-only') return `only the store has it`;
  if (side === 'right-only') return `only ${spec.right.connection} has it`;
  return `the two sides differ in ${field}`;
}

function byKey(rows: readonly TenantRow[], field: string): Map<string, TenantRow[]> {
  const map = new Map<string, TenantRow[]>();
  for (const each of rows) {
    const key = keyOf(each, field);
    const others = map.get(key);
    if (others) others.push(each);
    else map.set(key, [each]);
  }
  return map;
}

function keyOf({ row }: Pick<TenantRow, 'row'>, field: string): string {
  const value = row[field];
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'bigint')
    throw new Error(`a fact has no key in "${field}"`);
  return String(value);
}

function fitsAll(
  where: Readonly<Record<string, Scalar | readonly Scalar[]>> | undefined,
  row: Row | undefined,
): boolean {
  return Object.entries(where ?? {}).every(([field, wanted]) => {
    const value = scalar(row?.[field]);
    return Array.isArray(wanted) ? wanted.includes(value as Scalar) : value === wanted;
  });
}

/**
 * Exactly: numbers as decimals without going through floating point ("10.10" is 10.1), everything else as text. A field that
 * isn't there is equal to nothing, to another one that isn't there neither.
 */
export function equal(a: unknown, b: unknown, as: 'text' | 'number'): boolean {
  if (a === undefined || b === undefined) return false;
  if (a === null || b === null) return a === b;
  if (as === 'text') return String(a) === String(b);
  const one = parseDecimal(a);
  const other = parseDecimal(b);
  return one !== undefined && other !== undefined && compareDecimals(one, other) === 0;
}

function scalar(value: unknown): Scalar | undefined {
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return value;
  return value === undefined ? undefined : String(value);
}

function ledgerRow(key: string, { tenant, row }: TenantRow): LedgerRow {
  return {
    key,
    tenant,
    fields: Object.fromEntries(Object.entries(row).map(([name, value]) => [name, scalar(value) ?? null])),
  };
}
