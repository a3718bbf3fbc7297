/** A compensation plan, approved and carried out on the example's two real sides: a store, and the ledger of its ERP. */

import { createPublicKey } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { eventually } from '@headgate/agent/testing/poll';
import { openReconciled, signingKey } from '@headgate/documents';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { Bench } from './bench.ts';

let bench: Bench;
/** Each test has a customer of its own. */
let tenant = '';
let used = 0;
/** The last two take those whose sides agree again. */
const ORDER = [0, 1, 2, 3, 4, 5, 6, 0, 3];

// Each types a dozen commands, and both programs are read anew for each.
vi.setConfig({ testTimeout: 180_000 });

beforeAll(async () => {
  bench = await Bench.open();
}, 180_000);
beforeEach(() => {
  tenant = bench.tenants[ORDER[used++]!]!;
});
afterEach(async () => {
  bench.server.away = false;
  bench.server.reconcile = 201;
  await bench.stop();
});
afterAll(() => bench?.close());

test('half done, doubled and in doubt: what rules decide is done, the rest is left to people, and it is all proved', async () => {
  const [posted, unposted] = [await bench.unacknowledged(tenant), await bench.unposted(tenant)];
  const [twice, apart] = [await bench.doubled(tenant), await bench.apart(tenant)];
  await bench.start();
  const plan = await bench.plan(tenant);
  const { risk, lines } = (await bench.json(plan)) as never as { risk: { level: string }; lines: { key: string }[] };
  expect([risk.level, lines.map(({ key }) => key).sort()]).toEqual(['high', [posted, unposted, twice, apart].sort()]);

  const shown = await bench.headgate(
    'reconcile',
    'approve',
    plan,
    '--key',
    'usr_ann.pem',
    '--approver',
    'usr_ann',
    '--out',
    'no',
  );
  expect(shown.code).toBe(2);
  expect(shown.out).toMatch(
    /1\. Acknowledge[\s\S]*2\. Send again[\s\S]*3\. Put before a person[\s\S]*Risk: high: no rule/,
  );
  const approvals = [await bench.approve(plan, 'usr_ann'), await bench.approve(plan, 'usr_bob')];

  const ran = await bench.carryOut(plan, approvals, '--statement', 'statement.json');
  expect(ran.err).not.toContain('headgate-agent:');
  expect(ran.out).toMatch(/1 {2}acknowledged\n +1 {2}sent again\n +2 {2}before a person/);
  expect(ran.out).toMatch(/Both sides before[\s\S]*NOT equal[\s\S]*Both sides now[\s\S]*The sums are NOT equal/);
  expect(ran.out).toMatch(
    /doubled +1 [\s\S]*in doubt +1 [\s\S]*The two sides do NOT agree\.\nThe signed statement of this is on/,
  );
  expect(ran.code).toBe(1);
  expect([await bench.stateOf(posted), await bench.stateOf(unposted)]).toEqual(['acknowledged', 'acknowledged']);
  expect([await bench.entries(posted), await bench.entries(unposted), await bench.entries(twice)]).toEqual([1, 1, 1]);

  const pem = await readFile(bench.at('agent/reconciliation.pem'), 'utf8');
  const { keyId, publicKeyPem } = signingKey(pem);
  const signer = { name: 'agent', keyId, publicKey: createPublicKey(publicKeyPem), may: ['reconciliation'] as const };
  const opened = openReconciled(bench.server.reconciled.at(-1), { signers: [signer] });
  expect(opened).toMatchObject({
    ok: true,
    reconciled: {
      ...{ by: 'usr_run', cell: 'shared', store: 'store', risk: 'high', begun: 1, agrees: false },
      approvals: [{ by: 'usr_ann' }, { by: 'usr_bob' }],
      done: { acknowledged: 1, replayed: 1, cancelled: 0, posted: 0 },
      lines: { planned: 4, covered: 2, gone: 0, leftAlone: 0, asked: 2 },
      classes: { doubled: 1, 'in-doubt': 1 },
    },
  });
  expect(openReconciled(await bench.json('statement.json'), { signers: [signer] })).toEqual(opened);

  // The books are put right by people; the same plan then changes nothing, and says that both sides agree.
  await bench.stand.ledger.query('DELETE FROM ledger_entry WHERE key = $1', [twice]);
  await bench.stand.ledger.query(
    'UPDATE ledger_entry SET net_cents = net_cents - 1, total_cents = total_cents - 1 WHERE key = $1',
    [apart],
  );
  const again = await bench.carryOut(plan, approvals);
  expect(again.out).toMatch(
    /4 {2}settled already[\s\S]*Both sides now[\s\S]*equal, to the last digit[\s\S]*Both sides agree\./,
  );
  expect(again.out).not.toMatch(/sent again|acknowledged\n/);
  expect(again.code).toBe(0);
  expect((await bench.statementsTold()).at(-1)).toMatchObject({ begun: 2, done: { replayed: 0, acknowledged: 0 } });
});

