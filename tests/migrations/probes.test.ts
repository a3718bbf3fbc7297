/** The kinds of statement that a linter was seen to be silent about, those that it knows, and those that it needlessly warns about. */
import { analyse, type Catalogue, type Column, loadParser, type Relation, type Rule } from '@headgate/migrations';
import { beforeAll, describe, expect, test } from 'vitest';

beforeAll(loadParser);

const column = (name: string, type: string, more: Partial<Column> = {}): Column => ({
  name,
  type,
  nullable: true,
  ...more,
});
const relation = (name: string, more: Partial<Relation>): Relation => ({
  ...{ schema: 'public', name, kind: 'table', rows: 200e6, bytes: 40e9, indexBytes: 10e9 },
  ...{ columns: [], constraints: [], indexes: [], triggers: [], parents: [] },
  ...more,
});
const key = { name: 'orders_pkey', columns: ['id'], reads: ['id'], unique: true, computed: false, valid: true };
const catalogue: Catalogue = {
  ...{ server: 15, timeZone: 'Europe/Berlin', searchPath: ['public'], binaryCasts: [] },
  relations: [
    relation('orders', {
      columns: [
        column('id', 'bigint', { nullable: false }),
        column('name', 'character varying(20)'),
        column('note', 'text'),
        column('amount', 'numeric(10,2)', { nullable: false, default: '0' }),
        column('state', 'order_state'),
        column('label', 'label'),
        column('customer_id', 'bigint'),
      ],
      constraints: [
        { name: 'orders_pkey', kind: 'primary', columns: ['id'], validated: true },
        { name: 'positive', kind: 'check', columns: ['amount'], validated: true, expression: 'amount >= 0' },
      ],
      indexes: [key],
      rowSecurity: true,
    }),
    relation('customers', {
      columns: [column('id', 'bigint')],
      constraints: [{ name: 'c_pkey', kind: 'primary', columns: ['id'], validated: true }],
    }),
    relation('open_orders', {
      kind: 'view',
      rows: null,
      bytes: null,
      columns: [column('id', 'bigint'), column('note', 'text')],
      uses: [{ relation: 'public.orders', columns: ['id', 'note'] }],
    }),
    relation('totals', { kind: 'materialized-view', columns: [column('id', 'bigint')] }),
    relation('events', { kind: 'partitioned', columns: [column('id', 'bigint'), column('at', 'timestamptz')] }),
    relation('events_2024', { columns: [column('id', 'bigint'), column('at', 'timestamptz')] }),
    relation('hr_people', { schema: 'hr', name: 'people', columns: [column('id', 'bigint')] }),
  ],
  types: [
    { schema: 'public', name: 'order_state', kind: 'enum' },
    { schema: 'public', name: 'label', kind: 'domain', base: 'character varying(30)' },
  ],
  routines: [
    {
      schema: 'public',
      name: 'check_order',
      arguments: 0,
      volatility: 'volatile',
      language: 'plpgsql',
      source: `create function check_order() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$`,
    },
  ],
};

function said(sql: string): readonly Rule[] {
  return analyse([{ name: 'm.sql', text: sql }], { catalogue, lockTimeout: true })
    .findings.filter(({ level }) => level !== 'note')
    .map(({ rule }) => rule);
}

