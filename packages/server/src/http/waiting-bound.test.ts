/** How many promotions one principal may have waiting, asked of a real server at once; of two stores on one database: `time-rules.ts` of the testkit. */
import { ProblemError } from '@headgate/contract';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RealServer } from '../testing/real-server.ts';
import { SmallCompany } from '../testing/small-company.ts';

/** As many as one principal may have under way at once. */
const AT_ONCE = 8;

let server: RealServer;
let release: Awaited<ReturnType<SmallCompany['release']>>;

beforeAll(async () => {
  server = await RealServer.start();
  const company = await SmallCompany.found(server);
  release = await company.release('2.0.0');
});
afterAll(() => server?.remove());

it('is 200, however many ask for the last places at once', { timeout: 120_000 }, async () => {
  const developer = await server.client('developer');
  const ask = async (key?: string) => {
    try {
      const body = { release, environment: 'production' } as const;
      return (await developer.call('requestPromotion', { body }, key === undefined ? {} : { idempotencyKey: key })).id;
    } catch (error) {
      if (error instanceof ProblemError) return error.problem.refusals[0]?.code;
      throw error;
    }
  };
  const batch = (size: number) => Promise.all(Array.from({ length: size }, () => ask()));
  for (let asked = 0; asked < 192; asked += AT_ONCE) await batch(AT_ONCE);
  const first = await ask('the same');
  await batch(4);
  // Three places are left.
  const last = await batch(AT_ONCE);
  expect(last.filter((answer) => answer === 'too-many-waiting')).toHaveLength(AT_ONCE - 3);
  expect(await ask()).toBe('too-many-waiting');
  // What was asked for is answered with what came of it, also when there is no room for more.
  expect(await ask('the same')).toBe(first);
  const open = await developer.call('listPromotions', { open: 'true', limit: 200 });
  expect({ items: open.items.length, next: open.next }).toEqual({ items: 200, next: null });
  const operator = await server.client('approver');
  await operator.call('rejectPromotion', { promotion: open.items[0]?.id as string, body: { reason: 'too many' } });
  const again = await batch(AT_ONCE);
  expect(again.filter((answer) => answer === 'too-many-waiting')).toHaveLength(AT_ONCE - 1);
});
