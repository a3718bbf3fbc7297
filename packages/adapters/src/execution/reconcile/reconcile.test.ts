import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Ports } from '@headgate/execution';
import { reconcile } from '@headgate/execution/steps/reconciler';
import { stepContext } from '@headgate/testkit/execution/step-context';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { withClient } from '../../postgres-cluster/database.ts';
import { type JsonServer, jsonServer } from '../testing/json-server.ts';
import { type RealStore, realStore } from '../testing/real-store.ts';
import { equal } from './classify.ts';
import { StoreAndHttpSides } from './store-and-http-sides.ts';

interface Entry {
  key: string;
  tenant: string;
  total: string | number;
  ref: string;
}
let real: RealStore;
let ledger: JsonServer;
let entries: Entry[];
let sides: StoreAndHttpSides;
/** What the shop was asked for. */
let orders: { id: string; tenant: string; total: number }[] = [];

beforeAll(async () => {
  real = await realStore();
  ledger = await jsonServer(({ url, headers }) => {
    if (headers.authorization !== 'Bearer ledger-token') return { status: 401 };
    if (url.pathname === '/orders')
      return { body: orders.filter((order) => order.tenant === url.searchParams.get('tenant')) };
    const all = entries.filter((entry) => entry.tenant === url.searchParams.get('tenant'));
    const at = Number(url.searchParams.get('after') ?? 0);
    return { body: { data: { items: all.slice(at, at + 2) }, next: at + 2 < all.length ? at + 2 : null } };
  });
  const tokenFile = join(real.dir, 'ledger-token');
  await writeFile(tokenFile, 'ledger-token\n', { mode: 0o600 });
  const storeOf = new Map([
    ['acme', 'main'],
    ['globex', 'main'],
    ['faraway', 'other'],
  ]);
  sides = new StoreAndHttpSides(
    new Map([['main', real.store]]),
    { ledger: { url: ledger.url, tokenFile }, shop: { url: ledger.url, tokenFile } },
    storeOf,
  );
  await query(
    `set role app; create table invoice(tenant text, number int, total numeric(12,2), state text, ref text, jobs int default 0, primary key (tenant, number))`,
  );
});
afterEach(() => query('truncate invoice'));
afterAll(async () => {
  await ledger?.close();
  await real?.remove();
});
const query = async (sql: string) =>
  withClient(await real.store.cluster.connection('app'), async (client) => (await client.query(sql)).rows);

const document = (settleMs = 300) => ({
  apiVersion: 'headgate/v1',
  kind: 'Reconciliation',
  metadata: { name: 'invoices', owner: 'team' },
  spec: {
    left: {
      sql: `select tenant, tenant || '/' || number as key, number, total, case when jobs > 0 then 'posting' else state end as state from invoice where tenant = any($1)`,
    },
    right: {
      connection: 'ledger',
      path: '/entries?tenant={tenant}',
      items: '/data/items',
      paging: { parameter: 'after', next: '/next', maxPages: 100 },
    },
    key: { left: 'key', right: 'key' },
    tenant: { left: 'tenant', right: 'tenant' },
    compare: [{ name: 'total', left: 'total', right: 'total', as: 'number' }],
    rules: [
      {
        name: 'not-posted',
        when: { side: 'left-only', left: { state: 'created' } },
        do: {
          effect: 'replay',
          sql: 'update invoice set jobs = jobs + 1 where tenant = $1 and number = $2 and jobs = 0',
          params: ['$tenant', '$left.number'],
        },
      },
      {
        name: 'not-acknowledged',
        when: { side: 'both-agree', left: { state: 'created' } },
        do: {
          effect: 'acknowledge',
          sql: `update invoice set state = 'acknowledged', ref = $3 where tenant = $1 and number = $2 and state = 'created'`,
          params: ['$tenant', '$left.number', '$right.ref'],
        },
      },
      { name: 'amounts', when: { side: 'both-differ' }, ask: 'Which amount is right?' },
    ],
    settleMs,
  },
});
const action = {
  kind: 'reconcile',
  store: 'main',
  reconciliation: { name: 'invoices', digest: `sha256:${'0'.repeat(64)}` },
  tenants: ['acme', 'globex', 'faraway'],
} as const;
let n = 0;
const run = (settleMs?: number) =>
  reconcile(action, stepContext({ fence: { epoch: 1, n: ++n }, document: async () => document(settleMs) }), {
    ledgerSides: sides,
  } as unknown as Ports);

/**
 * The system's worker: posts what has a job, after a moment. Returns how to stop it. A session for each posting is slow where
 * the machine is busy, so whoever waits for it gives it half a minute to settle: it is a bound, and nothing waits it out.
 */
function worker(everyMs: number): () => Promise<void> {
  let working = true;
  const work = (async () => {
    while (working) {
      for (const { tenant, number, total } of await query('select * from invoice where jobs > 0')) {
        entries.push({ key: `${tenant}/${number}`, tenant, total, ref: `R${number}` });
        await query(
          `update invoice set jobs = 0, state = 'acknowledged', ref = 'R${number}' where tenant = '${tenant}' and number = ${number}`,
        );
      }
      await new Promise((done) => setTimeout(done, everyMs));
    }
  })();
  return () => {
    working = false;
    return work;
  };
}