describe('kinds that a linter is silent about are told', () => {
  test.each<[string, string, Rule]>([
    ['SET UNLOGGED', 'alter table orders set unlogged', 'rewrite-under-lock'],
    ['TRUNCATE', 'truncate orders', 'destroys-data'],
    ['UPDATE of a whole table', `update orders set note = 'x'`, 'whole-table-write'],
    ['DELETE of a whole table', 'delete from orders', 'whole-table-write'],
    [
      'a DO block that adds a column with a volatile default',
      'do $$ begin alter table orders add column seen timestamptz default clock_timestamp(); end $$',
      'rewrite-under-lock',
    ],
    [
      'a DO block that drops a table by dynamic SQL',
      `do $$ declare t text := 'orders'; begin execute 'drop table ' || quote_ident(t); end $$`,
      'not-known',
    ],
    [
      'a DO block that drops a table by SQL of constants',
      `do $$ begin execute format('drop table %I cascade', 'orders'); end $$`,
      'destroys-data',
    ],
    [
      'CREATE TRIGGER',
      'create trigger t before insert on orders for each row execute function check_order()',
      'may-break-running-code',
    ],
    ['DROP VIEW', 'drop view open_orders', 'breaks-running-code'],
    ['DROP FUNCTION', 'drop function check_order()', 'breaks-running-code'],
    ['DROP TYPE', 'drop type order_state cascade', 'destroys-data'],
    ['DROP SCHEMA … CASCADE', 'drop schema hr cascade', 'destroys-data'],
    ['renaming an enum value', `alter type order_state rename value 'open' to 'new'`, 'breaks-running-code'],
    ['SET SCHEMA', 'alter table orders set schema hr', 'breaks-running-code'],
    ['DROP CONSTRAINT', 'alter table orders drop constraint positive', 'may-break-running-code'],
    ['DROP DEFAULT', 'alter table orders alter column amount drop default', 'breaks-running-code'],
    [
      'a CHECK NOT VALID that running code violates',
      'alter table orders add constraint c check (amount > 5) not valid',
      'may-break-running-code',
    ],
    ['REVOKE', 'revoke insert on orders from app', 'breaks-running-code'],
    [
      'CREATE OR REPLACE VIEW that loses a column',
      'create or replace view open_orders as select id from orders',
      'breaks-running-code',
    ],
    ['a json column', 'alter table orders add column extra json', 'may-break-running-code'],
    [
      'ATTACH PARTITION',
      `alter table events attach partition events_2024 for values from ('2024-01-01') to ('2025-01-01')`,
      'scan-under-lock',
    ],
    ['LOCK TABLE', 'lock table orders in exclusive mode', 'explicit-lock'],
    ['REFRESH MATERIALIZED VIEW', 'refresh materialized view totals', 'rewrite-under-lock'],
    ['DISABLE ROW LEVEL SECURITY', 'alter table orders disable row level security', 'exposes-rows'],
  ])('%s', (_what, sql, rule) => {
    expect(said(sql)).toContain(rule);
  });
});

describe('kinds that a linter knows are told, too', () => {
  test.each<[string, string, Rule]>([
    ['a volatile default', 'alter table orders add column token uuid default gen_random_uuid()', 'rewrite-under-lock'],
    ['SET NOT NULL', 'alter table orders alter column note set not null', 'scan-under-lock'],
    ['another type', 'alter table orders alter column customer_id type text', 'rewrite-under-lock'],
    [
      'a domain’s column as the same type with a wider limit',
      'alter table orders alter column label type varchar(40) using label::varchar(40)',
      'rewrite-under-lock',
    ],
    ['CREATE INDEX', 'create index on orders(note)', 'index-build-under-lock'],
    ['a foreign key', 'alter table orders add foreign key (customer_id) references customers(id)', 'scan-under-lock'],
    ['a CHECK', 'alter table orders add check (amount < 1e9)', 'scan-under-lock'],
    ['UNIQUE', 'alter table orders add unique (name)', 'index-build-under-lock'],
    ['DROP COLUMN', 'alter table orders drop column name', 'destroys-data'],
    ['DROP TABLE', 'drop table customers', 'destroys-data'],
    ['a renamed column', 'alter table orders rename column name to title', 'breaks-running-code'],
  ])('%s', (_what, sql, rule) => {
    expect(said(sql)).toContain(rule);
  });
});

describe('what harms nobody is not told', () => {
  test.each([
    ['a wider varchar', 'alter table orders alter column name type varchar(40)'],
    ['a domain’s column without a limit', 'alter table orders alter column label type varchar using label::varchar'],
    ['varchar to text', 'alter table orders alter column name type text'],
    [
      'a wider numeric, without a CHECK on it',
      'alter table orders drop constraint positive; alter table orders alter column amount type numeric(12,2)',
    ],
    [
      'an index of a table made in the same file',
      'create table lines(id bigint primary key, note text); create index on lines(note)',
    ],
    ['a column with a fixed default', `alter table orders add column region text not null default 'eu'`],
  ])('%s', (_what, sql) => {
    expect(said(sql).filter((rule) => rule !== 'may-break-running-code')).toEqual([]);
  });

  test('and a numeric that a CHECK looks at is read again, as the server does', () => {
    expect(said('alter table orders alter column amount type numeric(12,2)')).toContain('scan-under-lock');
  });
});
