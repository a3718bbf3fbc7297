/** What a difference is refused for before anybody approves it: on a real cluster, by its name. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TenantRowsRule } from '@headgate/domain';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { RULES, type SharedStore, sharedStore } from './testing/shared-store.ts';

let store: SharedStore;

beforeAll(async () => {
  store = await sharedStore();
}, 60_000);
afterAll(() => store?.remove());

const digest = `sha256:${'0'.repeat(64)}` as const;
const by = (rules: readonly TenantRowsRule[], values?: Record<string, string>) => ({
  rules: { rules, name: 'psa', digest, ...(values !== undefined && { values }) },
});

describe('A difference', { timeout: 60_000 }, () => {
  beforeEach(() => store.anew());

  /** Why there is none; by code. */
  async function refusedFor(rules: readonly TenantRowsRule[] = RULES, values?: Record<string, string>) {
    const made = await store.diff('ada', by(rules, values));
    expect(await readdir(store.dir)).toEqual([]);
    return made.ok ? made.outside : made.refusals;
  }

  test('is written over nothing that is there, which stays: neither where rows differ nor where none does', async () => {
    const out = join(store.dir, 'notes');
    await store.remember();
    for (const sql of ['select 1', 'update customer set born = null where id = 1001']) {
      await store.query(sql);
      await writeFile(out, 'mine');
      await expect(store.diff('ada', { out })).rejects.toThrow(
        /notes is there already, and nothing is written over it/,
      );
      expect([await readFile(out, 'utf8'), await readdir(store.dir)]).toEqual(['mine', ['notes']]);
    }
    await store.diff('ada');
    await writeFile(`${store.out}.undo`, 'mine');
    await expect(store.apply()).rejects.toThrow(/\.undo is there already/);
    expect(await readFile(`${store.out}.undo`, 'utf8')).toBe('mine');
  });

  test('is refused where a table is there that no rule names, on either side', async () => {
    await store.query('create table gone(id int primary key)');
    await store.remember();
    await store.query('drop table gone; create table fresh(id int primary key)');
    expect(await refusedFor()).toMatchObject([
      { code: 'table-unnamed', why: 'no rule names 2 tables: public.fresh and public.gone' },
    ]);
  });

  test.each([
    ['no primary key', 'create table part(id int, tenant text)', /has no primary key/],
    ['partitions', 'create table part(id int primary key, tenant text) partition by range (id)', /it is partitioned/],
    ['no log', 'create unlogged table part(id int primary key, tenant text)', /unlogged, and no row of it comes back/],
    [
      'rewrite rules',
      'create table part(id int primary key, tenant text); create rule never as on delete to part do instead nothing',
      /rewrite rules .* never/,
    ],
  ])('is refused for a tenant’s table with %s, by its name', async (_what, sql, why) => {
    await store.query(sql);
    await store.remember();
    const part: TenantRowsRule = { table: 'part', rows: 'tenant', column: 'tenant' };
    expect(await refusedFor([...RULES, part])).toMatchObject([
      { where: 'public.part', why: expect.stringMatching(why), rule: 4 },
    ]);
    const made = await store.diff('ada', by([...RULES, { table: 'part', rows: 'shared' }]));
    expect(made).toMatchObject({ ok: true });
  });

  test.each<[string, string, readonly TenantRowsRule[], RegExp]>([
    [
      'a tenant’s column',
      `create table ct(id int primary key, t citext not null)`,
      [{ table: 'ct', rows: 'tenant', column: 't' }],
      /public\.ct\.t \(public\.citext\), whose type has an = of its own/,
    ],
    [
      'a column of a domain over it',
      `create domain word as citext; create domain name_of as word; create table ct(id int primary key, t name_of not null)`,
      [{ table: 'ct', rows: 'tenant', column: 't' }],
      /public\.ct\.t \(public\.name_of\)/,
    ],
    [
      'a key',
      `create table ct(code citext primary key, t text not null)`,
      [{ table: 'ct', rows: 'tenant', column: 't' }],
      /public\.ct\.code \(public\.citext\)/,
    ],
    [
      'a way',
      `create table cp(id int primary key, code citext unique, t text); create table ct(id int primary key, code citext references cp(code))`,
      [
        { table: 'cp', rows: 'tenant', column: 't' },
        { table: 'ct', rows: 'through', by: ['code'], of: 'cp' },
      ],
      /public\.ct\.code \(public\.citext\) and public\.cp\.code \(public\.citext\)/,
    ],
  ])('is refused where rows are told by citext, whose = isn’t ours: %s', async (_what, sql, rules, why) => {
    await store.asSuperuser((client) => client.query('create extension citext schema public'));
    await store.query(sql);
    await store.remember();
    expect(await refusedFor([...RULES, ...rules])).toMatchObject([
      { code: 'rule-unfit', why: expect.stringMatching(why) },
    ]);
  });

  test('compares a column of citext, an array of it and an enumeration as what stands there', async () => {
    await store.asSuperuser((client) => client.query('create extension citext schema public'));
    await store.query(`create type kind as enum ('a', 'b');
      create table ct(id kind primary key, t text not null, mail citext, more citext[]); insert into ct values ('a', 'ada', 'X', '{X}')`);
    await store.remember();
    await store.query(`update ct set mail = 'x', more = '{x}'`);
    const made = await store.diff('ada', by([...RULES, { table: 'ct', rows: 'tenant', column: 't' }]));
    expect(made).toMatchObject({ ok: true, outside: [] });
    expect(made.ok && made.difference.tables.find(({ table }) => table === 'public.ct')?.changes).toEqual([
      { column: 'mail', rows: 1 },
      { column: 'more', rows: 1 },
    ]);
  });

  test('is refused where others’ rows refer to what would be taken away, with how many', async () => {
    await store.query(
      'create table watch(id int primary key, order_id bigint references orders(id) on delete set null)',
    );
    await store.remember();
    await store.query(`
      insert into orders(id, tenant, customer_id, number) overriding system value values (1900, 'ada', 1001, 900);
      insert into orders(id, tenant, customer_id, before_id, number) overriding system value values (2900, 'bob', 2001, 1900, 900);
      insert into watch values (1, 1900), (2, 1900)`);
    expect(await refusedFor([...RULES, { table: 'watch', rows: 'shared' }])).toMatchObject([
      {
        code: 'still-referenced',
        where: 'public.orders',
        why: '1 row that isn’t ada’s refers to rows of public.orders that would be taken away (orders_before_id_fkey, such as 1900)',
      },
      {
        code: 'still-referenced',
        where: 'public.watch',
        why: expect.stringMatching(/^2 rows that aren’t ada’s refer/),
      },
    ]);
  });

  test('is refused where a shared row is gone that what comes back needs', async () => {
    await store.query(
      `insert into currency values ('ITL', 'Lira'); update orders set currency = 'ITL' where id = 1002`,
    );
    await store.remember();
    await store.query(`update orders set currency = 'EUR' where id = 1002; delete from currency where code = 'ITL'`);
    expect(await refusedFor()).toMatchObject([
      {
        code: 'reference-gone',
        why: expect.stringMatching(
          /^a row of public\.currency that isn’t ada’s, and that rows of public\.orders need .*ITL\), is gone$/,
        ),
      },
    ]);
  });

  test('is refused where somebody else has taken a key since, and where a row went over to them', async () => {
    await store.remember();
    await store.query(`
      delete from order_line where order_id = 1008; delete from orders where id = 1008;
      insert into orders(id, tenant, customer_id, number) overriding system value values (1008, 'bob', 2001, 88);
      update customer set tenant = 'bob', name = 'went over' where id = 1005`);
    const found = await refusedFor();
    expect(found.map(({ code, where }) => `${code} ${where}`)).toEqual([
      'key-taken public.customer',
      'key-taken public.orders',
    ]);
  });

  test('after a migration says what it changed, and goes by the columns of both where the rule says so', async () => {
    await store.query('alter table customer add column dropped text');
    await store.query(`update customer set dropped = 'x'`);
    await store.remember();
    await store.query(`
      alter table customer drop column dropped; alter table customer add column added int default 7;
      alter table orders alter column number type bigint;
      delete from order_line where order_id = 1008; delete from orders where id = 1008`);
    const told = await refusedFor();
    expect(told.map(({ why }) => why)).toEqual([
      'a migration changed public.customer since: added is new and dropped is gone',
      'a migration changed public.orders since: number was integer and is bigint',
      // A row that comes back would have none of it: the column has no default.
      expect.stringMatching(/have no value in number/),
    ]);
    const leaving =
      (table: string, leave: string[]) =>
      (rule: TenantRowsRule): TenantRowsRule =>
        rule.table === table ? ({ ...rule, leave } as TenantRowsRule) : rule;
    const rules = RULES.map(leaving('customer', ['added', 'dropped'])).map(leaving('orders', ['number']));
    expect(await refusedFor(rules)).toMatchObject([{ why: expect.stringMatching(/have no value in number/) }]);
    await store.query('alter table orders alter column number set default 0');
    await store.query(`insert into customer values (1900, 'ada', 'new', null, null, 9)`);
    expect(await store.diff('ada', by(rules))).toMatchObject({ ok: true, outside: [] });
    expect(await store.apply()).toMatchObject({ ok: true });
    expect(await store.query('select number from orders where id = 1008')).toEqual([{ number: '0' }]);
    // What was in the column of today alone comes back with what takes it back.
    expect(await store.apply(`${store.out}.undo`)).toMatchObject({ ok: true });
    expect(await store.query('select added from customer where id = 1900')).toEqual([{ added: 9 }]);
  });

  test('is refused once the store was migrated after it was made', async () => {
    await store.remember();
    await store.query('delete from order_line where order_id = 1008');
    await store.diff('ada');
    await store.query('alter table currency add column more int');
    expect(await store.apply()).toMatchObject({ ok: false, refusal: { code: 'schema-changed' } });
  });

  test('goes by what stands for the tenant in its columns, which has to fit them', async () => {
    await store.query(
      'create table log(id int primary key, tenant_number int not null); insert into log values (1, 17), (2, 18)',
    );
    await store.remember();
    await store.query('insert into log values (3, 17), (4, 18)');
    const rules: TenantRowsRule[] = [
      ...RULES.map(({ table }): TenantRowsRule => ({ table, rows: 'shared' })),
      { table: 'log', rows: 'tenant', column: 'tenant_number' },
    ];
    expect(await refusedFor(rules)).toMatchObject([{ code: 'value-unfit', where: 'public.log' }]);
    const made = await store.diff('ada', by(rules, { ada: '17' }));
    expect(made).toMatchObject({ ok: true, difference: { value: '17', tables: [{ away: 1, back: 0 }] } });
    await store.apply();
    expect(await store.query('select id from log order by 1')).toEqual([{ id: 1 }, { id: 2 }, { id: 4 }]);
  });

  test.each([
    ['character(3)', 'adam', 'ada'],
    ['character varying(3)', 'ada  ', 'ada'],
    ['name', 'a'.repeat(64), 'a'.repeat(63)],
  ])(
    'is refused where the column’s type %s would cut what stands for the tenant, which is somebody’s of a shorter name',
    async (type, value, shorter) => {
      await store.query(`create table cut(id int primary key, t ${type}); insert into cut values (1, '${shorter}')`);
      await store.remember();
      await store.query('delete from cut');
      const rules: readonly TenantRowsRule[] = [...RULES, { table: 'cut', rows: 'tenant', column: 't' }];
      expect(await refusedFor(rules, { ada: value })).toMatchObject([
        { code: 'value-unfit', why: expect.stringContaining(`doesn’t fit the type ${type} of public.cut`) },
      ]);
      expect(await store.diff('ada', by(rules, { ada: shorter }))).toMatchObject({ ok: true });
    },
  );
});
