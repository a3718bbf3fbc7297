/** Who moves first is never an accident: rings that are taken away, and rings of which two things are said. */
import type { CellState } from '@headgate/contract';
import type { Plan } from '@headgate/domain';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RealServer } from './testing/real-server.ts';
import { DOCUMENTS, refused, SmallCompany } from './testing/small-company.ts';

let server: RealServer;
let company: SmallCompany;
let release: Awaited<ReturnType<SmallCompany['release']>>;

beforeAll(async () => {
  server = await RealServer.start();
  company = await SmallCompany.found(server);
  release = await company.release('2.0.0');
});
afterAll(() => server?.remove());

const tenant = (name: string, ring: string) => `apiVersion: headgate/v1
kind: Tenant
metadata: {name: ${name}, owner: sales}
spec: {cell: stage, store: main, ring: ${ring}}
`;
const [application] = DOCUMENTS.split('---');
const apply = async (text: string, dryRun = false) =>
  (await server.client('release-manager')).call('applyDocuments', {
    body: { files: [{ name: 'shop.yaml', text }], dryRun },
  });
const plan = async () => {
  const developer = await server.client('developer');
  const planned = await developer.call('planPromotion', { body: { release, environment: 'staging' } });
  return (planned.plan as unknown as Plan).waves.map(({ ring }) => ring);
};
const seenWith = (ring: string): CellState => {
  const seen = company.observation('stage', 'staging');
  const [name, first] = Object.entries(seen.tenants)[0]!;
  return { ...seen, tenants: { ...seen.tenants, [name]: { ...first, ring } } };
};

test('a ring with tenants isn’t taken away, and where cell and document differ nothing is planned until they agree', async () => {
  const [name, { ring }] = Object.entries(company.observation('stage', 'staging').tenants)[0]!;
  const other = ring === 'pilot' ? 'broad' : 'pilot';
  await apply(tenant(name, ring));
  expect(await plan()).toEqual(['pilot', 'broad']);

  const without = application!.replace(`{name: ${ring}, soakMs: 0}`, '{name: canary, soakMs: 0}');
  expect(without).not.toBe(application);
  for (const dryRun of [true, false]) {
    const problem = await refused(apply(without, dryRun));
    expect(problem.message).toContain(`expected ring ${ring} among them, which tenants are in: stage/${name} (`);
  }

  await apply(tenant(name, other));
  const differs = await refused(plan());
  expect(differs.code).toBe('ring-differs');
  expect(differs.message).toContain(`${name} (${other}, there ${ring})`);

  // The cell's file is corrected: the agent's next look is enough.
  await company.agent.call('observeCell', { cell: 'stage', body: seenWith(other) });
  expect(await plan()).toEqual(['broad']);
  const auditor = await server.client('auditor');
  expect((await auditor.call('showCell', { cell: 'stage' })).desired?.tenants[name]?.ring).toBe(other);
});
