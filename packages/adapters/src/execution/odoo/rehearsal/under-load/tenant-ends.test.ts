import { compareFingerprints, type Fingerprint } from '@headgate/domain/rehearsal/compare';
import { expect, test } from 'vitest';
import { compareTenantEnds } from './tenant-ends.ts';

type Rows = Readonly<Record<string, string>>;
const table = (name: string, rows: number, columns: Rows) => ({
  relation: `public.${name}`,
  rows,
  sum: Object.values(columns).join(),
  columns: Object.entries(columns).map(([column, sum]) => ({ column, values: rows, sum })),
});
const state = (...tables: ReturnType<typeof table>[]): Fingerprint => ({ objects: {}, tables, sequences: {} });

const after = state(table('view', 3, { id: '1', name: 'a' }), table('orm_signaling_registry', 2, { id: '1' }));
/** The same undisturbed, with other ids. */
const shifted = state(table('view', 3, { id: '9', name: 'a' }), table('orm_signaling_registry', 2, { id: '9' }));
const made = compareFingerprints(after, shifted);

test('what follows ids in an undisturbed upgrade may come out otherwise, and is named', () => {
  const last = state(table('view', 3, { id: '5', name: 'a' }), table('orm_signaling_registry', 7, { id: '5' }));
  expect(compareTenantEnds(after, last, made)).toEqual({
    tables: 1,
    differences: [],
    following: ['public.orm_signaling_registry.id', 'public.view.id'],
  });
});

test('what Odoo does once more each time it is called is none, and the same of another table is', () => {
  const of = (name: string, rows: number, arch: string) =>
    state(table(name, rows, { id: '1' }), table('ir_ui_view', 3, { arch_prev: arch, arch_db: 'x' }));
  expect(compareTenantEnds(of('ir_cron_trigger', 2, 'a'), of('ir_cron_trigger', 4, 'b'), []).differences).toEqual([]);
  const other = compareTenantEnds(of('ir_cron', 2, 'a'), of('ir_cron', 4, 'a'), []).differences;
  expect(other).toContainEqual({ kind: 'rows', relation: 'public.ir_cron', before: 2, after: 4 });
});

test('another value beside it may not, nor a row more, nor an object', () => {
  const spoilt = state(table('view', 4, { id: '5', name: 'b' }), table('orm_signaling_registry', 2, { id: '1' }));
  expect(compareTenantEnds(after, { ...spoilt, objects: { 'table public.mark': 'r' } }, made).differences).toEqual([
    expect.objectContaining({ kind: 'object-new', object: 'table public.mark' }),
    { kind: 'rows', relation: 'public.view', before: 3, after: 4 },
    expect.objectContaining({ kind: 'values', column: 'name' }),
  ]);
});

test('values in other rows are none where ids stand in them, and are some where none do', () => {
  const mixed = (from: Fingerprint): Fingerprint => ({
    ...from,
    tables: from.tables.map((each) => ({ ...each, sum: 'mixed' })),
  });
  expect(compareTenantEnds(after, mixed(after), made).differences).toEqual([]);
  expect(compareTenantEnds(after, mixed(after), []).differences).toEqual([
    expect.objectContaining({ kind: 'values', relation: 'public.view', column: undefined }),
  ]);
});
