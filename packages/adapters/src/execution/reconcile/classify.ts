import type { ReconciliationContent } from '@headgate/documents/kinds/reconciliation';
import type { Difference, LedgerRow } from '@headgate/execution';
import type { Row, TenantRow } from './right-side.ts';

type Spec = ReconciliationContent['spec'];
type Rule = Spec['rules'][number];
type Side = Rule['when']['side'];
type Scalar = string | number | boolean | null;

/**
 * Compares both sides by key and names the rule that covers each difference. Facts that agree are a difference only
 * where a rule says so (posted, but not acknowledged). A key that one side has twice is put before a person.
 */
export function classify(
  spec: Spec,
  left: readonly TenantRow[],
  right: readonly TenantRow[],
): { compared: number; differences: Difference[] } {
  const lefts = byKey(left, spec.key.left);
  const rights = byKey(right, spec.key.right);
  const keys = new Set([...lefts.keys(), ...rights.keys()]);
  const differences: Difference[] = [];
  for (const key of keys) {
    const ours = lefts.get(key) ?? [];
    const theirs = rights.get(key) ?? [];
    const found = judge(spec, ours, theirs);
    if (!found) continue;
    const { rule, why } = found;
    differences.push({
      key,
      tenant: (ours[0] ?? theirs[0])!.tenant,
      left: ours[0] && ledgerRow(key, ours[0]),
      right: theirs[0] && ledgerRow(key, theirs[0]),
      rule: rule?.name,
      effect: rule?.do?.effect,
      why,
    });
  }
  return { compared: keys.size, differences };
}

function judge(
  spec: Spec,
  ours: readonly TenantRow[],
  theirs: readonly TenantRow[],
): { rule: Rule | undefined; why: string } | undefined {
  if (ours.length > 1) return { rule: undefined, why: `the store has it ${ours.length} times` };
  if (theirs.length > 1) return { rule: undefined, why: `${spec.right.connection} has it ${theirs.length} times` };
  const [left] = ours;
  const [right] = theirs;
  const unequal =
    left && right
      ? spec.compare.find((field) => !equal(left.row[field.left], right.row[field.right], field.as))
      : undefined;
  const side: Side = !right ? 'left-only' : !left ? 'right-only' : unequal ? 'both-differ' : 'both-agree';
  const rule = spec.rules.find(
    (each) => each.when.side === side && fitsAll(each.when.left, left?.row) && fitsAll(each.when.right, right?.row),
  );
  if (!rule) return side === 'both-agree' ? undefined : { rule, why: say(side, spec, unequal?.name) };
  return { rule, why: rule.ask ?? rule.name };
}

function say(side: Side, spec: Spec, field: string | undefined): string {
  if (side === 'left-only') return `only the store has it`;
  if (side === 'right-only') return `only ${spec.right.connection} has it`;
  return `the two sides differ in ${field}`;
}

function byKey(rows: readonly TenantRow[], field: string): Map<string, TenantRow[]> {
  const map = new Map<string, TenantRow[]>();
  for (const each of rows) {
    const value = each.row[field];
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'bigint')
      throw new Error(`a fact has no key in "${field}"`);
    const key = String(value);
    map.set(key, [...(map.get(key) ?? []), each]);
  }
  return map;
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

/** Exactly: numbers as decimals without going through floating point ("10.10" is 10.1), everything else as text. */
export function equal(a: unknown, b: unknown, as: 'text' | 'number'): boolean {
  if (a === undefined || b === undefined || a === null || b === null) return a === b;
  return as === 'number' ? decimal(a) === decimal(b) && decimal(a) !== undefined : String(a) === String(b);
}

function decimal(value: unknown): string | undefined {
  const match = /^(-?)0*(\d+?)(?:\.(\d*?)0*)?$/.exec(String(value));
  if (!match) return undefined;
  const [, sign, whole, fraction] = match;
  const text = fraction ? `${whole}.${fraction}` : whole!;
  return text === '0' ? '0' : `${sign}${text}`;
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
