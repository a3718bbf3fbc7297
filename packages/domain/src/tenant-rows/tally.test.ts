/** A difference's numbers are those of its rows, or are named as untrue. */
import { describe, expect, test } from 'vitest';
import type { RowDifference, TableDifference } from './difference.ts';
import { RowsTally } from './tally.ts';

const none = { rows: 0, sum: '0:0' };
const TABLE: TableDifference = {
  ...{ table: 'public.orders', belongs: { rows: 'tenant', column: 'tenant', type: 'text' }, key: ['id'], liveOnly: [] },
  columns: ['id', 'tenant', 'total'].map((name) => ({ name, type: name === 'total' ? 'numeric' : 'text' })),
  ...{ sums: ['total'], back: 1, away: 1, changed: 1, changes: [{ column: 'total', rows: 1 }], live: none, was: none },
  added: [{ column: 'total', live: '10', was: '-990.505' }],
};
const ROWS: readonly RowDifference[] = [
  { table: 0, kind: 'away', live: ['1', 'ada', '1000.50'] },
  { table: 0, kind: 'back', was: ['2', 'ada', '-0.005'] },
  { table: 0, kind: 'changed', live: ['3', 'ada', null], was: ['3', 'ada', '0'] },
];
const misfit = (table: Partial<TableDifference> = {}, rows = ROWS): string | undefined => {
  const tally = new RowsTally([{ ...TABLE, ...table }]);
  for (const row of rows) tally.add(row);
  return tally.misfit();
};
const third = (row: RowDifference): readonly RowDifference[] => [...ROWS.slice(0, 2), row];

describe('Rows come to', () => {
  test('what their first line says, in decimals of any length', () => {
    expect(misfit()).toBeUndefined();
    const [few, more] = ['0.1', '0.30000000000000000000001'];
    const rows = third({ table: 0, kind: 'changed', live: ['3', 'ada', few], was: ['3', 'ada', more] });
    const was = '-990.30499999999999999999999';
    expect(misfit({ added: [{ column: 'total', live: '10', was }] }, rows)).toBeUndefined();
    expect(misfit({ added: [{ column: 'total', live: '10', was: '-990.305' }] }, rows)).toMatch(/other sums/);
  });

  test.each<[string, Partial<TableDifference>, RegExp]>([
    ['kinds', { back: 2, away: 0 }, /other numbers of public\.orders/],
    ['columns', { changes: [{ column: 'tenant', rows: 1 }] }, /other changes/],
    ['rows in which a column changes', { changes: [{ column: 'total', rows: 2 }] }, /other changes/],
    ['columns, one of them twice', { changes: [...TABLE.changes, ...TABLE.changes] }, /other changes/],
    ['sums', { added: [{ column: 'total', live: '10', was: '9' }] }, /other sums/],
    ['columns that are added up', { added: [] }, /other sums/],
  ])('other %s than are said', (_what, more, why) => expect(misfit(more)).toMatch(why));

  test('nothing that a comparison finds: a row that stays, or that becomes another one', () => {
    const live = ['3', 'ada', '5'];
    expect(misfit({}, third({ table: 0, kind: 'changed', live, was: live }))).toMatch(/is said to change, and doesn’t/);
    const was = ['4', 'ada', '5'];
    expect(misfit({}, third({ table: 0, kind: 'changed', live, was }))).toMatch(/another key/);
  });

  test('no sum where a value is no number, which the store’s own sums tell', () => {
    const rows = third({ table: 0, kind: 'changed', live: ['3', 'ada', 'NaN'], was: ['3', 'ada', '0'] });
    expect(misfit({ added: [{ column: 'total', live: 'NaN', was: '1' }] }, rows)).toBeUndefined();
  });
});
