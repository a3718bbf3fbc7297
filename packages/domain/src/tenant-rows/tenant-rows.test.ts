/** What is judged of a tenant's difference without a database: rules, columns, proposals, standing, approvals, words. */
import { describe, expect, test } from 'vitest';
import { type DifferenceApproval, judgeApproval } from './approved.ts';
import { misfitOfRules } from './by-rules.ts';
import type { RowsCatalogue, RowsColumn, RowsForeignKey, RowsTable } from './catalogue.ts';
import {
  reverseOf,
  reverseRow,
  rowsOf,
  standingOf,
  type TableDifference,
  type TenantDifference,
} from './difference.ts';
import { planTenantRows } from './plan.ts';
import { proposeTenantRows } from './propose.ts';
import { type TenantRowsRule, tenantValue } from './rule.ts';
import { differenceLines } from './words.ts';

const column = (name: string, more: Partial<RowsColumn> = {}): RowsColumn => ({
  ...{ name, type: 'integer', notNull: true, filled: false, generated: false, ownEquality: false, exact: true },
  ...more,
});
const table = (name: string, columns: readonly RowsColumn[], more: Partial<RowsTable> = {}): RowsTable => ({
  ...{ schema: 'public', name, kind: 'plain', columns, key: ['id'], unique: [], triggers: [], rewrites: [] },
  ...more,
});
const key = (from: string, by: string, to: string): RowsForeignKey => ({
  ...{ name: `${from}_${by}`, table: `public.${from}`, columns: [by], references: `public.${to}` },
  ...{ referencedColumns: ['id'], deferrable: false },
});

const [id, tenant] = [column('id'), column('tenant', { type: 'text', exact: false })];
const SHOP: RowsCatalogue = {
  tables: [
    table('line', [id, column('order_id'), column('amount')]),
    table('rate', [id]),
    table('orders', [id, tenant, column('total', { type: 'numeric' }), column('twice', { generated: true })]),
  ],
  foreignKeys: [key('line', 'order_id', 'orders')],
};
const RULES: readonly TenantRowsRule[] = [
  { table: 'line', rows: 'through', by: ['order_id'], of: 'orders' },
  { table: 'orders', rows: 'tenant', column: 'tenant' },
  { table: 'rate', rows: 'shared' },
];
const whys = (rules: readonly TenantRowsRule[], live = SHOP, was = SHOP): readonly string[] => {
  const planned = planTenantRows(rules, live, was);
  return planned.ok ? [] : planned.refusals.map(({ why }) => why);
};

describe('A plan', () => {
  test('has what is referred to first, whose rows are whose, and no column that is computed', () => {
    const planned = planTenantRows(RULES, SHOP, SHOP);
    expect(planned).toMatchObject({
      ok: true,
      plan: {
        shared: ['public.rate'],
        tables: [
          { table: 'public.orders', belongs: { rows: 'tenant', column: 'tenant', type: 'text' }, sums: ['total'] },
          {
            table: 'public.line',
            belongs: { rows: 'through', of: 'public.orders', ofColumns: ['id'] },
            sums: ['amount'],
          },
        ],
      },
    });
    expect(planned.ok && planned.plan.tables[0]?.columns.map(({ name }) => name)).toEqual(['id', 'tenant', 'total']);
  });

  test('is refused for each table that no rule names, with all their names', () => {
    expect(whys(RULES.slice(0, 2))).toEqual(['no rule names the table public.rate']);
    const more = { ...SHOP, tables: [...SHOP.tables, table('made', [id])] };
    expect(whys(RULES, more)).toEqual(['no rule names the table public.made']);
    expect(whys(RULES, SHOP, more)).toEqual(['no rule names the table public.made']);
  });

  test.each<[string, TenantRowsRule, RegExp]>([
    ['a table that is nowhere', { table: 'nowhere', rows: 'shared' }, /neither side has a table/],
    ['a column that is nowhere', { table: 'rate', rows: 'tenant', column: 'tenant' }, /no column tenant on both/],
    [
      'a foreign key that is none',
      { table: 'rate', rows: 'through', by: ['id'], of: 'orders' },
      /no foreign key leads/,
    ],
    [
      'a way to what is shared',
      { table: 'orders', rows: 'through', by: ['id'], of: 'rate' },
      /aren’t a tenant’s by any rule/,
    ],
  ])('is refused for %s', (_what, rule, why) => {
    const rules = [...RULES.filter((each) => each.table !== rule.table), rule].map(
      (each): TenantRowsRule =>
        each.table === 'rate' && rule.table !== 'rate' ? { table: 'rate', rows: 'shared' } : each,
    );
    expect(whys(rules).join('\n')).toMatch(why);
  });

  test('is refused for a way that leads in a circle', () => {
    const circle = { ...SHOP, foreignKeys: [...SHOP.foreignKeys, key('orders', 'total', 'line')] };
    const rules: TenantRowsRule[] = [
      RULES[0]!,
      RULES[2]!,
      { table: 'orders', rows: 'through', by: ['total'], of: 'line' },
    ];
    expect(whys(rules, circle, circle)).toEqual([
      expect.stringContaining('the way from public.line leads back'),
      expect.stringContaining('the way from public.orders leads back'),
    ]);
  });

  test('lets only columns stay out that a migration changed, and none by which rows are told apart', () => {
    const moved = {
      ...SHOP,
      tables: SHOP.tables.map((each) => (each.name === 'rate' ? table('rate', [{ ...id, type: 'bigint' }]) : each)),
    };
    const rate = (leave: string[]): TenantRowsRule[] => [
      ...RULES.slice(0, 2),
      { table: 'rate', rows: 'tenant', column: 'id', leave },
    ];
    expect(whys(rate(['id']))).toEqual(['public.rate: leave names id, which no migration changed']);
    expect(whys(rate(['id']), moved).join()).toMatch(/told apart, and whose they are, by id/);
  });
});

