import { digestOf } from '@headgate/documents';
import { copyMayBeAttached } from '@headgate/domain/masking/copy';
import type { MaskingRule } from '@headgate/domain/masking/rule';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { withClient } from '../../postgres-cluster/database.ts';
import { copyFacts, markCopy } from './copy-mark.ts';
import { type MaskingReport, maskCopy, previewMasking } from './mask-copy.ts';
import { MaskKeys } from './mask-keys.ts';
import { cutWay } from './testing/cut.ts';
import { type ErpCopies, erpCopies, RULES } from './testing/erp-copy.ts';
import { figuresOf } from './testing/figures.ts';

const keys = new MaskKeys('a key that is long enough for any test of ours');
const digest = digestOf('rules');
let copies: ErpCopies;

beforeAll(async () => {
  copies = await erpCopies();
});
afterAll(() => copies?.remove());

const ask = (database: pg.ClientConfig, rules: readonly MaskingRule[] = RULES) => ({
  database,
  connections: 2,
  rules,
  expected: [],
  digest,
  keys,
});

async function masked(database: pg.ClientConfig, rules = RULES): Promise<MaskingReport> {
  const outcome = await maskCopy(ask(database, rules));
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.refusals));
  if ('already' in outcome) throw new Error('already masked');
  return outcome.report;
}

const rows = async (database: pg.ClientConfig, sql: string): Promise<Record<string, unknown>[]> =>
  withClient(database, async (client) => (await client.query(sql)).rows);

/** All that stands in a database, as one text. */
const CONTENT = `select (select string_agg(c::text, '|' order by id) from customer c) || (select string_agg(l::text, '|' order by email) from login l)
  || (select string_agg(i::text, '|' order by id) from invoice i) || (select string_agg(p::text, '|' order by id) from payment p)
  || (select string_agg(e::text, '|' order by id) from hr.employee e) || (select string_agg(b::text, '|' order by city) from by_city b) as all`;

/** Indexes, keys, triggers, views and rights, as one text. */
const SHAPE = `select (select string_agg(indexdef, '|' order by indexdef) from pg_indexes where schemaname in ('public', 'hr'))
  || (select string_agg(conname || pg_get_constraintdef(oid) || convalidated::text, '|' order by conname) from pg_constraint where connamespace in ('public'::regnamespace, 'hr'::regnamespace))
  || (select string_agg(pg_get_triggerdef(oid) || tgenabled::text, '|' order by tgname) from pg_trigger where not tgisinternal)
  || (select string_agg(definition, '|' order by viewname) from pg_views where schemaname = 'public') as all`;

const SOUND = { brokenKeys: 0, unequalDistinct: [], quantilesOff: [], unchanged: [] };

