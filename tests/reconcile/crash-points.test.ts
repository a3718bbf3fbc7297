import { afterAll, beforeAll, expect, test } from 'vitest';
import { customer } from '../../examples/psa/testing/customer.ts';
import { findings, type Truth, truthOf, type Wish } from './books.ts';
import { classOf, type Judged, judge, loseJob } from './judge.ts';
import { ask, newWish, type Point, run, type Way } from './points.ts';
import { openWorld, type World } from './world.ts';

const WAYS: readonly Way[] = ['web to store', 'worker to store', 'worker to ledger', 'ledger to its store'];
const LANES = 3;
let world: World;
let lanes: readonly string[];
let sabotaged: string[];

beforeAll(async () => {
  world = await openWorld();
  lanes = world.tenants.slice(0, LANES);
  sabotaged = world.tenants.slice(LANES);
}, 180_000);
afterAll(() => world?.close());

/** Every point of every way, as it is today: a dry run of each says how many there are. */
async function count(): Promise<readonly Point[]> {
  const points: Point[] = [];
  for (const way of WAYS) {
    const dry = await run(world, lanes[0]!, way);
    await dry.close();
    const of = dry.passed.length;
    await world.settled(lanes[0]!);
    for (let at = 1; at <= of; at++)
      for (const when of ['before', 'after'] as const) points.push({ way, at, of, when, jobLost: false });
    // Where the invoice is there and its work isn't done, the work may be lost as well.
    const last = way === 'web to store' ? [of] : way === 'worker to store' ? [1, of - 2, of - 1] : [1];
    for (const at of last)
      for (const when of way === 'web to store' ? (['after'] as const) : (['before', 'after'] as const))
        points.push({ way, at, of, when, jobLost: true });
  }
  return points;
}

test('at every crash point each transaction is classified right, and reconciled none is lost and none doubled', async () => {
  const points = [...(await count())];
  const total = points.length;
  const judged: Judged[] = [];
  const lane = async (tenant: string): Promise<void> => {
    for (let point = points.shift(); point !== undefined; point = points.shift())
      judged.push(await judge(world, tenant, point));
  };
  await Promise.all(lanes.map(lane));
  const situations = new Map<string, number>();
  for (const { what } of judged) situations.set(what, (situations.get(what) ?? 0) + 1);
  const wrong = judged.filter(({ must, said }) => must !== said);
  const bad = judged.filter((each) => each.findings.length > 0);
  const having = (word: string) => judged.filter((each) => each.findings.some((f) => f.startsWith(word))).length;
  console.log(
    JSON.stringify({
      crashPoints: total,
      classifiedRight: total - wrong.length,
      lost: having('lost'),
      doubled: having('doubled'),
      secondRunDidSomething: having('a second run'),
      situations: Object.fromEntries(situations),
    }),
  );
  expect(wrong).toEqual([]);
  expect(bad).toEqual([]);
  expect(judged).toHaveLength(total);
  expect(total).toBeGreaterThanOrEqual(50);
  for (const situation of [
    'nothing',
    'invoice created, queued job, no entry',
    'invoice created, running job, no entry',
    'invoice created, running job, entry',
    'invoice created, no job, no entry',
    'invoice created, no job, entry',
    'invoice acknowledged, running job, entry',
    'invoice acknowledged, finished job, entry',
  ])
    expect([...situations.keys()]).toContain(situation);
}, 600_000);

test('a class that isn’t the true one is noticed', async () => {
  const tenant = sabotaged[0]!;
  await world.route(tenant, 'nobody');
  const wish = await newWish(world, tenant);
  await ask(world.blue.url, wish);
  const truth = await truthOf(world.databases, wish);
  expect([truth.must, await classOf(world, wish, truth)]).toEqual(['in-doubt', 'in-doubt']);
  const { underway: _, ...spec } = world.document.spec;
  expect(await classOf(world, wish, truth, { ...world.document, spec })).toBe('one-side-only');
  await loseJob(world, wish);
  const lost = await truthOf(world.databases, wish);
  expect([lost.must, await classOf(world, wish, lost)]).toEqual(['half-done', 'half-done']);
  const { asked: __, ...blind } = spec;
  const never: Wish = { ...wish, key: 'never', project: 'none' };
  world.wishes.push(never);
  const nothing: Truth = await truthOf(world.databases, never);
  const seen = await classOf(world, never, nothing);
  expect(seen.split(', ')).toContain('never-happened');
  expect(await classOf(world, never, nothing, { ...world.document, spec: blind })).not.toContain('never-happened');
  world.wishes.pop();
  await world.route(tenant, 'blue');
  expect(await world.step(tenant)).toMatchObject({ replayed: 1, asked: 0, agrees: true, classes: { 'half-done': 1 } });
});

/** Breaks the books by hand; the tenant's own, so that nobody else's are harmed. */
const SABOTAGE: readonly (readonly [string, string, RegExp, (tenant: string, number: number) => Promise<unknown>])[] = [
  [
    'an entry that was posted again under another key',
    'doubled',
    /^doubled/,
    (tenant, number) =>
      world.stand.ledger.query(
        `INSERT INTO ledger_entry (key, fingerprint, tenant, invoice, currency, net_cents, tax_cents, total_cents)
         SELECT key || '-again', fingerprint, tenant, invoice, currency, net_cents, tax_cents, total_cents
         FROM ledger_entry WHERE tenant = $1 AND invoice = $2`,
        [tenant, number],
      ),
  ],
  [
    'an invoice that is gone',
    'one-side-only',
    /^lost/,
    async (tenant, number) => {
      const client = await world.stand.admin.connect();
      try {
        // As a careless repair would do it: past everything that holds rows together.
        await client.query('BEGIN');
        await client.query('SET LOCAL session_replication_role = replica');
        await client.query('DELETE FROM public.invoice WHERE tenant_id = $1 AND number = $2', [tenant, number]);
        await client.query('COMMIT');
      } finally {
        client.release();
      }
    },
  ],
  [
    'an amount that is a cent more in the ledger',
    'in-doubt',
    /its entry/,
    (tenant, number) =>
      world.stand.ledger.query(
        `UPDATE ledger_entry SET net_cents = net_cents + 1, total_cents = total_cents + 1 WHERE tenant = $1 AND invoice = $2`,
        [tenant, number],
      ),
  ],
];

test.each(SABOTAGE)('%s turns the measure and the step red', async (_what, kind, finding, harm) => {
  const tenant = sabotaged.pop()!;
  const invoice = await customer(world.blue.url, tenant).invoiceAnHour();
  const { number } = invoice.body as { number: number };
  expect(await world.step(tenant)).toMatchObject({ agrees: true });
  expect(await findings(world.databases, tenant, [])).toEqual([]);
  await harm(tenant, number);
  const impatient = { ...world.document, spec: { ...world.document.spec, settleMs: 300 } };
  const told = await world.step(tenant, impatient);
  expect(told).toMatchObject({ agrees: false, asked: 1, classes: { [kind]: 1 } });
  const total = told.sums!.find(({ field }) => field === 'total')!;
  expect(BigInt(total.right) - BigInt(total.left)).toBe(kind === 'in-doubt' ? 1n : BigInt(invoice.body.totalCents));
  expect((await findings(world.databases, tenant, [])).some((found) => finding.test(found))).toBe(true);
});
