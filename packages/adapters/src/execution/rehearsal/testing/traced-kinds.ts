/** For tests only: kinds of statement over one small schema, each with what a server must be seen to do. */

/** A schema of its own for one case, so that what is committed there harms no other. */
export function fixture(schema: string): string {
  return `
    create schema ${schema}; set search_path = ${schema};
    create table customers(id bigint primary key, email text unique, boss bigint);
    insert into customers select i, 'c' || i, nullif(i - 1, 0) from generate_series(1, 300) i;
    create table orders(id bigint primary key, name varchar(20) not null, note text, amount numeric(10,2) not null default 0, state text, customer_id bigint, day date, at timestamp, tags int[], small int, remark text);
    insert into orders select i, 'n' || i, repeat('x', 40), i, 's' || i % 4, 1 + i % 300, date '2024-01-01' + i % 90, timestamp '2024-01-01' + i * interval '1 hour', array[i], i, 'r' || i from generate_series(1, 500) i;
    create index orders_name on orders(name);
    create table lines(id bigint, order_id bigint);
    insert into lines select i, 1 + i % 500 from generate_series(1, 400) i;
    alter table lines add constraint lines_order foreign key (order_id) references orders(id) not valid;
    alter table orders add constraint positive check (amount >= 0) not valid;
    create table events(id bigint, at date) partition by range (at);
    create table events_1 partition of events for values from ('2024-01-01') to ('2024-07-01');
    create table events_2 partition of events for values from ('2024-07-01') to ('2025-01-01');
    insert into events select i, date '2024-01-01' + i % 360 from generate_series(1, 400) i;
    create table events_old(id bigint, at date);
    insert into events_old select i, date '2023-01-01' + i % 300 from generate_series(1, 350) i;
    create table scratch(x int); insert into scratch select generate_series(1, 200);
    create materialized view totals as select state, count(*) as n from orders group by state; create unique index totals_state on totals(state);
    create view open_orders as select id, note from orders where state = 's1';
    create type mood as enum ('sad', 'ok'); create sequence numbers;
    create function volatile_now() returns int language plpgsql volatile as $$ begin return 1; end $$;
    create function fill() returns trigger language plpgsql as $$ begin return new; end $$;
    analyze customers, orders, lines, events, events_1, events_2, events_old, scratch;`;
}

export const TABLES = [
  'customers',
  'orders',
  'lines',
  'events',
  'events_1',
  'events_2',
  'events_old',
  'scratch',
] as const;

/** What must be found: tables that are written again, emptied, and read while somebody waits. */
export interface Found {
  readonly rewritten?: readonly string[];
  readonly emptied?: readonly string[];
  readonly scanned?: readonly string[];
}

export type TracedKind = readonly [what: string, sql: string, found: Found];

const scan = (...scanned: string[]): Found => ({ scanned });
const rewrite = (...rewritten: string[]): Found => ({ rewritten, scanned: rewritten });
const nothing: Found = {};

