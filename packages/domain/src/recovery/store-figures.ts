/**
 * Whether a proposal shows what is counted: whoever approves it sees its file alone, and a file can be changed before that. Digests of both
 * stores say what they are like, and nothing of what is lost between them.
 */
import type { ProposedSide, ProposedTable, StoreProposal } from './store-proposal.ts';

/** What a person is shown that is read from the two stores, and from what lies beside them. */
const SHOWN = {
  moment: 'the moment',
  point: 'the restore point',
  keptAt: 'the newest transaction kept',
  firstLost: 'the first transaction lost',
  others: 'what goes back beside rows',
  othersInAll: 'how much goes back beside rows',
  databases: 'other databases',
  serving: 'what serves',
  files: 'files',
  odoo: 'its files, or tables that aren’t counted',
} as const;
const OF_A_SIDE = {
  system: 'the cluster',
  timeline: 'the timeline',
  schemaVersion: 'the schema',
  tables: 'the number of tables',
} as const;

/** All of a proposal that can be counted again. */
export type CountedFigures = Pick<StoreProposal, 'live' | 'was' | 'tables' | keyof typeof SHOWN>;

/** So many are spelled out. */
const MOST_TOLD = 5;

/** What of a proposal isn't as it is counted, in words; empty: it shows what is there. */
export function wrongFigures(counted: CountedFigures, shown: CountedFigures): readonly string[] {
  const wrong = [
    ...wrongTables(counted.tables, shown.tables),
    ...fields(SHOWN).flatMap(([field, words]) => (same(counted[field], shown[field]) ? [] : [words])),
    ...wrongSide(counted.live, shown.live, 'now'),
    ...wrongSide(counted.was, shown.was, 'then'),
  ];
  const more = wrong.length - MOST_TOLD;
  return more <= 0 ? wrong : [...wrong.slice(0, MOST_TOLD), `${more} more`];
}

function wrongTables(counted: readonly ProposedTable[], shown: readonly ProposedTable[]): readonly string[] {
  const [a, b] = [byName(counted), byName(shown)];
  const names = [...new Set([...a.keys(), ...b.keys()])].toSorted();
  const twice = shown.length === b.size ? [] : ['a table that is listed twice'];
  return [...names.filter((name) => !same(a.get(name), b.get(name))).map((name) => tableWords(name, a, b)), ...twice];
}

function tableWords(
  name: string,
  counted: ReadonlyMap<string, ProposedTable>,
  shown: ReadonlyMap<string, ProposedTable>,
): string {
  const told = (table: ProposedTable | undefined): string =>
    table === undefined
      ? 'no difference'
      : `${table.lost.toLocaleString('en-US')} lost and ${table.back.toLocaleString('en-US')} back`;
  const [is, says] = [told(counted.get(name)), told(shown.get(name))];
  return is === says ? `${name} (its rows or columns)` : `${name} (it shows ${says}; counted: ${is})`;
}

function wrongSide(counted: ProposedSide, shown: ProposedSide, when: string): readonly string[] {
  return fields(OF_A_SIDE).flatMap(([field, words]) => (counted[field] === shown[field] ? [] : [`${words} ${when}`]));
}

function byName(tables: readonly ProposedTable[]): ReadonlyMap<string, ProposedTable> {
  return new Map(tables.map((table) => [table.table, table]));
}

function fields<T extends string>(words: Readonly<Record<T, string>>): readonly (readonly [T, string])[] {
  return Object.entries(words) as [T, string][];
}

/** The order of an object's fields says nothing; one that is absent is undefined. */
function same(a: unknown, b: unknown): boolean {
  return asText(a) === asText(b);
}

function asText(value: unknown): string | undefined {
  return JSON.stringify(value, (_key, each: unknown) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).toSorted(([x], [y]) => (x < y ? -1 : 1)))
      : each,
  );
}