describe('a masked copy', () => {
  let copy: pg.ClientConfig;
  let report: MaskingReport;
  beforeAll(async () => {
    copy = await copies.fresh('whole', 'erp');
    report = await masked(copy);
  });

  test('has no original left, no broken key, as many different values, and the distributions of before', async () => {
    expect(report.leakScan.places).toEqual([]);
    expect(report.leakScan.originals).toBeGreaterThan(10_000);
    expect(await figuresOf(await copies.original('erp'), copy, RULES)).toEqual(SOUND);
  });

  test('calls one person the same everywhere, in columns, lists and JSON', async () => {
    const [row] = await rows(
      copy,
      `select count(*)::int as n, count(*) filter (where c.email = i.contact and c.email = i.memo ->> 'to' and c.email = c.profile #>> '{contact,email}'
         and c.email = c.tags[2] and c.profile #>> '{contact,seats}' is not null)::int as same
       from customer c join invoice i on i.customer_id = c.id`,
    );
    expect(row).toEqual({ n: 12_000, same: 12_000 });
    expect(await rows(copy, 'select count(*)::int as n from login l join customer c using (email)')).toEqual([
      { n: 1_500 },
    ]);
  });

  test('keeps the total of each group to the cent, and changes what is in it', async () => {
    const totals = 'select region, sum(amount)::text as total from payment group by 1 order by 1';
    expect(await rows(copy, totals)).toEqual(await rows(await copies.original('erp'), totals));
    const values = 'select id, amount::text as amount from payment order by id';
    const [before, after] = [await rows(await copies.original('erp'), values), await rows(copy, values)];
    const same = after.filter((row, i) => row.amount === before[i]?.amount);
    expect(same.length).toBeLessThan(20);
  });

  test('moves the days of one person by the same number', async () => {
    const spans = `select string_agg((signed::date - born)::text, ',' order by signed::date - born) as all from customer`;
    expect(await rows(copy, spans)).toEqual(await rows(await copies.original('erp'), spans));
    const days = `select name, born::text from customer where born is not null`;
    const before = new Set((await rows(await copies.original('erp'), days)).map(({ born }) => born));
    expect(before.size).toBe(3_000);
    const offsets = `select count(distinct born)::int as n, min(born)::text as first from customer`;
    const [row] = await rows(copy, offsets);
    expect(row?.n).toBeGreaterThan(2_000);
  });

  test('has its indexes, keys, triggers and views as before; no trigger fired, and nothing of ours but the mark is left', async () => {
    expect(await rows(copy, SHAPE)).toEqual(await rows(await copies.original('erp'), SHAPE));
    expect(await rows(copy, 'select count(*)::int as n from audit')).toEqual([{ n: 0 }]);
    const ours = `select relname from pg_class where relnamespace = 'headgate_copy'::regnamespace and relkind = 'r'
      union all select proname from pg_proc where pronamespace = 'headgate_copy'::regnamespace order by 1`;
    expect(await rows(copy, ours)).toEqual([{ relname: 'mark' }, { relname: 'masked' }]);
  });

  test('has no original in the statistics that the server keeps', async () => {
    const stats = `select string_agg(coalesce(most_common_vals::text, '') || coalesce(histogram_bounds::text, ''), ' ') as all from pg_stats where schemaname in ('public', 'hr')`;
    const sample = `select email, name from customer order by id limit 3000`;
    const [before, after] = [await rows(await copies.original('erp'), stats), await rows(copy, stats)];
    const originals = await rows(await copies.original('erp'), sample);
    const held = (all: unknown) =>
      originals.filter(({ email, name }) => String(all).includes(String(email)) || String(all).includes(String(name)));
    expect(held(before[0]?.all).length).toBeGreaterThan(50);
    expect(held(after[0]?.all)).toEqual([]);
  });

  test('may be attached where masked copies are asked for, and isn’t masked a second time', async () => {
    const facts = await withClient(copy, copyFacts);
    expect(copyMayBeAttached(facts, { maskedCopies: 'required' })).toEqual({ ok: true });
    expect(copyMayBeAttached(facts, { maskedCopies: 'required', rules: [digestOf('others')] })).toMatchObject({
      ok: false,
    });
    const before = await rows(copy, CONTENT);
    expect(await maskCopy(ask(copy))).toMatchObject({ ok: true, already: { maskedBy: digest, leaks: 0 } });
    expect(await maskCopy({ ...ask(copy), digest: digestOf('other rules') })).toMatchObject({
      ok: false,
      refusals: [{ code: 'masked-otherwise' }],
    });
    expect(await rows(copy, CONTENT)).toEqual(before);
  });
});