test('A proposal leads from tables with the tenant’s column outwards, and says what it is not sure of', () => {
  const shop = {
    ...SHOP,
    tables: [...SHOP.tables, table('note', [id, column('line_id', { notNull: false })], { key: [] })],
    foreignKeys: [...SHOP.foreignKeys, key('note', 'line_id', 'line')],
  };
  const proposed = proposeTenantRows(shop);
  expect(proposed.map(({ rule: { table: of, rows }, sure }) => [of, rows, sure])).toEqual([
    ['public.line', 'through', 'sure'],
    ['public.note', 'through', 'likely'],
    ['public.orders', 'tenant', 'sure'],
    ['public.rate', 'shared', 'guess'],
  ]);
  expect(proposed[1]?.why).toMatch(/null the row is nobody’s.*no primary key, which is refused/);
  expect(
    planTenantRows(
      proposed.filter(({ rule }) => rule.table !== 'public.note').map(({ rule }) => rule),
      SHOP,
      SHOP,
    ).ok,
  ).toBe(true);
  expect(proposeTenantRows(SHOP, 'nothing').every(({ rule }) => rule.rows === 'shared')).toBe(true);
});

test('the table that tenant columns refer to has a row that is the tenant’s own', () => {
  const tenants = table('tenants', [column('name', { type: 'text', exact: false })], { key: ['name'] });
  const refers = { ...key('orders', 'tenant', 'tenants'), referencedColumns: ['name'] };
  const shop = { tables: [...SHOP.tables, tenants], foreignKeys: [...SHOP.foreignKeys, refers] };
  expect(proposeTenantRows(shop).find(({ rule }) => rule.table === 'public.tenants')).toMatchObject({
    rule: { rows: 'tenant', column: 'name' },
    sure: 'likely',
  });
});

const planned = planTenantRows(RULES, SHOP, SHOP);
const tables: readonly TableDifference[] = (planned.ok ? planned.plan.tables : []).map((each, i) => ({
  ...each,
  ...{ back: 2, away: 1, changed: i, changes: i === 0 ? [] : [{ column: 'amount', rows: 1 }] },
  ...{ live: { rows: 10, sum: `1${i}` }, was: { rows: 11, sum: `2${i}` } },
  added: each.sums.map((name) => ({ column: name, live: '5', was: '7.50' })),
}));
const side = { database: '1/2', schemaVersion: 3, lsn: '0/1', snapshot: '1:1:', at: 0 };
const difference: TenantDifference = {
  ...{ environment: 'production', cell: 'shared', store: 'main', tenant: 'ada', value: 'ada', moment: 'yesterday' },
  rules: { name: 'psa', digest: 'sha256:1' },
  ...{ live: side, was: { ...side, schemaVersion: 2 }, schema: 'sha256:2', tables, shared: ['public.rate'] },
  ...{ by: 'usr_ann', madeAt: 5, undoes: null, body: { sha256: '', bytes: 0, lines: 7 } },
};

describe('A difference', () => {
  test('stands as it was seen, as it is wanted, or otherwise, with the tables', () => {
    const [live, was] = [tables.map((each) => each.live), tables.map((each) => each.was)];
    expect(standingOf(difference, live)).toEqual({ as: 'seen' });
    expect(standingOf(difference, was)).toEqual({ as: 'wanted' });
    expect(standingOf(difference, [live[0]!, was[1]!])).toEqual({ as: 'otherwise', tables: ['public.line'] });
    expect(standingOf(difference, [])).toMatchObject({ as: 'otherwise' });
  });

  test('reversed twice is itself, but for what it takes back', () => {
    const more = { by: difference.by, madeAt: difference.madeAt };
    const once = reverseOf(difference, 'sha256:3', more);
    expect(once).toMatchObject({ undoes: 'sha256:3', tables: [{ back: 1, away: 2, live: { rows: 11 } }, {}] });
    const { undoes: _, moment: __, ...twice } = reverseOf(once, 'sha256:4', more);
    expect(difference).toMatchObject(twice);
    const row = { table: 0, kind: 'back', was: ['1'] } as const;
    expect(reverseRow(row)).toEqual({ table: 0, kind: 'away', live: ['1'] });
    expect(reverseRow(reverseRow(row))).toEqual(row);
    expect(rowsOf(difference)).toBe(7);
  });

  test('is told in numbers and examples, a value no longer than is read and on one line', () => {
    const long = `two\nlines ${'x'.repeat(100)}`;
    const lines = differenceLines(difference, 'sha256:9', [{ table: 0, kind: 'away', live: ['4', long, null] }]).join(
      '\n',
    );
    expect(lines).toContain('ada of the store main, cell shared (production): back to yesterday.');
    expect(lines).toContain('The schema is at version 3, and was at 2');
    expect(lines).toContain('public.orders: 10 → 11 rows');
    expect(lines).not.toContain('more');
    const two = { ...difference, tables: tables.map((each) => ({ ...each, away: 3 })) };
    const shown = differenceLines(two, 'sha256:9', [{ table: 0, kind: 'away', live: ['4', long, null] }]).join('\n');
    expect(shown).toContain('and 2 more');
    expect(lines).toMatch(/id 4, tenant "two\\nlines x{30}…", total null/);
    expect(lines).toContain('made        by usr_ann, 1970-01-01T00:00:00.005Z');
    expect(lines).toContain('sum of total: 5 → 7.50');
    expect(lines).toContain('7 rows in 2 tables: 2 written since would be lost, 4 come back, 1 change.');
  });
});

