/** What a comparison of two places found, as whoever asked for it reads it. */
import type { ComparedPlaces } from '@headgate/adapters/execution/moved/compare-places';
import type { MoveConfig } from '@headgate/adapters/execution/moved/move-config';
import { countText, MOVED_DIFFERENCES, type MovedDifference, placesAgree } from '@headgate/domain';

const KINDS: Readonly<Record<MovedDifference, readonly [string, string]>> = {
  missingInNew: [
    'missing in new',
    'the old place has it, the new one doesn’t: not backfilled, or a write was forgotten',
  ],
  missingInOld: ['missing in old', 'the new place has it, the old one doesn’t: a write or a deletion was forgotten'],
  different: ['different', 'both have it, with different values'],
  doubled: ['doubled', 'a place has its key more than once'],
  keyless: ['without a key', 'a part of its key is NULL: it can’t be compared'],
};
/** A key is customers' data, and may be long. */
const MOST_KEY = 120;

interface Place {
  readonly cell: string;
  readonly store: string;
  readonly move: string;
}

/** All of it, a line each. */
export function comparedLines({ cell, store, move }: Place, config: MoveConfig, found: ComparedPlaces): string[] {
  const { rows, differences, unsettled, sums, tenants, others, keys, tookMs } = found;
  const kinds = MOVED_DIFFERENCES.filter((each) => differences[each] > 0);
  const took = `${(tookMs / 1_000).toFixed(1)} s`;
  const lines = [
    `${move}: the store ${store} of ${cell}, ${countText(rows.old)} rows in the old place and ${countText(rows.new)} in the new one, compared in ${took}.`,
  ];
  if (sums.length > 0) lines.push('', ...sumsTable(sums));
  if (kinds.length > 0) lines.push('', 'What differs');
  for (const kind of kinds) {
    const [name, words] = KINDS[kind];
    lines.push(`  ${name.padEnd(15)} ${countText(differences[kind]).padStart(9)}   ${words}`);
    lines.push(...keysOf(config.key, keys, kind, differences[kind]));
  }
  if (unsettled > 0)
    lines.push('', `${countText(unsettled)} rows changed with every look: nobody knows whether they agree.`);
  if (tenants.length > 0) {
    lines.push('', 'Whose');
    lines.push(...tenants.map(({ tenant, differences: n }) => `  ${shown(tenant).padEnd(24)} ${countText(n)}`));
    if (others > 0) lines.push(`  and of ${countText(others)} more tenants`);
  }
  return [...lines, '', verdictOf(found, kinds.length > 0)];
}

function verdictOf(found: ComparedPlaces, differs: boolean): string {
  if (placesAgree(found)) return 'Both places agree.';
  if (differs || found.sums.some((each) => each.old !== each.new)) return 'The two places do NOT agree.';
  return found.rows.old === 0 ? 'There is no row that could be compared.' : 'Whether they agree isn’t known.';
}

function keysOf(
  columns: readonly string[],
  keys: ComparedPlaces['keys'],
  kind: MovedDifference,
  count: number,
): readonly string[] {
  const named = keys.filter(({ what }) => what === kind);
  const lines = named.map(
    ({ key, tenant }) =>
      `      ${key.map((value, i) => `${columns[i]} ${shown(value)}`).join(', ')}${tenant === undefined || key.includes(tenant) ? '' : ` (${shown(tenant)})`}`,
  );
  const more = count - named.length;
  return more > 0 && kind !== 'keyless' ? [...lines, `      and ${countText(more)} more`] : lines;
}

function sumsTable(sums: ComparedPlaces['sums']): readonly string[] {
  const rows = [['', 'old', 'new'], ...sums.map((each) => [each.amount, each.old, each.new])];
  const width = (column: number): number => Math.max(...rows.map((row) => row[column]!.length));
  const [first, second, third] = [width(0), width(1), width(2)];
  return [
    'Both places',
    ...rows.map(([a = '', b = '', c = '']) => `  ${a.padEnd(first)}  ${b.padStart(second)}  ${c.padStart(third)}`),
    sums.every((each) => each.old === each.new) ? 'The sums are equal.' : 'The sums are NOT equal.',
  ];
}

/** What stands in a row may hold anything: nothing of it moves a terminal's cursor. */
function shown(value: string): string {
  return value.replaceAll(/[\p{Cc}\p{Cf}]/gu, '?').slice(0, MOST_KEY);
}