describe('what the figures would say', () => {
  const without = (...columns: string[]) =>
    RULES.filter(({ table, column }) => !columns.includes(`${table}.${column}`));

  test.each([
    [
      'a column',
      'invoice.contact',
      ['public.invoice.contact (statistics)', 'public.invoice_2024.contact', 'public.invoice_2025.contact'],
    ],
    ['a field of JSON', 'customer.profile', ['public.customer.profile']],
    ['a field of JSON without an index', 'invoice.memo', ['public.invoice_2024.memo', 'public.invoice_2025.memo']],
    ['an item of a list', 'customer.tags', ['public.customer.tags']],
    ['a name in a free text', 'customer.note', ['public.customer.note']],
    ['a name elsewhere', 'payment.payer', ['public.payment.payer']],
  ])('%s that is left unmasked is found, each', async (_, column, places) => {
    const copy = await copies.fresh(`left_${column.replace('.', '_')}`);
    const report = await masked(copy, without(column));
    expect(report.leakScan.places.map((leak) => `${leak.table}.${leak.column}`)).toEqual(places);
    expect(report.leakScan.places.every((leak) => leak.rows > 10)).toBe(true);
    const facts = await withClient(copy, copyFacts);
    expect(copyMayBeAttached(facts, { maskedCopies: 'required' })).toMatchObject({ refusal: { code: 'copy-leaks' } });
  });

  test('values that are gone from a table and left in its statistics are found', async () => {
    const copy = await copies.fresh('left_statistics');
    await rows(copy, 'create table old as select email from customer; analyze old; delete from old');
    const [place, ...others] = (await masked(copy)).leakScan.places;
    expect(place).toMatchObject({ table: 'public.old', column: 'email (statistics)' });
    expect(others).toEqual([]);
  });

  test('so are those that are left in statistics of several columns, and of expressions', async () => {
    const copy = await copies.fresh('left_extended');
    await rows(
      copy,
      `create table old as select email, name, id from customer; insert into old select email, name, id from old;
       create statistics both_of (mcv) on email, name from old; create statistics made_of on (lower(email) || ' x'), id from old;
       alter table old alter column email set statistics 0; alter table old alter column name set statistics 0;
       analyze old; delete from old`,
    );
    const found = (await masked(copy)).leakScan.places.map(({ table, column }) => `${table}.${column}`);
    expect(found).toEqual(['public.old.made_of (statistics)']);
  });

  test('originals with escapes in a text, and numbers in other groups, are found', async () => {
    const copy = await copies.fresh('left_escaped');
    await rows(
      copy,
      `create table log as select 'GET /u?mail=' || replace(email, '@', '%40') || '%20' as url, replace(to_json(name)::text, ' ', '\u0020') as said, regexp_replace(phone, '[^0-9+]', '', 'g') as called from customer`,
    );
    const found = (await masked(copy)).leakScan.places.map(({ table, column }) => `${table}.${column}`);
    expect(found.filter((each) => !each.includes('statistics'))).toEqual([
      'public.log.called',
      'public.log.said',
      'public.log.url',
    ]);
  });

  test.each<[string, string, readonly string[]]>([
    [
      'a row of a composite type, and a list of such rows',
      'create table log (was customer, several customer[]); insert into log select c, array[c, c] from customer c',
      ['public.log.several', 'public.log.was'],
    ],
    [
      'what is made for a search',
      `create table found (words tsvector); insert into found select to_tsvector('simple', email) from customer`,
      ['public.found.words'],
    ],
    [
      'long numbers in columns of numbers, in lists, in texts and in JSON',
      `create table numbers (a bigint, b numeric, c bigint[], d text, e jsonb);
       insert into numbers select ssn, ssn, array[1, ssn], 'no. ' || ssn, jsonb_build_object('n', ssn) from customer`,
      ['a', 'b', 'c', 'd', 'e'].map((column) => `public.numbers.${column}`),
    ],
    [
      'comments, defaults, checks, queries of views, bodies of functions and labels',
      `do $$ declare mail text := (select email from customer order by id limit 1); begin
         execute format('comment on column customer.note is %L', 'as ' || mail || ' said');
         create table defined (a text, b text);
         execute format('alter table defined alter a set default %L, add constraint known check (b <> %L)', mail, mail);
         execute format('create view of_one as select id from customer where email = %L', mail);
         execute format('create type mails as enum (%L)', mail);
         execute format('create function asked() returns int language sql as %L', 'select 1 -- ' || mail);
       end $$`,
      [
        'column note of table public.customer.comment (definition)',
        'public.asked.body (definition)',
        'public.defined.a (definition)',
        'public.defined.known (definition)',
        'public.mails.labels (definition)',
        'public.of_one.query (definition)',
      ],
    ],
  ])('%s are looked through', async (what, sql, places) => {
    const copy = await copies.fresh(`held_${what.replaceAll(/[^a-z]/g, '').slice(0, 20)}`);
    await rows(
      copy,
      'set session_replication_role = replica; alter table customer add ssn bigint; update customer set ssn = 100000000 + id * 7919',
    );
    await rows(copy, sql);
    const report = await masked(copy, [...RULES, { table: 'customer', column: 'ssn', mask: 'number' }]);
    expect(report.leakScan.places.map((leak) => `${leak.table}.${leak.column}`)).toEqual(places);
    const facts = await withClient(copy, copyFacts);
    expect(copyMayBeAttached(facts, { maskedCopies: 'required' })).toMatchObject({ refusal: { code: 'copy-leaks' } });
  });

  test('what nobody looked through is named; short numbers, days and flags say nothing', async () => {
    const copy = await copies.fresh('unread');
    await rows(
      copy,
      `create table document (body bytea, pages int, at date, ready bool); create foreign data wrapper none; create server elsewhere foreign data wrapper none;
       create foreign table crm (name text) server elsewhere; insert into document select email::bytea, id, born, true from customer;
       select lo_from_bytea(0, email::bytea) from customer limit 3`,
    );
    const { places, unread } = (await masked(copy)).leakScan;
    expect(places).toEqual([]);
    expect(unread).toEqual({ columns: ['public.document.body', 'public.crm'], largeObjects: 3 });
  });

  test('what a field of JSON holds is masked and looked for as a number, in a list and in an object, too', async () => {
    const copy = await copies.fresh('fields');
    await rows(
      copy,
      `create table crm (id int primary key, card jsonb, note text);
       insert into crm select id, jsonb_build_object('phone', 491700000000 + id * 7919, 'seats', 491700000000, 'mails', jsonb_build_array('xq' || id || '@a.example'),
         'name', jsonb_build_object('first', 'Qwertz' || id, 'phone', '+49 170 ' || 1000000 + id * 7919)), 'xq' || id || '@a.example' from customer where id < 100;
       insert into crm select 1000, '{}', 'call ' || (491700000000 + 7919)`,
    );
    const fields = [
      { field: 'phone', as: 'phone' as const },
      { field: 'mails', as: 'email' as const },
      { field: 'name', as: 'person-name' as const },
    ];
    const { places } = (await masked(copy, [...RULES, { table: 'crm', column: 'card', mask: 'json', fields }]))
      .leakScan;
    expect(places).toEqual([{ table: 'public.crm', column: 'note', rows: 100 }]);
    const [row] = await rows(
      copy,
      `select count(*)::int as n, count(distinct card ->> 'phone')::int as phones, count(*) filter (where jsonb_typeof(card -> 'phone') = 'number'
         and (card ->> 'phone')::numeric <> 491700000000 + id * 7919 and card ->> 'seats' = '491700000000' and card #>> '{name,phone}' ~ '^\\+49 \\d{3} \\d{7}$'
         and card #>> '{name,first}' not like 'Qwertz%' and card #>> '{mails,0}' like '%@example.org')::int as good from crm where id < 1000`,
    );
    expect(row).toEqual({ n: 99, phones: 99, good: 99 });
  });

  test('whatever the name of its schema, a table is looked through', async () => {
    const copy = await copies.fresh('dotted');
    await rows(
      copy,
      `create schema "acme.example"; create table "acme.example"."t.x" as select email as said from customer limit 3`,
    );
    expect((await masked(copy)).leakScan.places).toEqual([{ table: 'acme.example.t.x', column: 'said', rows: 3 }]);
  });

  test('settings, options of other servers, keys of partitions, expressions of statistics and the comment of public are definitions, too', async () => {
    const copy = await copies.fresh('defined');
    const [one] = await rows(copy, 'select quote_literal(email) as mail from customer order by id limit 1');
    await rows(
      copy,
      `alter database defined set app.owner = ${one?.mail}; comment on schema public is ${one?.mail};
       create foreign data wrapper none; create server elsewhere foreign data wrapper none options (as_user ${one?.mail});
       create foreign table crm (name text options (told ${one?.mail})) server elsewhere;
       create table parted (said text) partition by list ((coalesce(said, ${one?.mail})));
       create table counted (said text, n int); create statistics said_n on (said || ${one?.mail}), n from counted`,
    );
    expect((await masked(copy)).leakScan.places.map(({ table, column }) => `${table}: ${column}`).sort()).toEqual([
      'elsewhere: options (definition)',
      'public.crm: options (definition)',
      'public.parted: partition key (definition)',
      'public.said_n: statistics (definition)',
      'schema public: comment (definition)',
      'this database: settings (definition)',
    ]);
  });

  test('a materialized view is computed after those that it reads, however it came to read them', async () => {
    const copy = await copies.fresh('views');
    await rows(
      copy,
      `create view named as select name from customer; create materialized view listed as select name from named;
       create materialized view names as select name from customer; create or replace view named as select name from names`,
    );
    expect((await masked(copy)).leakScan.places).toEqual([]);
    expect(await rows(copy, 'select count(*)::int as n from listed join customer using (name)')).toEqual([{ n: 200 }]);
  });

  test('and where nobody can know what it reads, the originals in it are found', async () => {
    const copy = await copies.fresh('hidden');
    await rows(
      copy,
      `create function named() returns setof text language sql as 'select name from public.customer';
       create materialized view listed as select named() as name; create materialized view names as select name from customer`,
    );
    await rows(
      copy,
      `create or replace function named() returns setof text language sql as 'select name from public.names'`,
    );
    expect((await masked(copy)).leakScan.places).toEqual([{ table: 'public.listed', column: 'name', rows: 200 }]);
  });

  test('a broken key, two values that met, amounts that drifted and a name put back are seen', async () => {
    const copy = await copies.fresh('spoiled');
    await masked(copy);
    const original = await copies.original();
    expect(await figuresOf(original, copy, RULES)).toEqual(SOUND);
    await rows(
      copy,
      `set session_replication_role = replica; delete from customer where id = (select min(id) from customer);
      update login set customer_code = (select min(customer_code) from login); update invoice set total = total * 1.2`,
    );
    const names = await rows(original, `select string_agg(distinct payer, ',') as all from payment`);
    await rows(
      copy,
      `update payment set payer = x.name from (select unnest(string_to_array('${names[0]?.all}', ',')) as name, generate_series(1, 1000) as id) x where x.id = payment.id / 3`,
    );
    const figures = await figuresOf(original, copy, RULES);
    expect(figures.brokenKeys).toBeGreaterThan(0);
    expect(figures.unequalDistinct).toContain('login.customer_code');
    expect(figures.quantilesOff).toContain('invoice.total at 0.5');
    expect(figures.unchanged).toContain('payment.payer');
  });
});

