import type { ReconciliationContent } from '@headgate/documents/kinds/reconciliation';
import type { TenantRow } from './right-side.ts';

type ByKey = ReadonlyMap<string, readonly TenantRow[]>;

/**
 * Keys under which a side has a fact again that it has under another one already: by the document's `identity`, with a
 * sentence for each. The one that the other side knows, too, is the fact itself; where none is known, all are named. Where the
 * other side knows several of them it happened twice on both sides, and the first by its name counts as the fact itself.
 */
export function doubledUnderOtherKeys(
  { identity, right }: ReconciliationContent['spec'],
  lefts: ByKey,
  rights: ByKey,
): ReadonlyMap<string, string> {
  const again = new Map<string, string>();
  if (identity === undefined) return again;
  const sides = [
    { facts: lefts, others: rights, field: identity.left, who: 'the store' },
    { facts: rights, others: lefts, field: identity.right, who: right.connection },
  ];
  for (const { facts, others, field, who } of sides) {
    const keysOf = new Map<string, string[]>();
    for (const [key, rows] of facts)
      for (const { tenant, row } of rows) {
        const value = row[field];
        if (value === undefined || value === null) continue;
        const of = `${tenant} ${String(value)}`;
        const keys = keysOf.get(of) ?? [];
        if (!keys.includes(key)) keys.push(key);
        keysOf.set(of, keys);
      }
    for (const keys of keysOf.values()) {
      if (keys.length < 2) continue;
      // Sorted: whoever looks again, and gets the rows in another order, finds the same.
      keys.sort();
      const known = keys.find((key) => others.has(key));
      const first = known ?? keys[0]!;
      for (const key of keys) {
        if (key === known) continue;
        const other = key === first ? keys.find((each) => each !== key)! : first;
        again.set(key, `${who} has it again, under the key ${other}`);
      }
    }
  }
  return again;
}
