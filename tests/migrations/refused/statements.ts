/** Statements of which a server says whether it refuses them, and the tables that they are tried on. */
export const THERE = `
  create type status as enum ('new','old');
  create type addr as (street text, nr int);
  create table customer(id bigint primary key, email text constraint customer_email_key unique);
  create table invoice(id bigint primary key, customer_id bigint constraint inv_c references customer(id), state status not null default 'new', note varchar(100), amount numeric constraint amt check (amount>=0));
  create table nokey(a int, b int not null);
  create table full_id(a int); alter table full_id replica identity full;
  create table byidx(a int not null, b int); create unique index byidx_a on byidx(a); alter table byidx replica identity using index byidx_a;
  insert into customer values (1,'a'); insert into invoice values (1,1,'new','x',1); insert into nokey values (1,1); insert into full_id values(1); insert into byidx values(1,1);
  create table ledger(id bigint, at int not null) partition by range(at);
  create table ledger_1 partition of ledger for values from (0) to (10);
  create table ledger_def partition of ledger default;
  create table small(id bigint, at int not null);
  create table part(id int, at int) partition by list(at);
  create table loose_2027(id bigint, at int);
  create table parent(id int, at int);
  create table inh_ok(id int, at int);
  create table inh_lack(id int);
  create view v as select id from invoice;
  create materialized view mv as select id from invoice; create unique index on mv(id);
  create function nothing() returns trigger language plpgsql as $$ begin return null; end $$;
  create function good() returns trigger language plpgsql as $$ begin return new; end $$;
  create trigger trg before insert on customer for each row execute function good();
  create rule r1 as on delete to nokey do also notify x;
  create sequence sq;
  create function gives_old() returns trigger language plpgsql as $$ begin return old; end $$;
  create function sometimes() returns trigger language plpgsql as $$ begin if new.id < 0 then return null; end if; return new; end $$;
  create function never() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
  create trigger asleep before insert on customer for each row execute function nothing(); alter table customer disable trigger asleep;`;

/** Values that are added to an enum, and used. */
export const ENUMS = [
  `alter type status add value 'r1'; update invoice set state='r1'`,
  `alter type status add value 'r1'; insert into invoice(id,state) values (9,'r1')`,
  `alter type status add value 'r1'; alter table invoice alter state set default 'r1'`,
  `alter type status add value 'r1'; create table z(s status default 'r1')`,
  `alter type status add value 'r1'; alter table invoice add column s2 status default 'r1'`,
  `alter type status add value 'r1'; alter table invoice add check (state <> 'r1')`,
  `alter type status add value 'r1'; create index on invoice(id) where state = 'r1'`,
  `alter type status add value 'r1'; create view v2 as select * from invoice where state='r1'`,
  `alter type status add value 'r1'; select 'r1'::status`,
  `alter type status add value 'r1'; select * from invoice where state='r1'`,
  `alter type status add value 'r1'; delete from invoice where state in ('r1','old')`,
  `alter type status add value 'r1'; select cast('r1' as text)`,
  `alter type status add value 'r1'; update invoice set note='r1'`,
  `alter type status add value 'r1'; create function ff() returns status language sql as $$ select 'r1'::status $$`,
  `alter type status add value 'r1'; do $$ begin update invoice set state='r1'; end $$`,
  `alter type status add value 'r1'; do $$ begin if false then update invoice set state='r1'; end if; end $$`,
  `alter type status add value 'r1'; insert into invoice(id,state) select 9, 'r1'`,
  `alter type status add value if not exists 'new'; update invoice set state='new'`,
  `alter type status add value if not exists 'r1'; update invoice set state='r1'`,
  `create type s2 as enum ('a'); alter type s2 add value 'r1'; create table z(s s2); insert into z values ('r1')`,
  `create type s2 as enum ('a'); alter type s2 add value 'r1'; select 'r1'::s2`,
  `alter type status rename value 'old' to 'r1'; update invoice set state='r1'`,
  `alter type status add value 'r1'; alter type status rename value 'r1' to 'r2'; update invoice set state='r2'`,
  `alter type status add value 'r1'; alter table invoice alter state type text; update invoice set state='r1'`,
  `alter type status add value 'r1'; alter table customer alter email type status using 'r1'`,
  `alter type status add value 'r1'; update invoice set state='r1' where false`,
  `alter type status add value 'r1'; update invoice set state=case when id=5 then 'r1' else state end`,
  `alter type status add value 'r1'; create policy p on invoice using (state='r1')`,
  `alter type status add value 'r1'; create table z(s status) partition by list(s); create table z1 partition of z for values in ('r1')`,
  `alter type status add value 'r1'; select array['r1']::status[]`,
  `alter type status add value 'r1'; select '{r1}'::status[]`,
  `alter type status add value 'r1'; comment on table invoice is 'r1'`,
  `alter type status add value 'r1'; create domain d as status default 'r1'`,
  `alter type status add value 'r1'; create domain d as status check (value <> 'r1')`,
  `alter type status add value 'r1'; savepoint s; rollback to s; update invoice set state='r1'`,
  `savepoint s; alter type status add value 'r1'; release savepoint s; update invoice set state='r1'`,
  `alter type status add value 'r1'; prepare p as update invoice set state='r1'`,
  `alter type status add value 'r1'; explain update invoice set state='r1'`,
  `alter type status add value 'r1'; insert into invoice values (9,1,'r1')`,
  `alter type status add value 'r1'; insert into customer values (9,'r1')`,
  `alter type status add value 'r1'; create trigger t3 before update on invoice for each row when (new.state='r1') execute function good()`,
  `alter type status add value 'r1'; create rule rr as on insert to invoice where new.state='r1' do also notify x`,
  `alter type status add value 'r1'; merge into invoice i using customer c on c.id=i.id when matched then update set state='r1'`,
  `alter type status add value 'r1'; select state::text='r1' from invoice`,
  `do $$ begin alter type status add value 'r1'; update invoice set state='r1'; end $$`,
  `alter type status add value 'r1'; update invoice set state=coalesce(state,'r1')`,
  `alter type status add value 'r1'; update invoice set note='r1' where state='new'`,
  `alter type status add value 'r1'; create type other as enum ('r1'); select 'r1'::other`,
  `alter type status add value 'r1'; with x as (update invoice set state='r1' returning id) select * from x`,
  `alter type status add value 'r1'; insert into invoice(id) values (9) on conflict (id) do update set state='r1'`,
  `create domain mine as status; alter type status add value 'r1'; select 'r1'::mine`,
  `alter type status add value 'new'`,
  `alter type status add value if not exists 'new'`,
  `alter type status add value 'x' before 'nowhere'`,
  `alter type status rename value 'nowhere' to 'x'`,
  `alter type status rename value 'old' to 'new'`,
];

