/** One tenant of a shared store goes back, and nobody else: on a real cluster, counted in the store itself. */
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { openDifferenceFile } from '@headgate/documents';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type SharedStore, sharedStore } from './testing/shared-store.ts';
import { transactionIsOver } from './transaction-status.ts';

let store: SharedStore;

beforeAll(async () => {
  store = await sharedStore();
}, 60_000);
afterAll(() => store?.remove());

/** Both tenants write on: rows go, come, change, refer to what is new, take the numbers of what went. */
const WRITTEN = (tenant: string, from: number): string => `
  delete from order_line where order_id = ${from} + 8; delete from orders where id = ${from} + 8;
  insert into customer values (${from} + 900, '${tenant}', 'new', '{}', null);
  insert into orders(id, tenant, customer_id, number, currency, total) overriding system value values (${from} + 900, '${tenant}', ${from} + 900, 8, 'USD', 99.99);
  update orders set customer_id = ${from} + 900, before_id = ${from} + 900, total = total + 1 where id = ${from} + 3;
  insert into order_line values (${from} + 900, 1, 'x', 1), (${from} + 3, 9, 'y', 2);
  update customer set note = '{"b": 1, "a": null}', born = null where id = ${from} + 2;
  update orders set tags = array['other'], seal = null, ratio = 0.1::float8 + 0.2::float8 where id = ${from} + 5;`;