describe('What a difference says of whose rows change', () => {
  const text = (more: Partial<TenantDifference> = {}) =>
    differenceLines({ ...difference, ...more }, 'sha256:9').join('\n');

  test('is said of every table, shared ones by their names', () => {
    expect(text()).toContain(`Its rows are those in whose tenant columns its name stands.`);
    expect(text()).toContain('of public.orders where tenant is "ada"');
    expect(text()).toContain('of public.line where order_id leads to a row of public.orders that is');
    expect(text()).toContain('Shared, neither read nor changed: public.rate.');
  });

  test('is said first and as a caution where what stands for the tenant isn’t its name', () => {
    const value = 'b'.repeat(90);
    const lines = text({ value }).split('\n');
    expect(lines[1]).toMatch(new RegExp(`^CAUTION: .*"${value}" stands, which isn’t its name, by the rules psa`));
    expect(lines.join('\n')).toContain(`of public.orders where tenant is "${value}"`);
  });

  const spec = { rules: RULES, digest: 'sha256:1' } as const;
  const [orders, line] = tables as [TableDifference, TableDifference];
  test.each<[string, Partial<TenantDifference>, RegExp | undefined]>([
    ['as they are', {}, undefined],
    [
      'of another digest',
      { rules: { name: 'psa', digest: 'sha256:7' } },
      /by the rules sha256:7, and these are sha256:1/,
    ],
    ['with another value', { value: 'bob' }, /"bob" stands for ada in it, and ada by the rules/],
    ['with a table left out', { tables: [orders] }, /rows of public\.line are/],
    ['with a tenant’s table as shared', { shared: ['public.rate', 'public.line'] }, /rows of public\.line are/],
    [
      'with another column',
      { tables: [{ ...orders, belongs: { rows: 'tenant', column: 'total', type: 'numeric' } }, line] },
      /rows of public\.orders are/,
    ],
    [
      'with another way',
      { tables: [orders, { ...line, belongs: { ...line.belongs, by: ['amount'] } as typeof line.belongs }] },
      /rows of public\.line are/,
    ],
  ])('is held against rules: %s', (_what, more, why) => {
    const misfit = misfitOfRules({ ...difference, ...more }, spec);
    if (why === undefined) expect(misfit).toBeUndefined();
    else expect(misfit).toMatch(why);
  });
});

describe('An approval', () => {
  const good: DifferenceApproval = {
    by: 'usr_eve',
    difference: 'sha256:9',
    at: 1_000,
    notAfter: 2_000,
    digest: 'sha256:8',
  };
  const judged = (more: Partial<DifferenceApproval>, now = 1_500) => {
    const answer = judgeApproval(difference, 'sha256:9', [{ ...good, ...more }], 'usr_run', now);
    return answer.ok ? 'counts' : answer.refusal.why;
  };
  test('counts for its own digest, in its time, by somebody who neither made nor applies it', () => {
    expect(judged({})).toBe('counts');
    expect(judged({ difference: 'sha256:7' })).toMatch(/of another difference/);
    expect(judged({ by: 'usr_run' })).toMatch(/of who applies it/);
    expect(judged({ by: 'usr_ann' })).toMatch(/of who made it/);
    expect(judged({}, 2_000)).toMatch(/ended at/);
    expect(judged({ at: 500_000, notAfter: 900_000 })).toMatch(/dated ahead/);
    expect(judgeApproval(difference, 'sha256:9', [], 'usr_run', 0)).toMatchObject({
      refusal: { code: 'approval-missing' },
    });
  });
});

test('What stands for a tenant is its name, unless the rules say otherwise', () => {
  expect(tenantValue({ values: { ada: '17' } }, 'ada')).toBe('17');
  expect(tenantValue({ values: { ada: '17' } }, 'toString')).toBe('toString');
  expect(tenantValue({}, 'ada')).toBe('ada');
});
