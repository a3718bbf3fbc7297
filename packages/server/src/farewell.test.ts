/** What is heard of agents, on a real server: that they ask for work, and their last word. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RealServer } from './testing/real-server.ts';
import { refused, SmallCompany } from './testing/small-company.ts';

let server: RealServer;
let company: SmallCompany;

beforeAll(async () => {
  server = await RealServer.start();
  company = await SmallCompany.found(server);
});
afterAll(() => server?.remove());

async function heardOf(cell: string) {
  const { cells, at } = await (await server.client('auditor')).call('status');
  return { at, agent: cells.find(({ name }) => name === cell)?.agent };
}

const ask = () => company.agent.call('leaseStep', { body: { waitMs: 0 } });

it('who asks for work is heard; a last word is known at once, and holds until work is asked for again', async () => {
  expect((await heardOf('live')).agent).toEqual({ id: 'agt_shop', heardAt: null });
  await ask();
  const heard = await heardOf('live');
  expect(heard.agent).toEqual({ id: 'agt_shop', heardAt: expect.any(Number) });
  expect(heard.at - heard.agent!.heardAt!).toBeLessThan(60_000);

  await company.agent.call('sayFarewell', { body: { stopped: ['live'] } });
  const [live, stage] = [await heardOf('live'), await heardOf('stage')];
  expect(live.agent?.ended).toEqual({ at: expect.any(Number), how: 'stopped' });
  expect(stage.agent?.ended).toEqual({ at: live.agent?.ended?.at, how: 'ended' });
  // It is the agent's own state and no decision: the log has nothing of it.
  await ask();
  expect((await heardOf('live')).agent?.ended).toBeUndefined();
});

it('nobody but an agent says it, and none for another', async () => {
  const manager = await server.client('release-manager');
  expect((await refused(manager.call('sayFarewell', { body: { stopped: ['live'] } }))).code).toBe('not-permitted');
  expect((await heardOf('live')).agent?.ended).toBeUndefined();
});
