import { describe, expect, test } from 'vitest';
import type { MaskCatalogue, MaskColumn, MaskTable } from './catalogue.ts';
import { type CopyFacts, copyMayBeAttached } from './copy.ts';
import { judgeLeaks, leakSearches, unexpected } from './leaks.ts';
import { MASKERS } from './maskers.ts';
import { planMasking } from './plan.ts';
import { type ColumnSample, proposeRules } from './propose.ts';
import type { MaskingRule } from './rule.ts';

const column = (name: string, base = 'text', more: Partial<MaskColumn> = {}): MaskColumn => ({
  name,
  base,
  type: base,
  array: false,
  length: null,
  generated: false,
  ...more,
});

const table = (name: string, columns: readonly MaskColumn[], more: Partial<MaskTable> = {}): MaskTable => ({
  schema: 'public',
  name,
  columns,
  rows: 10,
  bytes: 8_192,
  partitioned: false,
  partitionOf: null,
  partitionKey: [],
  inherits: false,
  primaryKey: ['id'],
  unique: [{ name: `${name}_pkey`, columns: ['id'] }],
  rebuildable: [],
  triggers: [],
  rules: [],
  ...more,
});

const customer = table(
  'customer',
  [
    column('id', 'int8'),
    column('email'),
    column('name', 'varchar', { length: 10, type: 'character varying(10)' }),
    column('born', 'date'),
    column('total', 'numeric'),
    column('search', 'text', { generated: true }),
  ],
  {
    unique: [
      { name: 'customer_pkey', columns: ['id'] },
      { name: 'customer_email', columns: ['email'] },
    ],
  },
);
const login = table('login', [column('id', 'int8'), column('email')]);
const catalogue = (more: Partial<MaskCatalogue> = {}): MaskCatalogue => ({
  tables: [customer, login],
  foreignKeys: [
    {
      name: 'login_email',
      table: 'public.login',
      columns: ['email'],
      references: 'public.customer',
      referencedColumns: ['email'],
      definition: 'FOREIGN KEY (email) REFERENCES public.customer(email)',
    },
  ],
  materializedViews: [{ schema: 'public', name: 'by_city', columns: [] }],
  foreignTables: [],
  mayTurnTriggersOff: true,
  ...more,
});

const email = (of: string): MaskingRule => ({ table: of, column: 'email', mask: 'email', domain: 'example.org' });
const both = [email('customer'), email('public.login')];

describe('rules that can’t hold are refused with their place', () => {
  const with_ = (more: Partial<MaskTable>): MaskCatalogue => catalogue({ tables: [{ ...customer, ...more }, login] });
  const name: MaskingRule = { table: 'customer', column: 'total', mask: 'amount', percent: 5, decimals: 2 };
  test.each<[string, readonly MaskingRule[], MaskCatalogue, string, string]>([
    ['an unknown table', [{ ...name, table: 'custmer' }], catalogue(), 'no-table', 'table'],
    ['an unknown column', [{ ...name, column: 'totl' }], catalogue(), 'no-column', 'column'],
    ['a type that doesn’t fit', [{ ...name, column: 'born' }], catalogue(), 'mask-type', 'mask'],
    ['a computed column', [{ ...email('customer'), column: 'search' }], catalogue(), 'mask-generated', 'column'],
    ['two rules for one column', [name, { ...name, table: 'public.customer' }], catalogue(), 'mask-twice', 'column'],
    [
      'a result that is too long',
      [{ table: 'customer', column: 'name', mask: 'person-name', part: 'full' }],
      catalogue(),
      'mask-too-long',
      'mask',
    ],
    [
      'a unique column and a masker that joins values',
      [
        { table: 'customer', column: 'email', mask: 'address' },
        { table: 'login', column: 'email', mask: 'address' },
      ],
      catalogue(),
      'mask-unique',
      'mask',
    ],
    ['a key without what refers to it', [email('customer')], catalogue(), 'mask-one-side', 'column'],
    ['what refers to a key without it', [email('login')], catalogue(), 'mask-one-side', 'column'],
    [
      'two sides masked in two ways',
      [email('customer'), { table: 'login', column: 'email', mask: 'code', keep: 0 }],
      catalogue(),
      'mask-two-ways',
      'mask',
    ],
    ['a partition', [name], with_({ partitionOf: 'public.all' }), 'mask-partition', 'table'],
    [
      'a partition’s key',
      [name],
      with_({ partitioned: true, partitionKey: ['total'] }),
      'mask-partition-key',
      'column',
    ],
    ['inheritance', [name], with_({ inherits: true }), 'mask-inherits', 'table'],
    ['a rewrite rule', [name], with_({ rules: ['keep'] }), 'mask-rewrite-rule', 'table'],
    [
      'a trigger that always fires',
      [name],
      with_({ triggers: [{ name: 'a', enabled: 'A' }] }),
      'mask-trigger',
      'table',
    ],
    [
      'a trigger without the right to turn it off',
      [name],
      { ...with_({ triggers: [{ name: 'a', enabled: 'O' }] }), mayTurnTriggersOff: false },
      'mask-trigger',
      'table',
    ],
    [
      'days of nobody',
      [{ table: 'customer', column: 'born', mask: 'date', by: 'person', days: 3 }],
      catalogue(),
      'no-column',
      'by',
    ],
    [
      'totals by an unknown column',
      [{ ...name, keepTotalBy: ['region'] } as MaskingRule],
      catalogue(),
      'no-column',
      'keepTotalBy',
    ],
    [
      'totals without a primary key',
      [{ ...name, keepTotalBy: [] } as MaskingRule],
      with_({ primaryKey: [] }),
      'mask-no-key',
      'keepTotalBy',
    ],
  ])('%s', (_, rules, known, code, field) => {
    const planned = planMasking(rules, known);
    const found = planned.ok ? [] : planned.refusals;
    expect(found.map((each) => each.code)).toContain(code);
    const refusal = found.find((each) => each.code === code)!;
    expect(refusal.where).toBe(`spec.rules[${refusal.rule}].${field}`);
    expect(refusal.why.length * refusal.unblock.length).toBeGreaterThan(0);
  });

  test('a trigger that may be turned off, and one that is off, are no reason', () => {
    const known = with_({
      triggers: [
        { name: 'a', enabled: 'O' },
        { name: 'b', enabled: 'D' },
      ],
    });
    expect(planMasking([name], known).ok).toBe(true);
  });
});

