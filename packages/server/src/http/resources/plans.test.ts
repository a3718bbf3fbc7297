import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RealServer, until } from '../../testing/real-server.ts';
import { refused, SmallCompany } from '../../testing/small-company.ts';

let server: RealServer;
let company: SmallCompany;
let promotion: string;

beforeAll(async () => {
  server = await RealServer.start();
  company = await SmallCompany.found(server);
  const release = await company.release('2.0.0');
  const developer = await server.client('developer');
  const { id, envelope } = await developer.call('requestPromotion', { body: { release, environment: 'production' } });
  promotion = id;
  await (await server.client('approver')).call('approvePromotion', { promotion, body: { envelope } });
});
afterAll(() => server?.remove());

describe('a plan in words', () => {
  it('has its waves and the tenants that each moves, and names what it was made of', async () => {
    const auditor = await server.client('auditor');
    const outline = await auditor.call('showPlan', { promotion });
    expect(outline).toMatchObject({ promotion, application: 'shop', environment: 'production', pointOfNoReturn: null });
    expect(outline.noReturn).toBe('none: every step can be undone without losing what was written since');
    expect(outline.plan).toBe((await auditor.call('showPromotion', { promotion })).plan);
    expect(outline.waves.map((w) => [w.ring, w.cells.map((c) => `${c.cell} ${c.who}`)])).toEqual([
      ['pilot', ['live acme']],
      ['broad', ['live bolt']],
    ]);
  });

  it('lists the steps of a cell a page at a time, and of one wave alone', async () => {
    const auditor = await server.client('auditor');
    const all = await auditor.call('listSteps', { promotion, cell: 'live' });
    expect(all.next).toBeNull();
    const paged: string[] = [];
    for (let cursor: string | null = '0'; cursor !== null; ) {
      const page: typeof all = await auditor.call('listSteps', { promotion, cell: 'live', limit: 2, cursor });
      expect(page.items.length).toBeLessThanOrEqual(2);
      paged.push(...page.items.map((s) => s.id));
      cursor = page.next;
    }
    expect(paged).toEqual(all.items.map((s) => s.id));
    const second = await auditor.call('listSteps', { promotion, cell: 'live', wave: 2 });
    expect(second.items.map((s) => s.id)).toEqual(['w2.route', 'w2.verify']);
    expect((await auditor.call('listSteps', { promotion, cell: 'live', course: 'undo' })).items).toEqual([]);
  });

  it.each([
    ['prm_nothing', 'live', undefined, 404],
    ['', 'nowhere', undefined, 404],
    ['', 'live', 'x', 422],
    ['', 'live', '-1', 422],
    ['', 'live', '1e400', 422],
  ])('of promotion %j, cell %j, cursor %j is refused with %d', async (id, cell, cursor, status) => {
    const auditor = await server.client('auditor');
    const page = cursor === undefined ? {} : { cursor };
    expect((await refused(auditor.call('listSteps', { promotion: id || promotion, cell, ...page }))).status).toBe(
      status,
    );
  });
});

describe('the way back', () => {
  it('is told before it is asked for, and ends with the promotion', async () => {
    const operator = await server.client('operator');
    let carried = 0;
    await company.carryOut(async () => carried++ >= 3);
    await until('a tenant was moved', async () => (await operator.call('showWayBack', { promotion })).cells.length > 0);
    const told = await operator.call('showWayBack', { promotion });
    expect(told).toMatchObject({ allowed: true, truncated: false, cells: [{ cell: 'live', loses: [] }] });
    expect(told.cells[0]?.first[0]?.text).toMatch(/^route .*acme.* to slot blue$/);
    expect((await (await server.client('auditor')).call('showWayBack', { promotion })).allowed).toBe(false);
    await operator.call('rollBackPromotion', { promotion, body: { reason: 'it is slow' } });
    const ended = async () => (await operator.call('showPromotion', { promotion })).phase === 'ended';
    await company.carryOut(ended);
    expect(await operator.call('showWayBack', { promotion })).toMatchObject({ allowed: false, cells: [] });
    const { items } = await operator.call('listSteps', { promotion, cell: 'live', course: 'undo' });
    expect(items.map((s) => s.stands)).toEqual(items.map(() => 'done'));
    expect(items.length).toBeGreaterThan(0);
  });
});