export const KINDS: readonly TracedKind[] = [
  ['a new column', 'alter table orders add column a int', nothing],
  ['a column with a constant default', 'alter table orders add column a int not null default 7', nothing],
  ['a column with a volatile default', 'alter table orders add column a int default volatile_now()', rewrite('orders')],
  [
    'a column with a random default',
    'alter table orders add column a uuid default gen_random_uuid()',
    rewrite('orders'),
  ],
  ['an identity column', 'alter table orders add column a int generated always as identity', rewrite('orders')],
  ['a serial column', 'alter table orders add column a serial', rewrite('orders')],
  [
    'a stored generated column',
    'alter table orders add column a numeric generated always as (amount * 2) stored',
    rewrite('orders'),
  ],
  ['a column with a CHECK', 'alter table orders add column a int check (a > 0)', scan('orders')],
  ['a column that refers to another table', 'alter table orders add column a bigint references customers', scan()],
  ['a unique column', 'alter table orders add column a int unique', scan('orders')],
  [
    'a column for a partitioned table',
    'alter table events add column a timestamptz default clock_timestamp()',
    rewrite('events_1', 'events_2'),
  ],
  ['int to bigint', 'alter table orders alter column small type bigint', rewrite('orders')],
  ['varchar widened', 'alter table orders alter column name type varchar(40)', nothing],
  ['varchar to text', 'alter table orders alter column name type text', nothing],
  ['varchar narrowed', 'alter table orders alter column name type varchar(10)', rewrite('orders')],
  ['text to varchar', 'alter table orders alter column remark type varchar(100)', rewrite('orders')],
  ['numeric widened', 'alter table orders alter column amount type numeric(14,2)', nothing],
  ['numeric with another scale', 'alter table orders alter column amount type numeric(14,4)', rewrite('orders')],
  [
    'timestamp to timestamptz, not in UTC',
    `set local timezone = 'Europe/Berlin'; alter table orders alter column at type timestamptz`,
    rewrite('orders'),
  ],
  [
    'timestamp to timestamptz in UTC',
    `set local timezone = 'UTC'; alter table orders alter column at type timestamptz`,
    nothing,
  ],
  [
    'a type by an expression',
    'alter table orders alter column remark type int using length(remark)',
    rewrite('orders'),
  ],
  [
    'a column that an index is on',
    'alter table orders alter column name type varchar(5) using left(name, 5)',
    rewrite('orders'),
  ],
  ['SET NOT NULL', 'alter table orders alter column day set not null', scan('orders')],
  [
    'SET NOT NULL behind a valid CHECK',
    'alter table orders add constraint there check (day is not null); alter table orders alter column day set not null',
    scan('orders'),
  ],
  ['DROP NOT NULL', 'alter table orders alter column amount drop not null', nothing],
  ['SET DEFAULT', 'alter table orders alter column amount set default 1', nothing],
  ['DROP COLUMN', 'alter table orders drop column note cascade', nothing],
  ['RENAME COLUMN', 'alter table orders rename column note to memo', nothing],
  ['RENAME TABLE', 'alter table scratch rename to scratched', nothing],
  ['a CHECK', 'alter table orders add constraint many check (amount < 10000)', scan('orders')],
  ['a CHECK that isn’t valid yet', 'alter table orders add constraint many check (amount < 10000) not valid', nothing],
  ['VALIDATE of a CHECK', 'alter table orders validate constraint positive', nothing],
  [
    'a foreign key',
    'alter table orders add constraint c foreign key (customer_id) references customers',
    scan('orders', 'customers'),
  ],
  [
    'a foreign key that isn’t valid yet',
    'alter table orders add constraint c foreign key (customer_id) references customers not valid',
    nothing,
  ],
  ['VALIDATE of a foreign key', 'alter table lines validate constraint lines_order', nothing],
  ['a primary key', 'alter table lines add primary key (id)', scan('lines')],
  ['a unique constraint', 'alter table lines add constraint u unique (id)', scan('lines')],
  [
    'a unique constraint by an index',
    'create unique index by_id on lines(id); alter table lines add constraint u unique using index by_id',
    scan('lines'),
  ],
  ['an exclusion constraint', 'alter table orders add constraint e exclude using btree (id with =)', scan('orders')],
  ['DROP CONSTRAINT', 'alter table orders drop constraint positive', nothing],
  ['CREATE INDEX', 'create index i on orders(state)', scan('orders')],
  ['a unique index', 'create unique index i on orders(id, name)', scan('orders')],
  ['an index with a condition', `create index i on orders(id) where state = 's1'`, scan('orders')],
  ['an index of a partitioned table', 'create index i on events(id)', scan('events_1', 'events_2')],
  ['DROP INDEX', 'drop index orders_name', nothing],
  ['REINDEX TABLE', 'reindex table orders', scan('orders')],
  ['REINDEX INDEX', 'reindex index orders_name', scan('orders')],
  ['CLUSTER', 'cluster orders using orders_name', rewrite('orders')],
  ['SET UNLOGGED', 'alter table customers set unlogged', rewrite('customers')],
  ['SET ACCESS METHOD', 'alter table orders set access method heap', nothing],
  ['a fill factor', 'alter table orders set (fillfactor = 70)', nothing],
  ['SET STATISTICS', 'alter table orders alter column state set statistics 500', nothing],
  ['SET STORAGE', 'alter table orders alter column note set storage external', nothing],
  ['TRUNCATE', 'truncate scratch', { emptied: ['scratch'] }],
  ['TRUNCATE CASCADE', 'truncate orders cascade', { emptied: ['orders', 'lines'] }],
  ['UPDATE of everything', `update orders set state = 'x'`, nothing],
  [
    'UPDATE under a lock',
    `lock table orders in share row exclusive mode; update orders set state = 'x'`,
    scan('orders'),
  ],
  ['DELETE of everything', 'delete from scratch', nothing],
  ['DELETE under another table’s lock', 'alter table customers add column a int; delete from scratch', scan('scratch')],
  [
    'INSERT from a table, under a lock',
    'alter table scratch add column y int; insert into scratch select id from lines',
    scan('lines'),
  ],
  ['LOCK TABLE', 'lock table orders in access exclusive mode', nothing],
  ['DROP TABLE', 'drop table scratch', nothing],
  ['DROP TABLE that others refer to', 'drop table orders cascade', nothing],
  [
    'ATTACH PARTITION',
    `alter table events attach partition events_old for values from ('2023-01-01') to ('2024-01-01')`,
    scan('events_old'),
  ],
  [
    'ATTACH PARTITION behind a CHECK',
    `alter table events_old add constraint b check (at is not null and at >= '2023-01-01' and at < '2024-01-01'); alter table events attach partition events_old for values from ('2023-01-01') to ('2024-01-01')`,
    scan('events_old'),
  ],
  ['DETACH PARTITION', 'alter table events detach partition events_2', nothing],
  ['a default partition beside others', 'create table events_rest partition of events default', nothing],
  [
    'REFRESH MATERIALIZED VIEW',
    'refresh materialized view totals',
    { rewritten: ['totals'], scanned: ['orders', 'totals'] },
  ],
  [
    'REFRESH MATERIALIZED VIEW CONCURRENTLY',
    'refresh materialized view concurrently totals',
    { scanned: ['orders', 'totals'] },
  ],
  ['a materialized view', 'create materialized view m as select * from orders', nothing],
  ['CREATE TABLE AS', 'create table c as select * from orders', nothing],
  ['CREATE TRIGGER', 'create trigger t before insert on orders for each row execute function fill()', nothing],
  ['DISABLE TRIGGER', 'alter table orders disable trigger all', nothing],
  ['ENABLE ROW LEVEL SECURITY', 'alter table orders enable row level security', nothing],
  ['CREATE POLICY', 'create policy p on orders using (true)', nothing],
  ['CREATE RULE', 'create rule r as on insert to scratch do also nothing', nothing],
  ['DROP VIEW', 'drop view open_orders', nothing],
  ['CREATE OR REPLACE VIEW', 'create or replace view open_orders as select id, note, 1 as one from orders', nothing],
  ['an enum value', `alter type mood add value 'happy'`, nothing],
  [
    'a domain’s constraint',
    `create domain positive_int as int check (value > 0); alter table scratch alter column x type positive_int`,
    { scanned: ['scratch'], rewritten: ['scratch'] },
  ],
  [
    'a DO block that rewrites',
    `do $$ begin execute 'alter table ' || 'orders add column a uuid default gen_random_uuid()'; end $$`,
    rewrite('orders'),
  ],
  [
    'a function that scans under a lock',
    `create function f() returns void language plpgsql as $$ begin lock table lines in share mode; perform count(*) from lines; end $$; select f()`,
    scan('lines'),
  ],
  ['COMMENT', `comment on table orders is 'x'`, nothing],
  ['GRANT', 'grant select on orders to public', nothing],
  ['ANALYZE', 'analyze orders', nothing],
];
