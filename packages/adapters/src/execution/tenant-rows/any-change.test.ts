/** Whatever two tenants do after the moment: the one is back as it was, the other as it is. By chance, on a real cluster. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type SharedStore, sharedStore } from './testing/shared-store.ts';

let store: SharedStore;

beforeAll(async () => {
  store = await sharedStore();
}, 60_000);
afterAll(() => store?.remove());

const number = fc.integer({ min: 1, max: 12 });
const change = fc.record({
  tenant: fc.constantFrom('ada', 'bob'),
  what: fc.constantFrom('customer', 'rename', 'leave', 'order', 'move', 'cancel', 'line', 'fill', 'strike'),
  a: number,
  b: number,
  text: fc.oneof(
    fc.constant(null),
    fc.string({ maxLength: 12, unit: 'binary' }).map((each) => each.replaceAll('\0', '')),
  ),
});
/** What no other change takes back: whatever chance brings, something differs. */
const SURE = [13, 14, 15].map((a): Change => ({ tenant: 'ada', what: 'customer', a, b: 1, text: null }));
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

/** What a person does; some of it the store refuses. */
function sqlOf({ tenant, what, a, b, text }: Change): string {
  const from = tenant === 'ada' ? 1_000 : 2_000;
  const words = text === null ? 'null' : `convert_from('\\x${Buffer.from(text).toString('hex')}', 'UTF8')`;
  switch (what) {
    case 'customer':
      return `insert into customer values (${from + a}, '${tenant}', ${words}, null, null)`;
    case 'rename':
      return `update customer set name = ${words}, note = to_json(${words}) where id = ${from + a}`;
    case 'leave':
      return `delete from customer where id = ${from + a}`;
    case 'order':
      return `insert into orders(id, tenant, customer_id, before_id, number, total, tags) overriding system value
        values (${from + a}, '${tenant}', ${from + b}, nullif(${from + b}, ${from + a}), ${a + b}, ${a}.${b}, array[${words}])`;
    case 'move':
      return `update orders set customer_id = ${from + b}, before_id = nullif(${from + b}, ${from + a}), seal = convert_to(${words}, 'UTF8') where id = ${from + a}`;
    case 'cancel':
      return `delete from order_line where order_id = ${from + a}; delete from orders where id = ${from + a}`;
    case 'line':
      return `insert into order_line values (${from + a}, ${b}, left(${words}, 8), ${a})`;
    case 'fill':
      return `update order_line set amount = ${b}, text = left(${words}, 8) where order_id = ${from + a}`;
    case 'strike':
      return `delete from order_line where order_id = ${from + a} and n = ${1 + (b % 3)}`;
  }
}

test('after any changes the one is back, byte for byte, and the other untouched', { timeout: 300_000 }, async () => {
  let [written, runs] = [0, 0];
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 5, maxLength: 40 }), async (changes) => {
      await store.anew();
      await store.remember();
      for (const each of [...SURE, ...changes]) await store.query(sqlOf(each)).catch(() => {});
      const bob = await store.rows('bob', 'live');
      const made = await store.diff('ada');
      expect(made).toMatchObject({ ok: true, outside: [] });
      if (made.ok) written += made.difference.body.lines;
      runs++;
      expect(await store.apply()).toMatchObject({ ok: true });
      expect(await store.rows('ada', 'live')).toEqual(await store.rows('ada', 'was'));
      expect(await store.rows('bob', 'live')).toEqual(bob);
    }),
    { numRuns: Number(process.env.HEADGATE_TENANT_RUNS ?? 12) },
  );
  // Not that nothing ever differed.
  expect(written).toBeGreaterThan(2 * runs);
});