test('what was caught half way is replayed and acknowledged, and the two sides agree to the cent', async () => {
  await query(
    `insert into invoice values ('acme', 1, 10.10, 'acknowledged', 'R1'), ('acme', 2, 20, 'created', null), ('acme', 3, 30.5, 'created', null), ('globex', 1, 7, 'created', null), ('globex', 2, 8, 'acknowledged', 'R2')`,
  );
  entries = [
    { key: 'acme/1', tenant: 'acme', total: 10.1, ref: 'R1' },
    { key: 'acme/3', tenant: 'acme', total: '30.50', ref: 'R3' },
    { key: 'globex/2', tenant: 'globex', total: 8, ref: 'R2' },
  ];
  const stop = worker(40);
  try {
    expect(await run(30_000)).toMatchObject({
      kind: 'done',
      result: { reconciliation: { compared: 5, replayed: 2, acknowledged: 1, asked: 0, agrees: true } },
    });
  } finally {
    await stop();
  }
  expect(
    await query(`select count(*)::int as n from invoice where state = 'acknowledged' and ref is not null`),
  ).toEqual([{ n: 5 }]);
  expect(new Set(entries.map((entry) => entry.key)).size).toBe(entries.length);
  expect(await run()).toMatchObject({
    kind: 'done',
    result: { reconciliation: { replayed: 0, acknowledged: 0, agrees: true } },
  });
});

test('what no rule covers is put before a person, once its time to settle is over', async () => {
  await query(`insert into invoice values ('acme', 1, 10, 'acknowledged'), ('acme', 2, 20, 'acknowledged')`);
  entries = [
    { key: 'acme/1', tenant: 'acme', total: 10.01, ref: 'R1' },
    { key: 'acme/9', tenant: 'acme', total: 9, ref: 'R9' },
    { key: 'acme/2', tenant: 'acme', total: 20, ref: 'R2' },
    { key: 'acme/2', tenant: 'acme', total: 20, ref: 'R2b' },
  ];
  expect(await run()).toMatchObject({ kind: 'done', result: { reconciliation: { asked: 3, agrees: false } } });
});

test('business that goes on meanwhile is neither a difference nor touched', async () => {
  entries = [];
  let number = 100;
  await query(`insert into invoice values ('acme', 1, 5, 'created')`);
  let buying = true;
  // One after the other: on a busy machine they would else come faster than anybody can post.
  const customers = (async () => {
    while (buying) {
      await query(`insert into invoice values ('acme', ${number++}, 1, 'created', null, 1)`);
      await new Promise((done) => setTimeout(done, 20));
    }
  })();
  const stop = worker(40);
  try {
    expect(await run(30_000)).toMatchObject({
      kind: 'done',
      result: { reconciliation: { replayed: 1, acknowledged: 0, asked: 0, agrees: true } },
    });
  } finally {
    buying = false;
    await customers;
    await stop();
  }
});

test('what was asked for and neither side has is told, a rule may cancel it, and a difference may be posted', async () => {
  await query(
    `set role app; create table cancelled(tenant text, id text primary key); create table correction(tenant text, number int primary key, amount numeric)`,
  );
  await query(`insert into invoice values ('acme', 1, 10, 'done', 'o1'), ('acme', 2, 20.50, 'done', 'o2')`);
  entries = [
    { key: 'acme/1', tenant: 'acme', total: 10, ref: 'R1' },
    { key: 'acme/2', tenant: 'acme', total: '20.49', ref: 'R2' },
  ];
  orders = ['o1', 'o2', 'o3'].map((id) => ({ id, tenant: 'acme', total: 5 }));
  orders.push({ id: 'late', tenant: 'acme', total: 500 }, { id: 'o1', tenant: 'globex', total: 1 });
  const content = document();
  Object.assign(content.spec, {
    left: {
      // The books of the left side are what was invoiced, with corrections; who cancelled an order has it, too.
      sql: `select i.tenant, i.tenant || '/' || i.number as key, i.number, total + coalesce(amount, 0) as total, state, ref
            from invoice i left join correction c on c.tenant = i.tenant and c.number = i.number where i.tenant = any($1)`,
    },
    asked: { connection: 'shop', path: '/orders?tenant={tenant}', items: '', key: 'id', left: 'ref' },
    rules: [
      {
        name: 'a-cent',
        when: { side: 'both-differ' },
        do: {
          effect: 'post-difference',
          sql: `insert into correction select $1, $2::int, $3::numeric - $4::numeric on conflict do nothing`,
          params: ['$tenant', '$left.number', '$right.total', '$left.total'],
        },
      },
      {
        name: 'small',
        when: { side: 'neither', asked: { total: [1, 5] } },
        do: {
          effect: 'cancel',
          sql: 'insert into cancelled values ($1, $1 || $2 || $3) on conflict do nothing',
          params: ['$tenant', '$key', '$asked.total'],
        },
      },
    ],
  });
  const look = () =>
    reconcile(action, stepContext({ fence: { epoch: 1, n: ++n }, document: async () => content }), {
      ledgerSides: sides,
    } as unknown as Ports);
  try {
    // The shop goes on listing them, so that a person is told of all three.
    expect(await look()).toMatchObject({
      kind: 'done',
      result: {
        reconciliation: {
          posted: 1,
          cancelled: 2,
          asked: 3,
          classes: { 'never-happened': 3, 'in-doubt': 1 },
          sums: [{ field: 'total', left: '30.49', right: '30.49' }],
          agrees: false,
        },
      },
    });
    expect(await query('select tenant, id from cancelled order by 1')).toEqual([
      { tenant: 'acme', id: 'acmeo35' },
      { tenant: 'globex', id: 'globexo11' },
    ]);
    orders = orders.filter(({ id, tenant }) => tenant === 'acme' && ['o1', 'o2'].includes(id));
    const again = await look();
    expect(again).toMatchObject({ result: { reconciliation: { asked: 0, agrees: true } } });
    expect(again).not.toHaveProperty('result.reconciliation.classes');
  } finally {
    orders = [];
    await query('drop table cancelled, correction');
  }
});

