/** An incident as the API tells it: a real server, a promotion that goes back, a tenant that is held. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { placedEntries } from './testing/placed-entries.ts';
import { RealServer, until } from './testing/real-server.ts';
import { refused } from './testing/small-company.ts';
import { PEOPLE, TroubledCompany } from './testing/troubled-company.ts';

let server: RealServer;
let troubled: TroubledCompany;

beforeAll(async () => {
  server = await RealServer.start();
  troubled = await TroubledCompany.found(server);
}, 60_000);
afterAll(() => server?.remove());

const show = async (role = 'operator', more: { environment?: string } = {}) =>
  (await server.client(role)).call('showIncident', { hours: 6, ...more });

describe('an incident', () => {
  it('names the tenants, who of them is held first, with what is known of each', async () => {
    const { counts, tenants, summary, underWay } = await show();
    expect(underWay).toMatchObject([{ environment: 'production', words: expect.stringMatching(/^wave \d of \d/) }]);
    expect(counts).toMatchObject({ tenants: 2, held: 1 });
    expect(tenants.items.map(({ cell, tenant, held }) => `${cell}/${tenant} ${held}`)).toEqual([
      'live/acme true',
      'live/bolt false',
    ]);
    expect(tenants.items[0]).toMatchObject({ serviceLevel: 'gold', ring: 'pilot', release: '1.0.0' });
    expect(tenants.items[0]?.since).toEqual(expect.any(Number));
    expect(summary).toContain('1 held');
  });

  it('names the transactions that failed, and says what nobody reported', async () => {
    const { matters } = await show();
    const matter = matters.find(({ kind }) => kind === 'promotion');
    expect(matter?.promotion?.transactions).toMatchObject({ checks: { failed: 2 } });
    expect(matter?.promotion?.transactions.lines[0]).toMatchObject({
      sound: false,
      tenant: 'bolt',
      check: 'post-invoice',
      words: expect.stringContaining('the ledger said 500'),
    });
    const unknown = matter?.promotion?.transactions.unknown.join(' ') ?? '';
    expect(unknown).toContain('declares no Reconciliation');
    expect(unknown).toContain('Of 2 failed checks the first of each step is named');
  });

  it('says what changed just before, who asked, who approved, and the last entries', async () => {
    const { matters } = await show();
    const matter = matters.find(({ kind }) => kind === 'promotion');
    expect(matter?.promotion?.promotion).toMatchObject({
      id: troubled.promotion,
      requester: 'usr_developer',
      approvals: [{ by: 'usr_approver' }],
    });
    expect(matter?.promotion?.steps[0]).toMatchObject({ cell: 'live', text: expect.any(String) });
    expect(matter?.promotion?.runbooks).toMatchObject([{ title: 'Ledger down', text: 'Stop the poster first.' }]);
    expect(matter?.entries).toHaveLength(10);
    expect(matter?.entries.some(({ type }) => type === 'promotion.rollback-decided')).toBe(true);
  });

  it('says what can be done, what it comes to, and who may', async () => {
    const { matters, actions } = await show('auditor');
    const can = matters.find(({ kind }) => kind === 'promotion')?.promotion?.can ?? [];
    expect(can.map(({ action }) => action)).toContain('rollback');
    for (const { because, who, command } of can) expect([because, who.length > 0, command]).not.toContain('');
    expect(can.every(({ allowed }) => !allowed)).toBe(true);
    expect(actions.freeze).toMatchObject({ allowed: false, because: expect.stringContaining('operator') });
  });

  it('says whom to call, the on-call first, and nothing of that is unknown', async () => {
    const { calls, unknown } = await show();
    expect(calls.map(({ name }) => name)).toEqual([PEOPLE.onCall, 'Data Desk', PEOPLE.customer]);
    expect(calls[0]).toMatchObject({ phone: PEOPLE.phone, hours: 'nights', of: 'Environment/production' });
    expect(calls[0]?.because).toContain('1 tenant held');
    expect(calls[2]?.because).toBe('tenant live/acme is held now');
    expect(unknown).toEqual([]);
  });

  it('keeps people off the log: entries name the documents by digest', async () => {
    const all = JSON.stringify(await placedEntries(server));
    expect(all).toContain('document.applied');
    for (const secret of [PEOPLE.onCall, PEOPLE.phone, PEOPLE.customer, 'otto@acme.example'])
      expect(all).not.toContain(secret);
  });

  it('pages its tenants, finds one, and takes no other list’s cursor', async () => {
    const operator = await server.client('operator');
    const first = await operator.call('listIncidentTenants', { hours: 6, limit: 1 });
    expect(first.items.map(({ tenant }) => tenant)).toEqual(['acme']);
    const second = await operator.call('listIncidentTenants', { hours: 6, limit: 1, cursor: first.next as string });
    expect(second).toMatchObject({ items: [{ tenant: 'bolt' }], next: null });
    const found = await operator.call('listIncidentTenants', { hours: 6, prefix: 'bo' });
    expect(found.items.map(({ tenant }) => tenant)).toEqual(['bolt']);
    const held = await operator.call('listIncidentTenants', { hours: 6, held: 'true' });
    expect(held.items.map(({ tenant }) => tenant)).toEqual(['acme']);
    const cursor = Buffer.from('cell/live').toString('base64url');
    expect((await refused(operator.call('listIncidentTenants', { hours: 6, cursor }))).status).toBe(422);
  });

  it('is of one environment where that is asked', async () => {
    expect((await show('operator', { environment: 'staging' })).counts).toMatchObject({ matters: 0, tenants: 0 });
  });

  it('still tells of a promotion that went back after it ended, and no held tenant that was opened', async () => {
    const auditor = await server.client('auditor');
    const { promotion } = troubled;
    const phase = async () => (await auditor.call('showPromotion', { promotion })).phase;
    await troubled.company.carryOut(async () => (await phase()) === 'ended');
    await troubled.hold(false);
    const { counts, matters, changes } = await show();
    expect(counts.held).toBe(0);
    expect(matters.map(({ kind }) => kind)).toEqual(['ended']);
    expect(changes).toMatchObject([{ promotion, result: 'rolled-back' }]);
  });
});

describe('a freeze of everything', () => {
  let name: string;

  it('takes effect before the next step, although no policy here has the window gate, and shows what it stops', async () => {
    const release = await troubled.company.release('2.1.0');
    const developer = await server.client('developer');
    const { id } = await developer.call('requestPromotion', { body: { release, environment: 'staging' } });
    await until(
      'it moves',
      async () => (await developer.call('showPromotion', { promotion: id })).phase === 'advancing',
    );
    const { assignment } = await troubled.company.agent.call('leaseStep', { body: { waitMs: 5_000 } });
    expect(assignment).not.toBeNull();
    const operator = await server.client('operator');
    const before = await operator.call('showFreezeEffect', { scope: 'all' });
    expect(before.stops).toMatchObject([{ promotion: id, stands: 'stopped', running: [{ agent: 'agt_shop' }] }]);
    const frozen = await operator.call('declareFreeze', { body: { scope: 'all', to: null, reason: 'it burns' } });
    name = frozen.name;
    expect(frozen).toMatchObject({ scope: 'all', to: null, by: 'usr_operator', effect: before });
    const { rollout, fence } = assignment as NonNullable<typeof assignment>;
    const settled = await troubled.company.agent.call('settleStep', {
      rollout,
      n: fence.n,
      body: { kind: 'done', result: {} },
    });
    expect(settled).toBeDefined();
    await until('the next step waits', async () => {
      const { waits } = await developer.call('explainPromotion', { promotion: id });
      return waits.some(({ why }) => why.includes('freeze: freeze') && why.includes('until it is lifted: it burns'));
    });
    const { assignment: none } = await troubled.company.agent.call('leaseStep', { body: { waitMs: 300 } });
    expect(none).toBeNull();
  });

  it('is said by what may be done, and forbids no way back', async () => {
    const operator = await server.client('operator');
    const { items } = await operator.call('listPromotions', { open: 'true' });
    const [moving] = items;
    expect(moving?.frozen).toMatchObject({ name, to: null, reason: 'it burns' });
    expect(moving?.actions.rollback).toMatchObject({ allowed: true });
    const approve = (await (await server.client('approver')).call('showPromotion', { promotion: moving?.id as string }))
      .actions;
    expect(approve.approve?.because).toContain('frozen until it is lifted (it burns)');
  });

  it('is lifted by whoever may, with a reason, and what waited goes on by itself', async () => {
    const denied = await refused(
      (await server.client('developer')).call('liftFreeze', { scope: 'all', name, body: { reason: 'please' } }),
    );
    expect(denied.status).toBe(403);
    const operator = await server.client('operator');
    expect((await operator.call('liftFreeze', { scope: 'all', name, body: { reason: 'it is out' } })).items).toEqual(
      [],
    );
    const { assignment } = await troubled.company.agent.call('leaseStep', { body: { waitMs: 5_000 } });
    expect(assignment).not.toBeNull();
    const page = await (await server.client('auditor')).call('auditLog', { limit: 500 });
    expect(page.differences).toEqual([]);
  });

  it.each([
    ['application:shop', true],
    ['production', true],
    ['application:bank', false],
    ['attic', false],
  ])('of %s is taken: %s', async (scope, taken) => {
    const operator = await server.client('operator');
    const call = operator.call('declareFreeze', { body: { scope, forMs: 60_000, reason: 'a trial' } });
    if (!taken)
      expect((await refused(call)).problem.refusals[0]?.why).toMatch(
        /^there is no (application bank|environment attic); scopes are all/,
      );
    else {
      const { name: made, to, from } = await call;
      expect((to ?? 0) - from).toBe(60_000);
      await operator.call('liftFreeze', { scope, name: made, body: { reason: 'over' } });
    }
  });

  it('must say when it ends, once', async () => {
    const operator = await server.client('operator');
    for (const end of [{}, { to: null, forMs: 5 }])
      expect(
        (await refused(operator.call('declareFreeze', { body: { scope: 'all', reason: 'r', ...end } }))).status,
      ).toBe(422);
  });
});
