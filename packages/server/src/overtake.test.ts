/** A hotfix overtakes a promotion that is half way, on a real server: who may, when, and what stands afterwards. */
import { type CellState, type Client, createClient } from '@headgate/contract';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RealServer, until } from './testing/real-server.ts';
import { didIt, refused, SmallCompany } from './testing/small-company.ts';

let server: RealServer;
let company: SmallCompany;
let manager: Client;
let open: string;
let hotfix: string;
let fixed: string;

const SOLO = `apiVersion: headgate/v1
kind: Cell
metadata: {name: solo, owner: team-shop}
spec: {environment: production, slots: [blue, green], stores: [{name: main}]}
`;

beforeAll(async () => {
  server = await RealServer.start();
  company = await SmallCompany.found(server);
  manager = await server.client('release-manager');
  await manager.call('applyDocuments', { body: { files: [{ name: 'solo.yaml', text: SOLO }] } });
  // Its tenants come in the first wave, so that it is done when the other cell is half way. One has a namesake there.
  const pilot = { slot: 'blue', store: 'main', ring: 'pilot' };
  const tenants = { acme: pilot, zed: pilot };
  const body = { ...company.observation('solo', 'production'), tenants } as CellState;
  await company.agent.call('observeCell', { cell: 'solo', body });
  await manager.call('adoptCell', { cell: 'solo', body: { manifests: [company.baseline.manifest] } });
});
afterAll(() => server?.remove());

const show = (promotion: string) => manager.call('showPromotion', { promotion });

async function settled(promotion: string): Promise<boolean> {
  const { items } = await manager.call('listRollouts', { promotion });
  return (await show(promotion)).phase === 'ended' && items.every(({ phase }) => phase === 'settled');
}

/** The version that serves each tenant of a cell. */
async function served(cell: string): Promise<Record<string, string | undefined>> {
  const { desired } = await manager.call('showCell', { cell });
  const tenants = Object.entries(desired?.tenants ?? {});
  return Object.fromEntries(tenants.map(([name, { slot }]) => [name, desired?.slots[slot]?.release?.version]));
}

const asks = (release: string, promotion: string) => ({
  body: { release, environment: 'production', overtakes: { promotion, because: 'invoices are wrong' } } as never,
});

it('is refused while a wave is carried out, and to whoever may not both promote and roll back', async () => {
  const developer = await server.client('developer');
  const release = await company.release('2.0.0');
  fixed = await company.release('2.0.1');
  const { id, envelope } = await developer.call('requestPromotion', { body: { release, environment: 'production' } });
  open = id;
  expect((await refused(manager.call('requestPromotion', asks(fixed, id)))).code).toBe('wrong-phase');
  await (await server.client('approver')).call('approvePromotion', { promotion: id, body: { envelope } });
  let begun = false;
  await company.carryOut(
    async () => begun,
    (assignment) => {
      begun = true;
      return didIt(assignment);
    },
  );
  const early = await refused(manager.call('requestPromotion', asks(fixed, id)));
  expect(early).toMatchObject({ status: 409, code: 'not-at-hold' });
  expect(early.message).toContain('wave 1');
  expect((await refused(developer.call('requestPromotion', asks(fixed, id)))).status).toBe(403);
  expect((await show(id)).actions.overtake).toMatchObject({ allowed: false });
});

it('at a hold point is planned for who is not on the newer release, with one approval more', async () => {
  const solo = async () => {
    const { items } = await manager.call('listRollouts', { promotion: open });
    return items.find(({ cell }) => cell === 'solo');
  };
  await company.carryOut(async () => /other cells/.test(String((await solo())?.reason)));
  await (await server.client('operator')).call('pausePromotion', { promotion: open, body: { reason: 'a hotfix' } });
  const { actions } = await show(open);
  expect(actions.overtake).toEqual({ allowed: true, because: expect.stringContaining('half way go back') });
  const planned = await manager.call('planPromotion', asks(fixed, open));
  expect(planned.text).toMatch(new RegExp(`Overtakes +${open}`));
  expect(planned.text).toMatch(/Only for +bolt and live\/acme;/);
  expect(planned.text).not.toContain('cell solo');
  const narrowed = (name: string) => {
    const { body } = asks(fixed, open);
    return manager.call('planPromotion', { body: { ...(body as object), tenants: [name] } as never });
  };
  const one = (await narrowed('acme')).text;
  expect(one).toMatch(/Only for +live\/acme;/);
  expect(one).not.toContain('cell solo');
  expect((await refused(narrowed('zed'))).code).toBe('on-newer-release');
  expect((await show(open)).phase).toBe('paused');
  const first = await manager.call('requestPromotion', asks(fixed, open), { idempotencyKey: 'hot' });
  const again = await manager.call('requestPromotion', asks(fixed, open), { idempotencyKey: 'hot' });
  expect([again.id, first.overtakes]).toEqual([first.id, open]);
  hotfix = first.id;
});

it('the overtaken promotion ends superseded: what was half way is back, what was done stays', async () => {
  await company.carryOut(() => settled(open));
  expect(await show(open)).toMatchObject({
    result: 'superseded',
    overtakenBy: hotfix,
    because: `overtaken by ${hotfix}: invoices are wrong`,
  });
  expect(await served('live')).toEqual({ acme: '1.0.0', bolt: '1.0.0' });
  expect(await served('solo')).toEqual({ acme: '2.0.0', zed: '2.0.0' });
});

it('the hotfix goes on with two approvals where one is usual, and leaves alone who is on the newer release', async () => {
  const { envelope } = await show(hotfix);
  const approve = (client: Client) => client.call('approvePromotion', { promotion: hotfix, body: { envelope } });
  await approve(await server.client('approver'));
  await until('it waits for the second', async () =>
    /1 of 2 approvals/.test(JSON.stringify(await manager.call('explainPromotion', { promotion: hotfix }))),
  );
  const admin = await server.client('admin');
  const { token } = await admin.call('createPrincipal', { body: { id: 'usr_second', roles: ['approver'] } });
  await approve(createClient({ baseUrl: server.url, token }));
  await company.carryOut(() => settled(hotfix));
  expect((await show(hotfix)).result).toBe('promoted');
  expect(await served('live')).toEqual({ acme: '2.0.1', bolt: '2.0.1' });
  expect(await served('solo')).toEqual({ acme: '2.0.0', zed: '2.0.0' });
});