/** Names that aren't there, or are already. */
export const NAMES = [
  'alter table customer alter constraint customer_email_key deferrable',
  'alter table customer alter constraint nope deferrable',
  'alter table invoice alter constraint inv_c deferrable initially deferred',
  'alter table invoice alter constraint amt deferrable',
  'alter table invoice enable replica trigger nope',
  'alter table invoice enable trigger nope',
  'alter table invoice disable trigger nope',
  'alter table customer enable trigger trg',
  'alter table customer enable always trigger trg',
  'alter table invoice disable trigger user',
  'alter table invoice enable rule nope',
  'alter table invoice disable rule nope',
  'alter table nokey disable rule r1',
  'create rule r2 as on delete to nokey do also notify x; alter table nokey disable rule r2',
  'drop trigger nope on invoice',
  'drop trigger if exists nope on invoice',
  'drop trigger trg on customer',
  'drop rule nope on invoice',
  'drop rule if exists nope on invoice',
  'drop rule r1 on nokey',
  'drop rule r1 on nokey; drop rule r1 on nokey',
  'drop policy nope on invoice',
  'drop policy if exists nope on invoice',
  'create policy p on invoice; drop policy p on invoice',
  'create policy p on invoice; create policy p on invoice',
  'alter policy nope on invoice using (true)',
  'create policy p on invoice; alter policy p on invoice using (true)',
  'alter trigger nope on invoice rename to x',
  'alter trigger trg on customer rename to x; drop trigger x on customer',
  'alter rule nope on invoice rename to x',
  'alter policy nope on invoice rename to x',
  'alter table invoice validate constraint nope',
  'alter table invoice validate constraint amt',
  'alter table customer validate constraint customer_email_key',
  'alter table invoice cluster on nope',
  'alter table invoice cluster on invoice_pkey',
  'cluster invoice using nope',
  'alter table invoice alter column nope set not null',
  'alter table invoice alter column nope set default 1',
  'alter table invoice alter column nope type int',
  'alter table invoice alter column nope set statistics 3',
  'alter table invoice alter column note set statistics 3',
  'alter table invoice drop column nope',
  'alter table invoice drop column if exists nope',
  'alter table invoice rename column nope to x',
  'alter table invoice rename column note to state',
  'create trigger trg before insert on customer for each row execute function good()',
  'create or replace trigger trg before insert on customer for each row execute function good()',
  'create rule r1 as on delete to nokey do nothing',
  'create or replace rule r1 as on delete to nokey do also notify x',
];

/** What a transaction, or a block of code, doesn't take. */
export const TRANSACTIONS = [
  'discard all',
  'discard plans',
  'vacuum customer',
  'cluster',
  'cluster customer using customer_pkey',
  'reindex table customer',
  'reindex table ledger',
  'reindex schema public',
  'create database zz',
  'alter database postgres set tablespace pg_default',
  'alter database postgres connection limit 5',
  `create tablespace ts location '/nowhere'`,
  'drop tablespace nope',
  `alter system set work_mem='1MB'`,
  `create subscription s connection 'dbname=x' publication p`,
  `commit prepared 'x'`,
  `rollback prepared 'x'`,
  'do $$ begin commit; end $$',
  'do $$ begin rollback; end $$',
  'do $$ begin discard all; end $$',
  'do $$ begin vacuum customer; end $$',
  'do $$ begin reindex table ledger; end $$',
  'do $$ begin reindex table customer; end $$',
  'refresh materialized view concurrently mv',
  'alter table ledger detach partition ledger_1 concurrently',
];

