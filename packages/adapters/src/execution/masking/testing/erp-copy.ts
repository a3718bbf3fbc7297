/** For tests only: a small ERP's database with all that masking has to hold, and fresh copies of it. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MaskingRule } from '@headgate/domain/masking/rule';
import type pg from 'pg';
import { freePort } from '../../../machine/free-port.ts';
import { type Cluster, openCluster } from '../../../postgres-cluster/cluster.ts';
import { withClient } from '../../../postgres-cluster/database.ts';
import { findPrograms } from '../../../postgres-cluster/programs.ts';
import { markCopy } from '../copy-mark.ts';

/** Customers of the whole database, and of the one that is masked again and again. */
const CUSTOMERS = { erp: 3_000, small: 200 } as const;
export type Erp = keyof typeof CUSTOMERS;

/** A name of letters that no made word has: 'x', 'q' and 'y' stand in no syllable. */
const NAME = (n: string, salt: string) =>
  `initcap(translate(substr(md5('${salt}' || ${n}), 1, 7), '0123456789abcdef', 'xqybcwaefghioumn'))`;

const SCHEMA = `
create schema hr;
create table public.customer (
  id bigint primary key, code varchar(12) not null unique, name text not null, email varchar(120) not null, phone varchar(30), iban text,
  vat text, born date, signed timestamptz, city text, note text, tags text[] not null default '{}', profile jsonb,
  ip inet, token uuid, search text generated always as (lower(name) || ' ' || lower(email)) stored);
create unique index customer_email on public.customer (lower(email));
create table hr.employee (id bigint generated always as identity primary key, first_name text, last_name text, email text unique, salary numeric(12,2), boss bigint references hr.employee);
create table public.login (email varchar(120) primary key, customer_code varchar(12) references public.customer (code), seen timestamptz);
create table public.invoice (id bigint, issued date not null, customer_id bigint not null references public.customer, contact text, total numeric(12,2) not null, region text not null, memo json, primary key (id, issued)) partition by range (issued);
create table public.invoice_2024 partition of public.invoice for values from ('2024-01-01') to ('2025-01-01');
create table public.invoice_2025 partition of public.invoice for values from ('2025-01-01') to ('2026-01-01');
create table public.payment (id bigint primary key, invoice_id bigint not null, issued date not null, amount numeric(12,2) not null, region text, payer text, foreign key (invoice_id, issued) references public.invoice (id, issued));
create table public.audit (at timestamptz, what text);
create function public.audit_customer() returns trigger language plpgsql as $$ begin insert into public.audit values (now(), old.email || ' ' || new.email); return new; end $$;
create trigger audited after insert or update on public.customer for each row execute function public.audit_customer();
create view public.contact as select name, email from public.customer;
`;

const data = (customers: number): string => `
set session_replication_role = replica;
insert into public.customer
select i, 'K' || lpad(i::text, 8, '0'), ${NAME('i', 'a')} || ' ' || ${NAME('i', 'b')}, lower(${NAME('i', 'a')}) || '.' || lower(${NAME('i', 'b')}) || i || '@firma-' || i % 50 || '.example',
  '+49 (30) ' || (100000 + i * 37 % 900000) || '-' || (10 + i % 90), (select 'DE' || lpad((98 - (b || '131400')::numeric % 97)::text, 2, '0') || b from (select '37040044' || lpad((i * 7919)::text, 10, '0') as b) x), 'DE' || (100000000 + i), date '1950-01-01' + (i * 7 % 18000), timestamptz '2024-01-01 08:00Z' + i * interval '9000 hours' / ${customers},
  'Ort ' || i % 40, case when i % 3 = 0 then 'Called ' || ${NAME('i', 'a')} || ' ' || ${NAME('i', 'b')} || ' about it' end, array['vip' || i % 5, lower(${NAME('i', 'a')}) || '.' || lower(${NAME('i', 'b')}) || i || '@firma-' || i % 50 || '.example'],
  jsonb_build_object('plan', 'gold', 'contact', jsonb_build_object('email', lower(${NAME('i', 'a')}) || '.' || lower(${NAME('i', 'b')}) || i || '@firma-' || i % 50 || '.example', 'seats', i % 9)),
  ('10.' || i % 200 || '.' || i / 200 || '.7')::inet, md5('t' || i)::uuid
from generate_series(1, ${customers}) i;
insert into hr.employee (first_name, last_name, email, salary, boss) select ${NAME('i', 'c')}, ${NAME('i', 'd')}, lower(${NAME('i', 'c')}) || i || '@own.example', 3000 + i % 700 * 3.37, nullif(i / 10, 0) from generate_series(1, 500) i;
insert into public.login select email, code, signed from public.customer where id % 2 = 0;
insert into public.invoice select i, date '2024-01-01' + i % 730, 1 + i % ${customers}, c.email, round((10 + i * 7919 % 100000 / 13.0)::numeric, 2), 'R' || i % 7, json_build_object('to', c.email, 'lines', i % 5)
from generate_series(1, ${customers * 4}) i join public.customer c on c.id = 1 + i % ${customers};
insert into public.payment select i.id, i.id, i.issued, i.total, i.region, c.name from public.invoice i join public.customer c on c.id = i.customer_id where i.id % 3 = 0;
create materialized view public.by_city as select city, min(name) as first, count(*) as n from public.customer group by city;
analyze;
`;