test('without the approvals that its risk asks for nothing is changed, and it is said who is missing', async () => {
  const key = await bench.unposted(tenant);
  await bench.start();
  const plan = await bench.plan(tenant);
  const other = await bench.plan(await otherPlan());
  const refused = async (approvals: readonly string[], words: RegExp, as = 'usr_run') => {
    const ran = await bench.reconcile('--carry-out', plan, ...approvals.flatMap((f) => ['--approval', f]), '--as', as);
    expect({ code: ran.code, err: ran.err }).toEqual({ code: 77, err: expect.stringMatching(words) });
    expect([await bench.stateOf(key), await bench.entries(key)]).toEqual(['created', 0]);
  };
  await refused([], /its risk is medium.*takes 1 approval.*none counts; 1 more: .*headgate reconcile approve PLAN/);
  await refused([await bench.approve(other, 'usr_ann')], /that of usr_ann is of another plan/);
  await refused([await bench.approve(plan, 'usr_run')], /that of usr_run is of who runs it/);
  await refused([await bench.approve(plan, 'usr_ann')], /that of usr_ann is of who runs it/, 'usr_ann');
  const short = await bench.approve(plan, 'usr_ann', '--hours', '0.000001');
  await refused([short], /that of usr_ann ended at/);
  const stranger = await bench.headgate(
    ...[
      'reconcile',
      'approve',
      plan,
      '--key',
      'usr_bob.pem',
      '--approver',
      'usr_ann',
      '--out',
      'stranger.json',
      '--yes',
    ],
  );
  expect(stranger.code).toBe(0);
  await refused(['stranger.json'], /the approval stranger\.json: it names usr_ann, but the key is that of usr_bob/);
  const nobody = await bench.reconcile('--carry-out', plan, '--approval', await bench.approve(plan, 'usr_ann'));
  expect(nobody).toMatchObject({ code: 77, err: expect.stringContaining('say it with `--as ID`') });

  // A high risk takes two different people, and one person twice is one.
  await bench.apart(tenant);
  const high = await bench.plan(tenant);
  const ann = [await bench.approve(high, 'usr_ann'), await bench.approve(high, 'usr_ann')];
  const ran = await bench.carryOut(high, ann);
  expect(ran).toMatchObject({ code: 77, err: expect.stringContaining('that of usr_ann is there twice; 1 more') });
  expect(await bench.stateOf(key)).toBe('created');
});

/** A tenant of whom something else is caught, for a plan that is another one. */
async function otherPlan(): Promise<string> {
  const name = bench.tenants.at(-1)!;
  await bench.unacknowledged(name);
  return name;
}

test('what changed or came since is left alone and told, the rest is done', async () => {
  const [goes, changes, stays] = [
    await bench.unacknowledged(tenant, 0),
    await bench.unposted(tenant, 1),
    await bench.unposted(tenant, 2),
  ];
  await bench.start();
  const plan = await bench.plan(tenant);
  const approval = await bench.approve(plan, 'usr_ann');
  // One settles by itself, of one the amount is another by now, and a new one comes.
  await bench.stand.store.query(
    `UPDATE invoice SET state = 'acknowledged', erp_reference = 'by hand', acknowledged_at = now() WHERE tenant_id = $1 AND number = $2`,
    goes.split('/'),
  );
  await bench.stand.store.query(
    'UPDATE invoice SET net_cents = net_cents + 100, total_cents = total_cents + 100 WHERE tenant_id = $1 AND number = $2',
    changes.split('/'),
  );
  const fresh = await bench.unposted(tenant, 3);
  const ran = await bench.carryOut(plan, [approval]);
  expect(ran.out).toMatch(/1 {2}sent again\n +1 {2}settled already\n +2 {2}left alone/);
  expect(ran.out).toContain(`${changes}: it is otherwise than was approved`);
  expect(ran.out).toContain(`${fresh}: it came since the plan was approved`);
  expect(ran.code).toBe(1);
  const states = await Promise.all([stays, changes, fresh].map((each) => bench.stateOf(each)));
  expect(states).toEqual(['acknowledged', 'created', 'created']);
  expect(await bench.entries(changes)).toBe(0);
});

test('a document other than the one that the plan was made by is refused, and so is a plan that says less risk than it has', async () => {
  await bench.unposted(tenant);
  await bench.start();
  const plan = await bench.plan(tenant);
  const text = await readFile(bench.at('invoices.yaml'), 'utf8');
  try {
    await writeFile(
      bench.at('invoices.yaml'),
      text.replace('  rules:\n', '  approvals: {low: 0, medium: 0, high: 0}\n  rules:\n'),
    );
    expect(await bench.carryOut(plan, [])).toMatchObject({ code: 77, err: expect.stringContaining('other-document') });
    // By a document that asks for nobody, a plan of its own needs nobody.
    const own = await bench.plan(tenant);
    expect(await bench.carryOut(own, [])).toMatchObject({
      code: 0,
      out: expect.stringContaining('no approval was needed'),
    });
  } finally {
    await writeFile(bench.at('invoices.yaml'), text);
  }
  const lying = { ...(await bench.json(plan)), risk: { level: 'low', because: ['trust me'] } };
  await writeFile(bench.at('lying.json'), JSON.stringify(lying));
  expect(await bench.carryOut('lying.json', [])).toMatchObject({
    code: 77,
    err: expect.stringContaining('plan-not-derived'),
  });
});