/** Whether a table fits where it is to stand. */
export const FITS = [
  'alter table ledger attach partition small default',
  'alter table ledger attach partition small for values from (20) to (25)',
  'create table l2 partition of ledger default',
  'create table l2 partition of part default',
  'alter table ledger attach partition nokey for values from (20) to (25)',
  'alter table ledger attach partition loose_2027 for values from (20) to (25)',
  'alter table ledger attach partition ledger_1 for values from (20) to (25)',
  'alter table invoice attach partition small for values in (3)',
  'alter table ledger detach partition small',
  'alter table ledger detach partition ledger_1',
  'alter table invoice of addr',
  'create table ta(street text, nr int); alter table ta of addr',
  'create table ta(street text, nr int); alter table ta of nope',
  'create table ta(street text, nr bigint); alter table ta of addr',
  'create table ta(nr int, street text); alter table ta of addr',
  'create table ta(street text, nr int, more int); alter table ta of addr',
  'create table ta(street text); alter table ta of addr',
  'create table ta(street text, nr int); alter table ta of status',
  'alter table loose_2027 inherit parent',
  'alter table inh_ok inherit parent',
  'alter table inh_lack inherit parent',
  'alter table inh_ok inherit inh_ok',
  'alter table inh_ok inherit parent; alter table inh_ok inherit parent',
  'alter table inh_ok inherit parent; alter table parent inherit inh_ok',
  'alter table inh_ok no inherit parent',
  'alter table inh_ok inherit parent; alter table inh_ok no inherit parent',
  'alter table parent alter at set not null; alter table inh_ok inherit parent',
  'alter table parent add constraint pc check (id>0); alter table inh_ok inherit parent',
  'alter table parent add constraint pc check (id>0); alter table inh_ok add constraint pc check (id>0); alter table inh_ok inherit parent',
  'alter table parent add constraint pc check (id>0) no inherit; alter table inh_ok inherit parent',
  'alter table inh_ok inherit ledger',
  'alter table ledger_1 inherit parent',
  'create materialized view m2 as select id from invoice; refresh materialized view concurrently m2',
  'refresh materialized view concurrently mv',
];

/** What may keep running code's writes from happening. */
export const DROPS = [
  'create trigger n before insert on customer for each row execute function nothing()',
  'create trigger n before update on customer for each row execute function nothing()',
  'create trigger n before delete on customer for each row execute function nothing()',
  'create trigger n before insert or update or delete on customer for each row execute function nothing()',
  'create trigger n after insert on customer for each row execute function nothing()',
  'create trigger n before insert on customer for each statement execute function nothing()',
  'create trigger n before insert on customer for each row when (new.id < 0) execute function nothing()',
  'create trigger n before insert on customer for each row execute function good()',
  'create trigger n before insert or update or delete on customer for each row execute function gives_old()',
  'create trigger n before delete on customer for each row execute function good()',
  'create trigger n before insert on customer for each row execute function sometimes()',
  'create trigger n before insert on customer for each row execute function never()',
  'create trigger n before update of id on customer for each row execute function nothing()',
  'create or replace function good() returns trigger language plpgsql as $$ begin return null; end $$',
  'create or replace function gives_old() returns trigger language plpgsql as $$ begin return null; end $$',
  'alter table customer enable trigger asleep',
  'alter table customer disable trigger trg',
  'create rule rn as on insert to customer do instead nothing',
  'create rule rn as on update to customer do instead nothing',
  'create rule rn as on delete to customer do instead nothing',
  'create rule rn as on insert to customer where new.id < 0 do instead nothing',
  'create rule rn as on insert to customer where true do instead nothing',
  'create rule rn as on insert to customer do also nothing',
  'create rule rn as on insert to customer do instead select 1',
];

/** Columns of invoice with IF NOT EXISTS: whether the one that is there is what the statement says. */
export const COLUMNS: readonly (readonly [string, 'same' | 'other' | 'unknown' | 'made'])[] = [
  ['note varchar(100)', 'same'],
  ['note character varying(100)', 'same'],
  ['note int', 'other'],
  ['note varchar(50)', 'other'],
  ['note text', 'other'],
  ['note varchar(100) not null', 'other'],
  [`note varchar(100) default 'x'`, 'other'],
  [`state status not null default 'new'`, 'unknown'],
  ['amount numeric', 'same'],
  ['amount numeric(10,2)', 'other'],
  ['id bigint generated always as identity', 'other'],
  ['fresh int', 'made'],
];
