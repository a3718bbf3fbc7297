/** A tenant with a schema of its own goes back as one of a shared table does, on a real cluster: all of its rows, and nobody else's. */
import type { TenantRowsSpec } from '@headgate/domain';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { withClient } from '../../postgres-cluster/database.ts';
import { ownersConnection } from '../store/store-session.ts';
import { forge } from './testing/forged.ts';
import { type SchemaStore, SPEC, schemaStore } from './testing/schema-store.ts';

let store: SchemaStore;

beforeAll(async () => {
  store = await schemaStore();
}, 60_000);
afterAll(() => store?.remove());

const left = (...leave: NonNullable<NonNullable<TenantRowsSpec['schemas']>['leave']>): TenantRowsSpec => ({
  ...SPEC,
  schemas: { named: 't_{tenant}', leave },
});

describe('A tenant’s schema', { timeout: 60_000 }, () => {
  beforeEach(async () => {
    await store.anew();
    await store.remember();
    await store.query(`
      delete from t_ada.invoice where id = 6; update t_ada.invoice set total = 99 where id = 2;
      insert into t_ada.customer(name) values ('new'); insert into t_ada.invoice(customer_id, total) values (3, 7);
      insert into t_bob.customer(name) values ('new, too'); delete from t_bob.invoice where id = 6`);
  });

  const untouched = async () => [await store.rows('t_bob', 'live'), await store.query('select * from rate order by 1')];

  test('goes back to its last row, nobody else’s does, and the undo brings back what was', async () => {
    const [before, others] = [await store.rows('t_ada', 'live'), await untouched()];
    const made = await store.diff();
    expect(made).toMatchObject({
      ok: true,
      outside: [],
      difference: { schemas: { named: 't_{tenant}', others: ['t_bob'] } },
    });
    expect(
      made.ok &&
        made.difference.tables.map(({ table, belongs, back, away, changed }) => [
          table,
          belongs.rows,
          back,
          away,
          changed,
        ]),
    ).toEqual([
      ['t_ada.customer', 'schema', 0, 1, 0],
      ['t_ada.invoice', 'schema', 1, 1, 1],
    ]);
    expect(await store.apply()).toMatchObject({ ok: true, applied: { others: { summed: 0, counted: [] } } });
    expect(await store.rows('t_ada', 'live')).toEqual(await store.rows('t_ada', 'was'));
    expect(await untouched()).toEqual(others);
    expect(await store.apply(`${store.out}.undo`)).toMatchObject({ ok: true });
    expect(await store.rows('t_ada', 'live')).toEqual(before);
    expect(await untouched()).toEqual(others);
  });

  test('goes back beside another tenant’s that is migrated, made or dropped meanwhile, which is nobody’s business', async () => {
    await store.query('alter table t_bob.customer add column note text');
    expect(await store.diff()).toMatchObject({ ok: true, outside: [] });
    await store.query(
      'drop table t_bob.invoice cascade; create schema t_cy; create table t_cy.customer(id int primary key)',
    );
    expect(await store.apply(store.out, { others: ['bob', 'cy'] })).toMatchObject({ ok: true });
    expect(await store.rows('t_ada', 'live')).toEqual(await store.rows('t_ada', 'was'));
  });

  test('is refused by name where its structure isn’t what it was, and goes back without what is left as it is', async () => {
    await store.query(`
      alter table t_ada.customer add column note text default 'x';
      create table t_ada.log(at timestamptz); create table t_ada.fresh(id int primary key)`);
    const why = async (spec: TenantRowsSpec) => {
      const made = await store.diff(spec);
      return made.ok ? [] : made.refusals.map((each) => `${each.where}: ${each.why}; ${each.unblock}`);
    };
    const said = await why(SPEC);
    expect(said).toHaveLength(3);
    expect(said.join('\n')).toMatch(
      /t_ada\.customer: a migration changed .* note is new.*leave: \[\{table: customer, columns: \[note\]\}\]/,
    );
    expect(said.join('\n')).toMatch(/t_ada\.fresh: the recovered one has no table .*leave: \[\{table: fresh\}\]/);
    expect(await why(left({ table: 'nowhere' }))).toContainEqual(expect.stringMatching(/leave names t_ada\.nowhere/));
    const spec = left({ table: 'customer', columns: ['note'] }, { table: 'log' }, { table: 'fresh' });
    expect(await store.diff(spec)).toMatchObject({
      ok: true,
      difference: { shared: ['public.rate', 't_ada.fresh', 't_ada.log'] },
    });
    expect(await store.apply()).toMatchObject({ ok: true });
    expect(await store.query('select id, name, note from t_ada.customer order by id')).toEqual([
      { id: 1, name: 't_ada one', note: 'x' },
      { id: 2, name: 't_ada two', note: 'x' },
    ]);
  });

  test('has sequences that are never set back, and raised where they would give out again what comes back', async () => {
    const next = () =>
      store.query(`select nextval('t_ada.customer_id_seq')::int as c, nextval('t_ada.invoice_id_seq')::int as i`);
    await store.diff();
    expect(await store.apply()).toMatchObject({ ok: true });
    expect(await next()).toEqual([{ c: 4, i: 8 }]);
    // Emptied, with its numbers begun anew.
    await store.query(
      `truncate t_ada.invoice restart identity; insert into t_ada.invoice(customer_id, total) values (1, 1)`,
    );
    const made = await store.diff();
    expect(made).toMatchObject({
      difference: { sequences: [{ sequence: 't_ada.invoice_id_seq', column: 't_ada.invoice.id', next: '2', to: '7' }] },
    });
    expect(await store.apply()).toMatchObject({ ok: true });
    expect(await next()).toEqual([{ c: 5, i: 7 }]);
    const [undo] = [await store.apply(`${store.out}.undo`)];
    expect(undo).toMatchObject({ ok: true });
    expect(await next()).toEqual([{ c: 6, i: 8 }]);
  });

  test('is left as it is where a sequence was set back behind the approval', async () => {
    await store.diff();
    const before = await store.rows('t_ada', 'live');
    await store.query(`select setval('t_ada.invoice_id_seq', 3)`);
    expect(await store.apply()).toMatchObject({
      ok: false,
      refusal: { code: 'changed-since', why: expect.stringContaining('t_ada.invoice_id_seq isn’t so') },
    });
    expect(await store.rows('t_ada', 'live')).toEqual(before);
  });

  test('is refused where a shared row is gone that what comes back needs, and where another tenant’s row refers to what goes', async () => {
    await store.query(
      `update t_ada.customer set rate = null where id = 2; update t_bob.customer set rate = null; delete from rate where code = 'USD'`,
    );
    expect(await store.diff()).toMatchObject({
      outside: [{ code: 'reference-gone', where: 't_ada.customer', why: expect.stringContaining('public.rate') }],
    });
    await store.query(`insert into rate values ('USD', 'Dollar');
      create table t_bob.borrowed(customer_id int primary key references t_ada.customer(id)); insert into t_bob.borrowed values (3)`);
    expect(await store.diff()).toMatchObject({ outside: [{ code: 'still-referenced', where: 't_bob.borrowed' }] });
  });

  test('is compared as of one moment, and what is written while it is read is said', async () => {
    await withClient(await ownersConnection({ ...store.live, database: 'was' }), async (holder) => {
      await holder.query('begin; lock table t_ada.invoice in access exclusive mode');
      const making = store.diff();
      for (;;) {
        const waits = await store.asSuperuser((client) =>
          client.query(
            `select from pg_stat_activity where application_name = 'headgate recover-tenant' and wait_event_type = 'Lock'`,
          ),
        );
        if (waits.rowCount !== 0) break;
        await new Promise((done) => setTimeout(done, 20));
      }
      await store.query(
        `update t_ada.customer set name = 'since' where id = 1; update t_bob.customer set name = 'since'`,
      );
      await holder.query('commit');
      expect(await making).toMatchObject({ ok: true, writtenSince: ['t_ada.customer'] });
    });
    expect(await store.diff()).toMatchObject({ ok: true, writtenSince: [] });
  });

  test('is refused where a row was written since, and where a table of it was left out', async () => {
    await store.diff();
    await store.query(`update t_ada.customer set name = 'since' where id = 1`);
    expect(await store.apply()).toMatchObject({ ok: false, refusal: { code: 'changed-since' } });
    await store.diff();
    await store.query('create table t_ada.fresh(id int primary key)');
    expect(await store.apply()).toMatchObject({ ok: false, refusal: { code: 'schema-changed' } });
  });

  test.each([
    [
      'writes a row of another tenant’s schema',
      `update t_bob.customer set name = 'x'`,
      /other rows of t_bob\.customer than were planned/,
    ],
    ['deletes one', `delete from t_bob.invoice where id = 1`, /other rows of t_bob\.invoice/],
    ['empties a table of it', 'truncate t_bob.invoice', /t_bob\.invoice is held against everybody/],
    ['alters one', 'alter table t_bob.customer add column planted int', /t_bob\.customer is held against everybody/],
    ['writes a row of everybody’s', `update public.rate set name = 'x'`, /other rows of public\.rate/],
  ])('is left as it is where code in the database %s behind it', async (_what, sql, why) => {
    await store.diff();
    const [before, others] = [await store.rows('t_ada', 'live'), await untouched()];
    await store.asSuperuser((client) =>
      client.query(`
        create schema planted;
        create function planted.behind() returns event_trigger language plpgsql security definer as $$ begin
          if current_setting('planted.once', true) = '1' then return; end if;
          perform set_config('planted.once', '1', true); ${sql}; end $$;
        create event trigger behind on ddl_command_end when tag in ('ALTER TABLE') execute function planted.behind()`),
    );
    try {
      const outcome = await store.apply();
      expect(outcome).toMatchObject({
        ok: false,
        refusal: { code: 'others-touched', why: expect.stringMatching(why) },
      });
      expect(await store.rows('t_ada', 'live')).toEqual(before);
      expect(await untouched()).toEqual(others);
    } finally {
      await store.asSuperuser((client) => client.query('drop event trigger behind; drop schema planted cascade'));
    }
  });

  test('is left as it is where a row of it is dropped behind it', async () => {
    await store.diff();
    const before = await store.rows('t_ada', 'live');
    await store.asSuperuser((client) =>
      client.query(`
        create schema planted;
        create function planted.behind() returns event_trigger language plpgsql security definer as $$ begin
          delete from t_ada.invoice where id = 1; end $$;
        create event trigger behind on ddl_command_end when tag in ('ALTER TABLE') execute function planted.behind()`),
    );
    try {
      expect(await store.apply()).toMatchObject({ ok: false, refusal: { code: 'not-as-wanted' } });
      expect(await store.rows('t_ada', 'live')).toEqual(before);
    } finally {
      await store.asSuperuser((client) => client.query('drop event trigger behind; drop schema planted cascade'));
    }
  });

  test('isn’t everybody’s, another tenant’s, or one of a name that can’t be', async () => {
    const code = async (named: string, values?: Record<string, string>) => {
      const made = await store.diff({ ...SPEC, schemas: { named }, ...(values !== undefined && { values }) });
      return made.ok ? made : made.refusals.map((each) => each.code).join();
    };
    expect(await code('{tenant}', { ada: 'public' })).toBe('value-unfit');
    expect(await code('t_{tenant}', { ada: 'bob' })).toBe('value-of-another');
    expect(await code('{tenant}', { ada: 'pg_toast' })).toBe('value-unfit');
    expect(await code('t_{tenant}', { ada: 'x'.repeat(62) })).toBe('value-unfit');
    expect(await code('t.{tenant}')).toBe('value-unfit');
    expect(await code('u_{tenant}')).toMatch(/rule-unfit/);
  });

  test('is told from the store’s tables when it is applied, and not from the file', async () => {
    const forged = async (change: Parameters<typeof forge>[1]) => {
      await store.diff();
      await forge(store.out, change);
      const [before, others] = [await store.rows('t_ada', 'live'), await untouched()];
      const outcome = await store.apply();
      expect([await store.rows('t_ada', 'live'), await untouched()]).toEqual([before, others]);
      return outcome.ok ? 'applied' : outcome.refusal.code;
    };
    expect(
      await forged((difference) => {
        difference.schemas = { named: 't_{tenant}', others: [] };
        difference.value = 'bob';
      }),
    ).toBe('value-of-another');
    expect(
      await forged((difference) => {
        difference.schemas = { named: 't_b{tenant}', others: [] };
        difference.value = 'ob';
      }),
    ).toMatch(/schema-changed|not-of-this-store/);
    expect(
      await forged((difference) => {
        difference.tables[0]!.table = 'public.rate';
      }),
    ).toBe('not-of-this-store');
    expect(
      await forged((difference) => {
        difference.sequences = [
          { sequence: 't_ada.invoice_id_seq', column: 't_ada.invoice.id', next: '8', to: '4000' },
        ];
      }),
    ).toBe('changed-since');
  });
});
