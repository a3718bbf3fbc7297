/** A difference is what somebody wrote into a file: what it says of the store, of whose rows they are and of its numbers is held against them. */
import type { TenantRowsRule } from '@headgate/domain';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ownersConnection } from '../store/store-session.ts';
import { rowsClient } from './rows-client.ts';
import { forge } from './testing/forged.ts';
import { RULES, type SharedStore, sharedStore } from './testing/shared-store.ts';

let store: SharedStore;

beforeAll(async () => {
  store = await sharedStore();
}, 60_000);
afterAll(() => store?.remove());

const all = async () => [await store.rows('ada', 'live'), await store.rows('bob', 'live')];

describe('A difference whose maker wrote into it', { timeout: 60_000 }, () => {
  beforeEach(async () => {
    await store.anew();
    await store.remember();
    await store.query(`
      update orders set total = total * 100 where id between 1001 and 1003;
      delete from order_line where order_id = 1008; insert into customer values (1900, 'ada', 'new', null, null)`);
    expect(await store.diff('ada')).toMatchObject({ ok: true });
  });

  const SQL = 'text; commit; delete from public.order_line where order_id > 2000';
  test.each<[string, Parameters<typeof forge>[1], RegExp]>([
    [
      'SQL in place of the tenant’s type',
      ({ tables: [of] }) => Object.assign(of!.belongs, { type: SQL }),
      /public\.customer isn’t so .* somebody’s/,
    ],
    ['SQL in place of a column’s type', ({ tables: [of] }) => (of!.columns[0]!.type = SQL), /or their types/],
    [
      'another type that a value can be cast to',
      ({ tables: [of] }) => (of!.columns.find(({ name }) => name === 'id')!.type = 'bigint'),
      /its columns, or their types/,
    ],
    [
      'a column left out',
      ({ tables: [of] }, rows) => {
        const { key, columns } = of!;
        const at = columns.findIndex(({ name }) => !key.includes(name));
        columns.splice(at, 1);
        for (const { live } of rows.filter((each) => each.table === 0)) live!.splice(at, 1);
      },
      /its columns, or their types/,
    ],
    [
      'no sums, where rows change by a hundred times',
      ({ tables }) => {
        for (const each of tables) Object.assign(each, { sums: [], added: [] });
      },
      /what of it is added up/,
    ],
    [
      'other columns that change',
      ({ tables: [, of] }) => (of!.changes = [{ column: 'touched', rows: of!.changed }]),
      /other changes of public\.orders than its rows come to/,
    ],
    [
      'one kind of rows for another',
      ({ tables: [customer, , line] }) => {
        Object.assign(customer!, { away: 0, back: 1, live: { ...customer!.live, rows: customer!.was.rows - 1 } });
        Object.assign(line!, { back: 2, away: 1, live: { ...line!.live, rows: line!.was.rows - 1 } });
      },
      /other numbers of public\.customer than its rows come to/,
    ],
    [
      'a smaller change of a sum',
      ({ tables: [, of] }) => (of!.added.find(({ column }) => column === 'total')!.live = '39.61'),
      /other sums of public\.orders than its rows come to/,
    ],
    [
      'sums on both sides that differ by as much',
      ({ tables: [, of] }) =>
        Object.assign(of!.added.find(({ column }) => column === 'number')!, { live: '1', was: '1' }),
      /the sums that it says of public\.orders aren’t those/,
    ],
    ['another key', ({ tables: [of] }) => (of!.key = ['name']), /its primary key/],
    [
      'another column by which rows are somebody’s',
      ({ tables: [of] }) => Object.assign(of!.belongs, { column: 'id' }),
      /customer isn’t so .* somebody’s/,
    ],
    [
      'a way that no foreign key goes',
      ({ tables }) => Object.assign(tables[2]!.belongs, { of: 'public.customer' }),
      /order_line isn’t so .* somebody’s/,
    ],
    [
      'a way that leads in a circle',
      ({ tables }) =>
        (tables[1]!.belongs = { rows: 'through', by: ['before_id'], of: 'public.orders', ofColumns: ['id'] }),
      /orders isn’t so .* somebody’s/,
    ],
    ['a table that isn’t there', ({ tables: [of] }) => (of!.table = 'public.nobody'), /nobody|does not exist/],
  ])('%s is refused, and nothing of it is run', async (_what, change, why) => {
    const before = await all();
    await forge(store.out, change);
    const told = await store.apply().then(
      (outcome) => (outcome.ok ? 'applied' : outcome.refusal.why),
      (error: Error) => error.message,
    );
    expect(told).toMatch(why);
    expect(await all()).toEqual(before);
  });
});

describe('What stands for a tenant', { timeout: 60_000 }, () => {
  const digest = `sha256:${'0'.repeat(64)}` as const;
  const by = (values: Record<string, string>, rules = RULES) => ({ rules: { rules, values, name: 'psa', digest } });

  beforeEach(async () => {
    await store.anew();
    await store.remember();
    await store.query(`update customer set born = null where id in (1001, 2001)`);
  });

  test('isn’t what stands for another: neither where it is compared, nor where it is applied', async () => {
    const code = 'value-of-another';
    expect(await store.diff('ada', by({ ada: 'bob' }))).toMatchObject({ ok: false, refusals: [{ code }] });
    // As an agent has it compared that knows no tenant of that name.
    expect(await store.diff('ada', { ...by({ ada: 'bob' }), others: [] })).toMatchObject({ ok: true, outside: [] });
    const before = await all();
    expect(await store.apply()).toMatchObject({ ok: false, refusal: { code, why: expect.stringContaining('"bob"') } });
    expect(await all()).toEqual(before);
  });

  test('is compared as the column’s type does, and a name that the type can’t hold is nobody’s there', async () => {
    await store.query(
      `create table part(id int primary key, of int not null); insert into part values (1, 17), (2, 18)`,
    );
    await store.remember();
    const rules: readonly TenantRowsRule[] = [
      ...RULES.map((rule): TenantRowsRule => ({ table: rule.table, rows: 'shared' })),
      { table: 'part', rows: 'tenant', column: 'of' },
    ];
    const others = ['bob', '17', 'cyd'];
    expect(await store.diff('ada', { ...by({ ada: '017' }, rules), others })).toMatchObject({
      refusals: [{ code: 'value-of-another', where: 'public.part' }],
    });
    expect(await store.diff('ada', { ...by({ ada: '018' }, rules), others })).toMatchObject({ ok: true });
    expect(await store.diff('ada', { ...by({ ada: 'x' }, rules), others })).toMatchObject({
      refusals: [{ code: 'value-unfit' }],
    });
  });
});

test('A session for rows takes one statement at a time, with values and without', async () => {
  const client = rowsClient(await ownersConnection(store.real.store));
  await client.connect();
  try {
    await expect(client.query('select 1; select 2')).rejects.toThrow(/multiple commands/);
    await expect(client.query('select $1::int; select 2', [1])).rejects.toThrow(/multiple commands/);
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: '1' }]);
  } finally {
    await client.end();
  }
});