test('killed right after it acted, a second run goes on: nothing is done twice, and the statement has the sums of before', async () => {
  const key = await bench.unposted(tenant);
  await bench.start('killed');
  const plan = await bench.plan(tenant);
  const approval = await bench.approve(plan, 'usr_ann');
  const told = bench.server.reconciled.length;
  expect((await bench.carryOut(plan, [approval])).code).not.toBe(0);
  expect(bench.server.reconciled).toHaveLength(told);
  await eventually(async () => (await bench.stateOf(key)) === 'acknowledged');
  await bench.start();
  const ran = await bench.carryOut(plan, [approval]);
  expect(ran).toMatchObject({ code: 0, out: expect.stringContaining('This plan was begun 2 times here') });
  expect(await bench.entries(key)).toBe(1);
  const statement = (await bench.statementsTold()).at(-1)!;
  expect(statement).toMatchObject({ begun: 2, agrees: true, lines: { gone: 1, covered: 0 }, done: { replayed: 0 } });
  expect(sumOf(statement.before)).not.toEqual(sumOf(statement.after));
});

function sumOf(sums: unknown): unknown {
  return (sums as { field: string }[]).find(({ field }) => field === 'total');
}

test.each(['dropped', 'doubled'])(
  'an effect that is %s makes the printed sums unequal, whatever it told',
  async (harm) => {
    await bench.unposted(tenant);
    await bench.start(harm);
    const plan = await bench.plan(tenant);
    const ran = await bench.carryOut(plan, [await bench.approve(plan, 'usr_ann')]);
    expect(ran.out).toMatch(/1 {2}sent again[\s\S]*Both sides now[\s\S]*The sums are NOT equal[\s\S]*do NOT agree\./);
    expect(ran.code).toBe(1);
    expect((await bench.statementsTold()).at(-1)).toMatchObject({ agrees: false });
  },
);

test('a server that is away, or that doesn’t know the key, hears of it later', async () => {
  const first = await bench.unposted(tenant, 1);
  await bench.start();
  const plan = await bench.plan(tenant);
  const approval = await bench.approve(plan, 'usr_ann');
  bench.server.away = true;
  const told = bench.server.reconciled.length;
  const ran = await bench.carryOut(plan, [approval]);
  expect(ran).toMatchObject({ code: 0, out: expect.stringContaining('The server is away: the agent keeps') });
  expect(await bench.stateOf(first)).toBe('acknowledged');
  bench.server.away = false;
  bench.server.reconcile = 422;
  const again = await bench.carryOut(plan, [approval]);
  expect(again.out).toMatch(
    /The server did not take the signed statement: refused[\s\S]*reconciliation\.pem\.pub.*may: \[reconciliation\]/,
  );
  expect(bench.server.reconciled).toHaveLength(told);
  bench.server.reconcile = 201;
  await bench.stop();
  await bench.start();
  await eventually(() => bench.server.reconciled.length === told + 2, 30_000);
});

test('a promotion’s step that is at work is not overtaken, and the next one finds a fence that it can raise', async () => {
  const key = await bench.unposted(tenant);
  await bench.start();
  const plan = await bench.plan(tenant);
  const approval = await bench.approve(plan, 'usr_ann');
  bench.server.offer(bench.sealed.forward('w1.route', { fence: { epoch: 1, n: 7 } }));
  await eventually(() => bench.server.renewed.length > 0 || bench.server.leases > 3, 10_000);
  const busy = await bench.carryOut(plan, [approval]);
  expect(busy).toMatchObject({
    code: 77,
    err: expect.stringMatching(
      /cell-busy.*the step w1\.route of the promotion prm_1 is at work there, until \d{4}-.*Z at the latest/,
    ),
  });
  expect(await bench.stateOf(key)).toBe('created');
  await writeFile(`${bench.at('agent.yaml')}.step-may-end`, '');
  await eventually(() => bench.server.settled.length > 0, 10_000);
  expect((await bench.carryOut(plan, [approval])).code).toBe(0);
  // Neither above the newest assignment, whose successor must pass, nor below.
  expect(await bench.fence()).toEqual({ epoch: 1, n: 7 });

  // Where another agent acted since, this one has no say.
  const late = await bench.unposted(tenant, 2);
  const next = await bench.plan(tenant);
  await bench.stand.admin.query(`UPDATE headgate.fence SET n = 9 WHERE scope = 'cell:shared'`);
  const fenced = await bench.carryOut(next, [await bench.approve(next, 'usr_ann')]);
  expect(fenced).toMatchObject({ code: 77, err: expect.stringMatching(/fenced.*has seen a later decision/) });
  expect(await bench.stateOf(late)).toBe('created');
  await bench.stand.admin.query(`UPDATE headgate.fence SET n = 7 WHERE scope = 'cell:shared'`);
});
