/** A service whose migration can't run beside one thing that its customers do: from the declaration to the router’s answers. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RunningShop, tools } from './running-shop.ts';

let shop: RunningShop;

/** Long enough to be seen by an agent that looks every few seconds; what it locks tells that it runs. */
const SLOW = `-- headgate:closes place-order
create table busy_note();
select pg_sleep(12);
alter table orders add column note text;
`;

beforeAll(async () => {
  if (tools !== undefined) shop = await RunningShop.start();
}, 240_000);
afterAll(async () => {
  await shop?.remove();
});

test.skipIf(tools === undefined)(
  'while its migration runs orders are refused with a clear answer, everything else is served, and status says until when',
  { timeout: 240_000 },
  async () => {
    expect((await shop.order()).status).toBe(201);
    await writeFile(join(shop.dir, 'shop/migrations/0002-note.sql'), SLOW);
    await shop.run('headgate --as developer release create shop --key .headgate/ci/release.key --version 1.1.0');
    const plan = await shop.run('headgate plan 1.1.0 --to shop-production --dry-run');
    expect(plan.replace(/\s+/g, ' ')).toContain('close place-order for shop: refused with when to come again');
    expect(plan).toContain('with place-order closed');
    await shop.run('headgate --as release-manager promote 1.1.0 --to shop-production --key first');
    await shop.run(`headgate --as approver approve ${await shop.open()} --yes`);
    const refused = await shop.until(async () => {
      const answer = await shop.order();
      return answer.status === 503 ? answer : undefined;
    }, 'no order was ever refused');
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(await refused.json()).toMatchObject({
      operation: 'place-order',
      detail: expect.stringContaining(
        'Nothing can be ordered at the moment. Nothing was carried out; please try again in',
      ),
    });
    expect((await shop.orders()).status).toBe(200);
    const status = await shop.until(async () => {
      expect((await shop.orders()).status).toBe(200);
      const said = await shop.run('headgate status');
      return said.includes('CLOSED') ? said : undefined;
    }, 'status never said what is closed');
    expect(status).toMatch(
      /^CLOSED in cell shop-production: place-order for one tenant, since .*, until .*, then it opens by itself$/m,
    );
    await shop.run('headgate watch --environment shop-production');
    expect((await shop.order()).status).toBe(201);
    expect(await shop.run('headgate status')).not.toContain('CLOSED');
  },
);

test.skipIf(tools === undefined)(
  'with the control plane gone in the midst, orders are taken again by themselves',
  { timeout: 240_000 },
  async () => {
    await writeFile(join(shop.dir, 'shop/migrations/0003-more.sql'), SLOW.replaceAll('note', 'more'));
    await shop.run('headgate --as developer release create shop --key .headgate/ci/release.key --version 1.2.0');
    await shop.run('headgate --as release-manager promote 1.2.0 --to shop-production --key second');
    await shop.run(`headgate --as approver approve ${await shop.open()} --yes`);
    const admin = await shop.real.store.cluster.connection('shop');
    const locks = `select 1 from pg_locks where locktype = 'relation' and mode = 'AccessExclusiveLock'`;
    await shop.until(async () => {
      const { rows } = await withClient(admin, (client) => client.query(locks));
      return rows.length > 0 ? true : undefined;
    }, 'the migration never began');
    expect((await shop.order()).status).toBe(503);
    await shop.shell.end('headgate-server');
    await shop.until(async () => ((await shop.order()).status === 201 ? true : undefined), 'orders stayed closed');
  },
);