describe('killed in the middle and run again', () => {
  test('it ends with everything masked once, wherever it was killed', async () => {
    const whole = await copies.fresh('uncut');
    const way = await cutWay(whole, Number.POSITIVE_INFINITY);
    await masked(way.database);
    const all = way.passed();
    await way.close();
    const [expected, shape] = [await rows(whole, CONTENT), await rows(whole, SHAPE)];
    expect(all).toBeGreaterThan(150);
    for (let part = 1; part <= 7; part++) {
      const copy = await copies.fresh(`cut_${part}`);
      const cut = await cutWay(copy, Math.floor((all * part) / 8));
      await expect(maskCopy(ask(cut.database)), `cut after ${part}/8`).rejects.toThrow();
      await cut.close();
      const report = await masked(copy);
      expect(report.leakScan.places, `cut after ${part}/8`).toEqual([]);
      expect(await rows(copy, CONTENT), `cut after ${part}/8`).toEqual(expected);
      expect(await rows(copy, SHAPE), `cut after ${part}/8`).toEqual(shape);
    }
    // The comparison sees a single value that was masked twice.
    await rows(whole, `update customer set code = 'K00000000' where id = (select max(id) from customer)`);
    expect(await rows(whole, CONTENT)).not.toEqual(expected);
  });

  test('it goes on after the database server itself was killed', async () => {
    const [whole, copy] = [await copies.fresh('before_crash'), await copies.fresh('crashed')];
    await masked(whole);
    const postmaster = (await copies.cluster.postmaster())!;
    let alive = true;
    const say = ({ what }: { what: string }) => {
      // After the first of the tables: the others are still to come.
      if (what === 'masked' && alive) process.kill(postmaster.pid, 'SIGKILL');
      alive &&= what !== 'masked';
    };
    await expect(maskCopy({ ...ask(copy), connections: 1, say })).rejects.toThrow();
    expect(alive).toBe(false);
    await copies.cluster.start();
    expect((await masked(copy)).leakScan.places).toEqual([]);
    expect(await rows(copy, CONTENT)).toEqual(await rows(whole, CONTENT));
  });

  test('by other rules or with another key it doesn’t go on', async () => {
    const copy = await copies.fresh('begun');
    const cut = await cutWay(copy, 80);
    await expect(maskCopy(ask(cut.database))).rejects.toThrow();
    await cut.close();
    const others = { ...ask(copy), digest: digestOf('other rules') };
    expect(await maskCopy(others)).toMatchObject({ ok: false, refusals: [{ code: 'begun-otherwise' }] });
    const otherKey = { ...ask(copy), keys: new MaskKeys('another key, as long as any key must be') };
    expect(await maskCopy(otherKey)).toMatchObject({ ok: false, refusals: [{ code: 'begun-with-another-key' }] });
    const facts = await withClient(copy, copyFacts);
    expect(copyMayBeAttached(facts, { maskedCopies: 'required' })).toMatchObject({
      refusal: { code: 'copy-unmasked' },
    });
  });
});