describe('a plan', () => {
  test('names each table once, the largest first, and every key in the way', () => {
    const known = catalogue({ tables: [customer, { ...login, bytes: 1_000_000 }] });
    const planned = planMasking(both, known);
    if (!planned.ok) throw new Error(planned.refusals[0]?.why);
    const { tables, foreignKeys, refresh } = planned.plan;
    expect(tables.map((each) => each.table)).toEqual(['public.login', 'public.customer']);
    expect(foreignKeys).toEqual([
      {
        name: 'public.login.login_email',
        drop: 'alter table "public"."login" drop constraint if exists "login_email"',
        add: 'alter table "public"."login" add constraint "login_email" FOREIGN KEY (email) REFERENCES public.customer(email)',
      },
    ]);
    expect(refresh).toEqual(['refresh materialized view "public"."by_city"', 'analyze "public"."by_city"']);
    // Both sides by one function, so by one key.
    expect(tables.map((each) => each.batch.keys)).toEqual([['email'], ['email']]);
    expect(tables[1]?.fill).not.toContain('search');
  });

  test('of a rule for all schemas masks the table in each, and a column missing in one is told', () => {
    const tenants = ['t1', 't2'].map((schema) => ({ ...login, schema }));
    const known = catalogue({ tables: tenants, foreignKeys: [] });
    const planned = planMasking([email('*.login')], known);
    expect(planned.ok && planned.plan.tables.map((each) => each.table)).toEqual(['t1.login', 't2.login']);
    const less = catalogue({ tables: [...tenants, { ...login, schema: 't3', columns: [] }], foreignKeys: [] });
    expect(planMasking([email('*.login')], less)).toMatchObject({ refusals: [{ code: 'no-column' }] });
    expect(planMasking([email('*.logins')], known)).toMatchObject({ refusals: [{ code: 'no-table' }] });
    expect(planMasking([email('*.login'), email('t1.login')], known)).toMatchObject({
      refusals: [{ code: 'mask-twice' }],
    });
  });

  test('quotes every name that a database can have', () => {
    const odd = 'a"; drop table x; --';
    const known = catalogue({ tables: [table(odd, [column(odd)])], foreignKeys: [] });
    const planned = planMasking([{ table: `public.${odd}`, column: odd, mask: 'text', with: "it's \\ 'x'" }], known);
    const sql = planned.ok ? planned.plan.tables[0]!.batch.sql : '';
    expect(sql).toContain('"a""; drop table x; --"');
    expect(sql).toContain("E'it''s \\\\ ''x'''");
    expect(sql.replaceAll('"a""; drop table x; --"', '')).not.toContain('drop');
    expect(leakSearches(known)[0]?.sql).toContain('"a""; drop table x; --"');
  });
});

