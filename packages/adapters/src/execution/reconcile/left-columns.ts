import type { ReconciliationContent } from '@headgate/documents/kinds/reconciliation';

/**
 * Columns of the left side that a document goes by and its query doesn't give. What isn't there fits no condition and differs
 * from nothing that isn't there either: business under way would count as settled, and two sides as agreeing.
 */
export function missingColumns(
  { key, tenant, identity, underway, compare, money, asked, rules }: ReconciliationContent['spec'],
  given: readonly string[],
): readonly string[] {
  const there = new Set(given);
  const named = [
    ...[key.left, tenant.left, identity?.left, money?.currency?.left, asked?.left],
    ...Object.keys(underway ?? {}),
    ...compare.map(({ left }) => left),
    ...rules.flatMap(({ when, do: action }) => [
      ...Object.keys(when.left ?? {}),
      ...(action?.params ?? []).flatMap((each) => (each.startsWith('$left.') ? [each.slice('$left.'.length)] : [])),
    ]),
  ];
  return [...new Set(named)].filter((name) => name !== undefined && !there.has(name)) as string[];
}