describe('A tenant goes back', { timeout: 60_000 }, () => {
  beforeEach(async () => {
    await store.anew();
    await store.remember();
    await store.query(WRITTEN('ada', 1_000));
    await store.query(WRITTEN('bob', 2_000));
  });

  test('byte for byte, and the other tenant stays as it is', async () => {
    const bob = await store.rows('bob', 'live');
    const made = await store.diff('ada');
    expect(made).toMatchObject({ ok: true, outside: [] });
    if (!made.ok) return;
    expect(made.difference.tables.map(({ table, back, away, changed }) => [table, back, away, changed])).toEqual([
      ['public.customer', 0, 1, 1],
      ['public.orders', 1, 1, 2],
      ['public.order_line', 3, 2, 0],
    ]);
    const [, orders] = made.difference.tables;
    expect(orders?.added).toEqual([
      { column: 'number', live: '36', was: '36' },
      { column: 'total', live: '131.79', was: '39.60' },
      { column: 'touched', live: '2', was: '0' },
    ]);
    // Its rows are those of one tenant alone.
    expect(await readFile(store.out, 'utf8')).not.toMatch(/bob/);
    expect((await stat(store.out)).mode & 0o777).toBe(0o600);
    expect(await store.apply()).toMatchObject({ ok: true, applied: { others: { summed: 3, counted: [] } } });
    expect(await store.rows('ada', 'live')).toEqual(await store.rows('ada', 'was'));
    expect(await store.rows('bob', 'live')).toEqual(bob);
    const triggers = await store.query(`select tgenabled from pg_trigger where tgname = 'touch'`);
    expect(triggers).toEqual([{ tgenabled: 'O' }]);
  });

  test('and what was taken away comes back by the reverse difference', async () => {
    const before = await store.rows('ada', 'live');
    await store.diff('ada');
    const done = await store.apply();
    const path = done.ok && 'applied' in done ? done.applied.reverse.path : '';
    const undo = await openDifferenceFile(path);
    expect(undo.difference.undoes).toBe((await openDifferenceFile(store.out)).digest);
    expect(await store.apply(path)).toMatchObject({ ok: true });
    expect(await store.rows('ada', 'live')).toEqual(before);
  });

  test('once: applied again nothing is written, and what comes back doesn’t lose its own undo', async () => {
    await store.diff('ada');
    await store.apply();
    const undo = await readFile(`${store.out}.undo`, 'utf8');
    const [before] = await store.query(`select sum(xmin::text::bigint)::text as x from orders`);
    expect(await store.apply()).toEqual({ ok: true, already: true });
    expect(await store.query(`select sum(xmin::text::bigint)::text as x from orders`)).toEqual([before]);
    expect(await readFile(`${store.out}.undo`, 'utf8')).toBe(undo);
  });

  test('once: taken back, it isn’t applied again; and what wasn’t committed can be told from what was', async () => {
    await store.diff('ada');
    const before = await store.rows('ada', 'live');
    const seen: string[] = [];
    const kept = async (_: unknown, transaction: string) => void seen.push(transaction);
    const failing = async (...args: [unknown, string]) => {
      await kept(...args);
      throw new Error('no room on the disk');
    };
    await expect(store.apply(store.out, { beforeCommit: failing })).rejects.toThrow('no room on the disk');
    expect(await store.rows('ada', 'live')).toEqual(before);
    expect(await store.apply(store.out, { beforeCommit: kept })).toMatchObject({ ok: true });
    const is = (transaction: string) => transactionIsOver(store.real.store, transaction);
    expect(await Promise.all([...seen, '99999999999'].map(is))).toEqual(['aborted', 'committed', 'committed']);
    expect(await store.apply(store.out, { appliedAt: 1 })).toMatchObject({ ok: true, already: true });
    expect(await store.apply(`${store.out}.undo`)).toMatchObject({ ok: true });
    expect(await store.apply(store.out, { appliedAt: 1 })).toMatchObject({
      ok: false,
      refusal: { code: 'applied-before', why: expect.stringContaining('1970-01-01T00:00:00.001Z') },
    });
    expect(await store.rows('ada', 'live')).toEqual(before);
  });

  test.each([
    ['changed again', `update orders set total = 1 where id = 1003`],
    ['written anew', `insert into customer values (1901, 'ada', 'newer', null, null)`],
    ['deleted', `delete from order_line where order_id = 1900`],
    ['changed where nothing differed', `update customer set born = '1999-09-09' where id = 1004`],
  ])('not where a row was %s since: nothing is changed', async (_what, sql) => {
    await store.diff('ada');
    await store.query(sql);
    const [ada, bob] = [await store.rows('ada', 'live'), await store.rows('bob', 'live')];
    expect(await store.apply()).toMatchObject({
      ok: false,
      refusal: {
        code: 'changed-since',
        why: expect.stringMatching(/of ada in public\.\w+ were written since.*nothing was changed/),
      },
    });
    expect(await store.rows('ada', 'live')).toEqual(ada);
    expect(await store.rows('bob', 'live')).toEqual(bob);
    expect(await readdir(store.dir)).toEqual(['difference']);
  });

  test('while the other tenant writes on between the two', async () => {
    await store.diff('ada');
    await store.query(`update orders set total = 5 where tenant = 'bob'; delete from order_line where order_id = 2001`);
    const bob = await store.rows('bob', 'live');
    expect(await store.apply()).toMatchObject({ ok: true });
    expect(await store.rows('ada', 'live')).toEqual(await store.rows('ada', 'was'));
    expect(await store.rows('bob', 'live')).toEqual(bob);
  });

  test('not by a file of which a byte is another one', async () => {
    await store.diff('ada');
    const text = await readFile(store.out, 'utf8');
    await writeFile(store.out, text.replace('"l1      "', '"l2      "'));
    await expect(store.apply()).rejects.toThrow(/rows aren’t those that its first line names/);
    await writeFile(store.out, text.replace('"value":"ada"', '"value":"bob"'));
    const forged = await openDifferenceFile(store.out);
    await writeFile(store.out, text);
    expect(forged.digest).not.toBe((await openDifferenceFile(store.out)).digest);
  });

  test('where keys and references go in a knot: what is deleted, changed and new each waits for another', async () => {
    await store.query(`
      insert into orders(id, tenant, customer_id, number) overriding system value values (1901, 'ada', 1001, 99);
      update orders set before_id = 1901 where id = 1004; update orders set before_id = null where before_id = 1006;
      update order_line set amount = 3 where order_id = 1006; delete from order_line where order_id = 1006;
      delete from orders where id = 1006; update orders set number = 6 where id = 1901`);
    await store.diff('ada');
    expect(await store.apply()).toMatchObject({ ok: true });
    expect(await store.rows('ada', 'live')).toEqual(await store.rows('ada', 'was'));
    expect(await store.query('select conname from pg_constraint where condeferrable')).toEqual([]);
  });

  test('not beyond a limit, which is named', async () => {
    await expect(store.diff('ada', { limits: { rows: 3, bytes: 1_000_000 } })).rejects.toThrow(
      /more than 3 rows .* differ/,
    );
    await expect(store.diff('ada', { limits: { rows: 100, bytes: 500 } })).rejects.toThrow(/more than 500 bytes/);
    expect(await readdir(store.dir)).toEqual([]);
  });

  test('not while a step of a promotion holds the store, and not by the first line of a file alone', async () => {
    await store.diff('ada');
    await store.asSuperuser(async (client) => {
      await client.query(`insert into headgate.fence values ('cell:shared', 1, 1) on conflict do nothing`);
      await client.query(`begin; update headgate.fence set n = n`);
      expect(await store.apply()).toMatchObject({ ok: false, refusal: { code: 'store-busy' } });
      await client.query('rollback');
    });
    const [first] = (await readFile(store.out, 'utf8')).split('\n');
    await writeFile(store.out, `${first}\n`);
    expect(await store.apply()).toMatchObject({ ok: false, refusal: { code: 'rows-missing' } });
    expect(await readdir(store.dir)).toEqual(['difference']);
  });

  test('not under an older token than the store has seen, and not while a migration is at work', async () => {
    await store.diff('ada');
    await store.asSuperuser((client) =>
      client.query(`insert into headgate.fence values ('cell:shared', 1, 1) on conflict do nothing`),
    );
    await store.asSuperuser(async (client) => {
      await client.query(`update headgate.fence set epoch = 2`);
      expect(await store.apply()).toMatchObject({ ok: false, refusal: { code: 'fenced' } });
      await client.query(`delete from headgate.fence; select pg_advisory_lock(hashtext('headgate.migration'))`);
      expect(await store.apply()).toMatchObject({ ok: false, refusal: { code: 'store-busy' } });
    });
    expect(await store.apply()).toMatchObject({ ok: true });
  });
});