describe('a copy', () => {
  const whole: CopyFacts = { name: 'copy', of: 'p7', maskedBy: `sha256:${'a'.repeat(64)}`, leaks: 0 };
  test.each<[Partial<CopyFacts>, string]>([
    [{ of: undefined }, 'copy-unmarked'],
    [{ maskedBy: undefined }, 'copy-unmasked'],
    [{ leaks: undefined }, 'copy-unscanned'],
    [{ leaks: 1 }, 'copy-leaks'],
  ])('with %o may not be attached where masked ones are asked for', (less, code) => {
    const facts = { ...whole, ...less } as CopyFacts;
    expect(copyMayBeAttached(facts, { maskedCopies: 'required' })).toMatchObject({ ok: false, refusal: { code } });
    expect(copyMayBeAttached(facts, { maskedCopies: 'not-required' })).toEqual({ ok: true });
  });

  test('that is masked and free of originals may; by rules that the policy names, where it names some', () => {
    expect(copyMayBeAttached(whole, { maskedCopies: 'required' })).toEqual({ ok: true });
    const others = { maskedCopies: 'required', rules: [`sha256:${'b'.repeat(64)}`] } as const;
    expect(copyMayBeAttached(whole, others)).toMatchObject({ refusal: { code: 'copy-other-rules' } });
  });

  test('has leaks but where the rules expect them', () => {
    const found = [
      { table: 'public.a', column: 'x', rows: 3 },
      { table: 'public.a', column: 'y', rows: 1 },
    ];
    const judged = judgeLeaks(found, [{ table: 'a', column: 'x', because: 'colours' }]);
    expect(unexpected(judged)).toEqual([found[1]]);
    const kept = [{ table: 'public.a', column: 'x (statistics)', rows: 1 }];
    expect(unexpected(judgeLeaks(kept, [{ table: 'a', column: 'x', because: 'colours' }]))).toEqual([]);
    const everywhere = judgeLeaks(found, [{ table: '*.a', column: 'y', because: 'colours' }]);
    expect(unexpected(everywhere)).toEqual([found[0]]);
  });
});

describe('the scanner', () => {
  const sample = (name: string, more: Partial<ColumnSample> = {}): ColumnSample => ({
    table: 'public.t',
    column: name,
    base: 'text',
    array: false,
    length: null,
    unique: false,
    person: 'id',
    values: 100,
    email: 0,
    phone: 0,
    iban: 0,
    ip: 0,
    name: 0,
    prose: 0,
    fields: [],
    ...more,
  });
  test.each<[ColumnSample, string | undefined, string | undefined]>([
    [sample('email', { email: 98 }), 'email', 'sure'],
    [sample('x1', { email: 98 }), 'email', 'sure'],
    [sample('x1', { iban: 100 }), 'iban', 'sure'],
    [sample('email'), 'email', 'likely'],
    [sample('last_name', { values: 0 }), 'person-name', 'likely'],
    [sample('title', { name: 90 }), 'person-name', 'guess'],
    [sample('birth_date', { base: 'date' }), 'date', 'likely'],
    [sample('born', { base: 'date' }), 'date', 'likely'],
    [sample('birth_date', { base: 'date', person: undefined }), undefined, undefined],
    [sample('street', { unique: true }), 'code', 'likely'],
    [sample('email', { email: 99, length: 20 }), 'code', 'sure'],
    [sample('data', { base: 'jsonb', fields: [{ field: 'mail', as: 'email' }] }), 'json', 'likely'],
    [sample('others', { array: true, email: 98 }), 'email', 'sure'],
    [sample('birth_dates', { base: 'date', array: true }), undefined, undefined],
    [sample('salaries', { base: 'numeric', array: true }), undefined, undefined],
    [sample('status'), undefined, undefined],
    [sample('email_count', { base: 'int4' }), undefined, undefined],
  ])('%o', (given, mask, sure) => {
    const [found] = proposeRules([given]);
    expect([found?.mask.mask, found?.sure]).toEqual([mask, sure]);
    if (found !== undefined) expect(MASKERS[found.mask.mask].types.has(given.base)).toBe(true);
  });
});