test('a lower fence is refused by the store', async () => {
  await query(`insert into invoice values ('acme', 1, 5, 'created')`);
  entries = [];
  const outcome = await reconcile(
    action,
    stepContext({ fence: { epoch: 0, n: 1 }, document: async () => document() }),
    { ledgerSides: sides } as unknown as Ports,
  );
  expect(outcome).toMatchObject({ kind: 'failed', code: 'fenced' });
  expect(await query('select jobs from invoice')).toEqual([{ jobs: 0 }]);
});

test('a statement of the document has the application’s rights and can’t get more', async () => {
  await query(`insert into invoice values ('acme', 1, 5, 'created')`);
  entries = [];
  const sqls = [
    'reset role; create role evil superuser',
    `do $$ begin reset role; create role evil superuser; end $$`,
    `select set_config('role', 'postgres', true)`,
    'update headgate.fence set n = 0',
  ];
  for (const sql of sqls) {
    const content = document();
    content.spec.rules = [
      { name: 'evil', when: { side: 'left-only' }, do: { effect: 'replay', sql, params: [] } },
    ] as never;
    const answer = await reconcile(
      action,
      stepContext({ fence: { epoch: 1, n: ++n }, document: async () => content }),
      { ledgerSides: sides } as unknown as Ports,
    );
    expect({ sql, answer }).toMatchObject({ answer: { kind: 'failed', code: 'rejected' } });
  }
  expect(await query(`select 1 from pg_roles where rolname = 'evil'`)).toEqual([]);
});

test('a side that can not be read is a fault, never an agreement', async () => {
  entries = [];
  const nobody = new StoreAndHttpSides(new Map([['main', real.store]]), {}, new Map([['acme', 'main']]));
  await expect(nobody.compare(document(), 'main', ['acme'], stepContext())).rejects.toThrow(
    /no connection named ledger/,
  );
  const wrong = { ...document(), spec: { ...document().spec, right: { ...document().spec.right, items: '/nothing' } } };
  await expect(sides.compare(wrong, 'main', ['acme'], stepContext())).rejects.toThrow(/no list/);
  const typed = { ...document(), spec: { ...document().spec, underway: { stat: 'posting' } } };
  await expect(sides.compare(typed, 'main', ['acme'], stepContext())).rejects.toThrow(
    /no column stat, .* gives tenant/,
  );
});

test('what the other system lists of a tenant that nobody asked for is a fault, never that tenant’s fact', async () => {
  entries = [{ key: 'acme/1', tenant: 'acme', total: 1, ref: 'R1' }];
  // It says itself whose an entry is, and lists somebody else's below this one's address.
  const content = { ...document(), spec: { ...document().spec, tenant: { left: 'tenant', right: 'ref' } } };
  await expect(sides.compare(content, 'main', ['acme'], stepContext())).rejects.toThrow(
    /ledger lists a fact of no tenant that was asked for/,
  );
});

test('amounts are compared as decimals, exactly', () => {
  fc.assert(
    fc.property(fc.integer({ min: -1e12, max: 1e12 }), (cents) => {
      const text = `${cents < 0 ? '-' : ''}${Math.floor(Math.abs(cents) / 100)}.${String(Math.abs(cents) % 100).padStart(2, '0')}`;
      expect(equal(text, `${text}00`, 'number')).toBe(true);
      expect(equal(text, cents / 100, 'number')).toBe(true);
      expect(equal(`${text}1`, text, 'number')).toBe(false);
    }),
  );
  expect(equal('-0.00', '0', 'number')).toBe(true);
  expect(equal('abc', 'abc', 'number')).toBe(false);
  expect(equal(null, '0', 'number')).toBe(false);
  expect(equal(undefined, undefined, 'text')).toBe(false);
});