describe('a database that isn’t marked as a copy', () => {
  test('is never masked, not even where a mark came with the data', async () => {
    const production = await copies.fresh('production', 'small', false);
    const before = await rows(production, CONTENT);
    expect(await maskCopy(ask(production))).toMatchObject({ ok: false, refusals: [{ code: 'not-a-copy' }] });
    await copies.fresh('source');
    await rows(await copies.cluster.connection(), 'create database brought template source');
    const brought = await copies.cluster.connection('brought');
    expect(await maskCopy(ask(brought))).toMatchObject({ ok: false, refusals: [{ code: 'not-a-copy' }] });
    expect(await rows(production, CONTENT)).toEqual(before);
    expect(await rows(brought, CONTENT)).toEqual(before);
    // A copy's own restore marks it anew.
    expect(await withClient(brought, (client) => markCopy(client, 'restore point 8'))).toMatchObject({ ok: true });
  });

  test('isn’t marked while somebody uses it, and a marked one isn’t masked then', async () => {
    const [used, inUse] = [await copies.fresh('used', 'small', false), await copies.fresh('in_use')];
    await withClient(inUse, async () => {
      expect(await maskCopy(ask(inUse))).toMatchObject({ ok: false, refusals: [{ code: 'copy-in-use' }] });
    });
    await withClient(used, async () => {
      const marked = await withClient(used, (client) => markCopy(client, 'x'));
      expect(marked).toMatchObject({ ok: false, refusal: { code: 'copy-in-use' } });
    });
  });

  test('a plan says what would be done, and changes nothing', async () => {
    const copy = await copies.fresh('planned');
    const before = [await rows(copy, CONTENT), await rows(copy, SHAPE)];
    const preview = await previewMasking(ask(copy));
    expect(preview).toMatchObject({ ok: true, mark: { of: 'restore point 7' } });
    expect(preview.ok && preview.plan.foreignKeys.map(({ name }) => name)).toHaveLength(4);
    expect([await rows(copy, CONTENT), await rows(copy, SHAPE)]).toEqual(before);
  });
});
