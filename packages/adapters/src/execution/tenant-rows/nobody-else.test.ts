/** Applying is all or nothing, and nobody else's: under kills, and under what changes others' rows behind it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { TenantRowsRule } from '@headgate/domain';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { withClient } from '../../postgres-cluster/database.ts';
import { ownersConnection } from '../store/store-session.ts';
import { RULES, type SharedStore, sharedStore } from './testing/shared-store.ts';

let store: SharedStore;

beforeAll(async () => {
  store = await sharedStore();
}, 60_000);
afterAll(() => store?.remove());

const digest = `sha256:${'0'.repeat(64)}` as const;

/** Until so many sessions wait for a lock. */
async function waiting(): Promise<void> {
  const until = performance.now() + 30_000;
  for (;;) {
    const found = await store.asSuperuser(async (client) => {
      const { rows } = await client.query(
        `select query from pg_stat_activity where application_name = 'headgate recover-tenant' and wait_event_type = 'Lock'`,
      );
      return rows.length;
    });
    if (found > 0) return;
    if (performance.now() > until) throw new Error('nobody waits');
    await new Promise((done) => setTimeout(done, 20));
  }
}

describe('Applying', { timeout: 60_000 }, () => {
  beforeEach(async () => {
    await store.anew();
    await store.remember();
    await store.query(`
      insert into orders(id, tenant, customer_id, number) overriding system value values (1900, 'ada', 1001, 900), (1901, 'ada', 1001, 901);
      update customer set born = null where id in (1001, 1004); delete from order_line where order_id = 1008`);
  });

  test('killed in the midst leaves nothing of it, no lock, and can be done again', async () => {
    await store.diff('ada');
    const before = await store.rows('ada', 'live');
    await withClient(await ownersConnection(store.real.store), async (holder) => {
      // Orders go before customers change: at this row it waits with a part written.
      await holder.query('begin; select from customer where id = 1004 for update');
      const { dir, config } = store.real.store.cluster;
      const script = join(import.meta.dirname, 'testing', 'apply-once.ts');
      const child = spawn(process.execPath, [script, dir, String(config.port), store.out], { stdio: 'ignore' });
      const exit = once(child, 'exit');
      await waiting();
      child.kill('SIGKILL');
      await exit;
      await holder.query('rollback');
    });
    await store.asSuperuser(async (client) => {
      for (let left = 1; left > 0; ) {
        const { rows } = await client.query(
          `select from pg_stat_activity where application_name = 'headgate recover-tenant'`,
        );
        left = rows.length;
      }
    });
    expect(await store.rows('ada', 'live')).toEqual(before);
    expect(await store.apply()).toMatchObject({ ok: true });
    expect(await store.rows('ada', 'live')).toEqual(await store.rows('ada', 'was'));
  });

  test('waits for nobody who keeps a row for long, and says so', async () => {
    await store.diff('ada');
    const before = await store.rows('ada', 'live');
    await withClient(await ownersConnection(store.real.store), async (holder) => {
      await holder.query('begin; select from customer where id = 1004 for update');
      expect(await store.apply()).toMatchObject({ ok: false, refusal: { code: 'locked' } });
      await holder.query('rollback');
    });
    expect(await store.rows('ada', 'live')).toEqual(before);
  });

  /** That it is refused, with this word, and both tenants and the shared table are as they were. */
  async function refusedWith(word: string): Promise<void> {
    const all = async () => [
      await store.rows('ada', 'live'),
      await store.rows('bob', 'live'),
      await store.query('select * from currency order by 1'),
    ];
    const before = await all();
    expect(await store.apply()).toMatchObject({
      ok: false,
      refusal: { code: 'others-touched', why: expect.stringContaining(word) },
    });
    expect(await all()).toEqual(before);
  }

  test('is caught where it reaches another tenant’s row: one that refers, and is let go of by the database', async () => {
    await store.query(`
      alter table orders drop constraint orders_before_id_fkey;
      alter table orders add foreign key (before_id) references orders(id) on delete set null`);
    await store.diff('ada');
    await store.query(`update orders set before_id = 1900 where id = 2003`);
    await refusedWith('public.orders that are somebody else’s');
  });

  test.each([
    [
      'another tenant’s',
      `update public.customer set born = null where id = 2002`,
      'public.customer that are somebody else’s',
    ],
    ['a shared', `update public.currency set name = name || '!'`, 'other rows of public.currency than were planned'],
  ])('is caught where code in the database changes %s row behind it', async (_whose, sql, word) => {
    await store.diff('ada');
    await store.asSuperuser((client) =>
      client.query(`
        create schema planted;
        create function planted.behind() returns event_trigger language plpgsql as $$ begin ${sql}; end $$;
        create event trigger behind on ddl_command_end when tag in ('ALTER TABLE') execute function planted.behind()`),
    );
    // The trigger of orders is turned off for it, which is where the planted code runs.
    try {
      await refusedWith(word);
    } finally {
      await store.asSuperuser((client) => client.query('drop event trigger behind; drop schema planted cascade'));
    }
  });

  test('is caught where code in the database changes the tenant’s own rows behind it', async () => {
    await store.diff('ada');
    const before = await store.rows('ada', 'live');
    await store.asSuperuser((client) =>
      client.query(`
        create schema planted;
        create function planted.behind() returns event_trigger language plpgsql as $$ begin
          update public.customer set note = null where id = 1002; end $$;
        create event trigger behind on ddl_command_end when tag in ('ALTER TABLE') execute function planted.behind()`),
    );
    try {
      expect(await store.apply()).toMatchObject({ ok: false, refusal: { code: 'not-as-wanted' } });
      expect(await store.rows('ada', 'live')).toEqual(before);
    } finally {
      await store.asSuperuser((client) => client.query('drop event trigger behind; drop schema planted cascade'));
    }
  });

  test('is caught where a rule file left a table out of the tenant’s that refers to its rows', async () => {
    await store.query(`insert into order_line values (1900, 1, 'x', 1)`);
    const without = RULES.map(
      (rule): TenantRowsRule => (rule.table === 'order_line' ? { table: 'order_line', rows: 'shared' } : rule),
    );
    const made = await store.diff('ada', { rules: { rules: without, name: 'psa', digest } });
    expect(made).toMatchObject({ ok: true, outside: [{ code: 'still-referenced', where: 'public.order_line' }] });
  });
});
