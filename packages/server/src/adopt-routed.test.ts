/** A cell is taken under control only with everybody who is declared there served, on a real server. */
import type { CellState } from '@headgate/contract';
import { digestOf } from '@headgate/documents';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RealServer } from './testing/real-server.ts';
import { refused, SmallCompany } from './testing/small-company.ts';

let server: RealServer;
let company: SmallCompany;

const DECLARED = `apiVersion: headgate/v1
kind: Cell
metadata: {name: solo, owner: team-shop}
spec: {environment: production, slots: [blue, green], stores: [{name: main}]}
${['acme', 'bolt']
  .map(
    (name) => `---
apiVersion: headgate/v1
kind: Tenant
metadata: {name: ${name}, owner: team-shop}
spec: {cell: solo, store: main, ring: pilot}
`,
  )
  .join('')}`;

beforeAll(async () => {
  server = await RealServer.start();
  company = await SmallCompany.found(server);
});
afterAll(() => server?.remove());

it('is refused while a declared tenant is served by no slot, by name, and goes once the agent sees them all', async () => {
  const manager = await server.client('release-manager');
  await manager.call('applyDocuments', { body: { files: [{ name: 'solo.yaml', text: DECLARED }] } });
  const adopt = () => manager.call('adoptCell', { cell: 'solo', body: { manifests: [company.baseline.manifest] } });
  const seen = company.observation('solo', 'production');
  const { bolt: _bolt, ...acme } = seen.tenants;
  const observe = (tenants: CellState['tenants']) =>
    company.agent.call('observeCell', { cell: 'solo', body: { ...seen, tenants } });

  await observe({});
  const none = await refused(adopt());
  expect(none.problem.refusals[0]).toMatchObject({
    code: 'not-routed',
    why: expect.stringMatching(/^acme, bolt are declared there, and the agent saw no slot that serves them/),
    unblock: expect.stringContaining('headgate-agent take-up'),
  });
  await observe(acme);
  expect((await refused(adopt())).problem.refusals[0]?.why).toMatch(/^bolt is declared there/);
  expect((await manager.call('showCell', { cell: 'solo' })).desired).toBeNull();
  await observe(seen.tenants);
  expect((await adopt()).desired?.tenants).toEqual(seen.tenants);
});

it('is refused by the name of a blob that its agent calls a manifest and that is none', async () => {
  const manager = await server.client('release-manager');
  const other = DECLARED.split('---')[0]?.replaceAll('solo', 'other') as string;
  await manager.call('applyDocuments', { body: { files: [{ name: 'other.yaml', text: other }] } });
  const seen = company.observation('other', 'production');
  for (const [text, why] of [
    ['no json', 'it is no JSON'],
    ['{}', 'expected'],
  ] as const) {
    const body = Buffer.from(text);
    const digest = digestOf(body);
    await company.agent.call('putBlob', { digest, body });
    const slots = { ...seen.slots, blue: { ...seen.slots.blue, release: { digest, version: '1.0.0' } } };
    await company.agent.call('observeCell', { cell: 'other', body: { ...seen, slots } });
    const { status, problem } = await refused(manager.call('adoptCell', { cell: 'other', body: { manifests: [] } }));
    expect(status).toBe(422);
    expect(problem.refusals[0]?.where).toContain(`blob/${digest}`);
    expect(problem.refusals[0]?.why).toContain(why);
  }
});