export const RULES: readonly MaskingRule[] = [
  { table: 'customer', column: 'id', mask: 'number' },
  { table: 'customer', column: 'code', mask: 'code', keep: 1 },
  { table: 'customer', column: 'name', mask: 'person-name', part: 'full' },
  { table: 'customer', column: 'email', mask: 'email', domain: 'example.org' },
  { table: 'customer', column: 'phone', mask: 'phone', keep: 3 },
  { table: 'customer', column: 'iban', mask: 'iban' },
  { table: 'customer', column: 'vat', mask: 'tax-id' },
  { table: 'customer', column: 'born', mask: 'date', by: 'id', days: 14 },
  { table: 'customer', column: 'signed', mask: 'date', by: 'id', days: 14 },
  { table: 'customer', column: 'note', mask: 'text', with: 'a note' },
  { table: 'customer', column: 'tags', mask: 'email', domain: 'example.org' },
  { table: 'customer', column: 'profile', mask: 'json', fields: [{ field: 'email', as: 'email' }] },
  { table: 'customer', column: 'ip', mask: 'ip' },
  { table: 'customer', column: 'token', mask: 'uuid' },
  { table: 'hr.employee', column: 'first_name', mask: 'person-name', part: 'first' },
  { table: 'hr.employee', column: 'last_name', mask: 'person-name', part: 'last' },
  { table: 'hr.employee', column: 'email', mask: 'email', domain: 'example.org' },
  { table: 'hr.employee', column: 'salary', mask: 'amount', percent: 5, decimals: 2 },
  { table: 'login', column: 'email', mask: 'email', domain: 'example.org' },
  { table: 'login', column: 'customer_code', mask: 'code', keep: 1 },
  { table: 'invoice', column: 'customer_id', mask: 'number' },
  { table: 'invoice', column: 'contact', mask: 'email', domain: 'example.org' },
  { table: 'invoice', column: 'total', mask: 'amount', percent: 5, decimals: 2 },
  { table: 'invoice', column: 'memo', mask: 'json', fields: [{ field: 'to', as: 'email' }] },
  { table: 'payment', column: 'amount', mask: 'amount', percent: 5, decimals: 2, keepTotalBy: ['region'] },
  { table: 'payment', column: 'payer', mask: 'person-name', part: 'full' },
];

export interface ErpCopies {
  readonly cluster: Cluster;
  /** A fresh database with the ERP's data; marked as a copy unless asked otherwise. */
  fresh(name: string, from?: Erp, marked?: boolean): Promise<pg.ClientConfig>;
  original(of?: Erp): Promise<pg.ClientConfig>;
  remove(): Promise<void>;
}

/** A cluster with the databases that are asked for. */
export async function erpCopies(which: readonly Erp[] = ['erp', 'small']): Promise<ErpCopies> {
  const dir = await mkdtemp(join(tmpdir(), 'headgate-masking-'));
  await chmod(dir, 0o755); // as root the cluster runs as another user
  const cluster = await openCluster(
    {
      dir: join(dir, 'cluster'),
      port: await freePort(), // Processes are killed here, and never the machine.
      settings: { autovacuum: 'off', max_wal_size: '1GB', fsync: 'off' },
    },
    await findPrograms(15, dir),
  );
  const ask = async (database: string, sql: string) =>
    withClient(await cluster.connection(database), (client) => client.query(sql));
  for (const name of which) {
    await ask('postgres', `create database ${name}`);
    await ask(name, SCHEMA);
    await ask(name, data(CUSTOMERS[name]));
  }
  return {
    cluster,
    async fresh(name, from = 'small', marked = true) {
      await ask('postgres', `create database ${name} template ${from}`);
      const config = await cluster.connection(name);
      if (marked) await withClient(config, (client) => markCopy(client, 'restore point 7'));
      return config;
    },
    original: (of = 'small') => cluster.connection(of),
    async remove() {
      await cluster.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
