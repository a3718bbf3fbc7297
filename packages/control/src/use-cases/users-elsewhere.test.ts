/** Who serves in other environments, over the store in memory. */
import { aCell, aManifest, aMigration, aPlan, NOON } from '@headgate/testkit/domain/builders';
import { beforeEach, expect, test } from 'vitest';
import { GateFactsGatherer } from '../facts.ts';
import { MemoryStore } from '../memory/index.ts';
import { streams } from '../records.ts';
import { usersElsewhere } from './users-elsewhere.ts';

const APPLICATION = { name: 'psa', pipeline: ['staging', 'production'] };
const contract = aManifest({ migrations: [aMigration(1, { phase: 'contract' })] });

let store: MemoryStore;
beforeEach(async () => {
  store = new MemoryStore({ clock: () => 1 });
  const writes = [
    aCell({ cell: 'stage' }),
    { ...aCell({ cell: 'live' }), application: 'other' },
    aCell({ cell: 'north' }),
    aCell({ cell: 'south', schemaVersion: 2 }),
  ].map((state, i) => {
    const desired = { ...state, environment: i === 0 ? 'staging' : 'production' };
    const entries = [{ type: 'made', data: {} }];
    return { stream: streams.cell(state.cell), expected: 0, entries, state: { desired }, dueAt: null };
  });
  await store.commit({ by: 'usr', writes });
});

test('those of the same application, each version once, on the lowest schema that it serves', async () => {
  const user = { version: '1.0.0', range: { min: 1, max: 2 }, schema: 1 };
  expect(await usersElsewhere(store, APPLICATION, 'staging', contract)).toEqual([
    { environment: 'production', ...user },
  ]);
  expect(await usersElsewhere(store, APPLICATION, 'production', contract)).toEqual([
    { environment: 'staging', ...user },
  ]);
});

test('nobody is asked for a release that removes nothing', async () => {
  const asked = usersElsewhere({ list: () => Promise.reject(new Error('asked')) }, APPLICATION, 'staging', aManifest());
  expect(await asked).toEqual([]);
});

test('the gates of a plan that names them are told', async () => {
  const plan = aPlan();
  const elsewhere = [{ environment: 'staging', version: '1.0.0', schema: 1 }];
  const { application, environment, release } = plan;
  const asked = { application, environment, release, authors: [], requester: 'usr', approvals: [] } as never;
  const told = async (of: typeof plan) => (await new GateFactsGatherer(store).gather(asked, of, NOON)).gates;
  expect((await told({ ...plan, risk: { ...plan.risk, elsewhere } })).elsewhere).toEqual(elsewhere);
  expect(await told(plan)).not.toHaveProperty('elsewhere');
});
