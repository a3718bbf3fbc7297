/** Who there is, as people are told to look it up: against a real server. */
import { RealServer } from '@headgate/server/testing/real-server';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ranCommand } from '../testing/ran-command.ts';

let server: RealServer;
const before = Date.now();

beforeAll(async () => {
  server = await RealServer.start();
  const admin = await server.client('admin');
  for (const id of ['agt_shop', 'agt_old'])
    await admin.call('enrolAgent', { body: { id, environments: ['shop-production', 'shop-staging'] } });
  await admin.call('revokePrincipal', { id: 'agt_old' });
});
afterAll(() => server?.remove());

const headgate = (...args: string[]) => ranCommand(args, { env: { HEADGATE_DATA: server.dataDir }, cwd: '/' });

test('principals are listed with their roles, since when, and whether they were revoked', async () => {
  const { code, out } = await headgate('principal', 'list');
  expect(code).toBe(0);
  expect(out).toMatch(/^ID +ROLES +SINCE +REVOKED\n/);
  expect(out).toMatch(/\nusr_admin +admin +\d{4}-\d\d-\d\dT[\d:]+Z +no\n/);
  expect(out).toMatch(/\nagt_old +agent +\S+ +yes\n/);
  const { items } = JSON.parse((await headgate('principal', 'list', '--json')).out) as {
    items: { id: string; since: number }[];
  };
  expect(items.find(({ id }) => id === 'agt_shop')?.since).toBeGreaterThan(before - 60_000);
  expect(JSON.stringify(items)).not.toMatch(/hash/i);
});

test('agents are listed with their environments, and nobody else', async () => {
  const { code, out } = await headgate('agent', 'list');
  expect(code).toBe(0);
  expect(out.split('\n').map((line) => line.split(/ +/)[0])).toEqual(['ID', 'agt_old', 'agt_shop', '']);
  expect(out).toMatch(/agt_shop +shop-production, shop-staging +\S+ +no/);
});

/** Environments of their own, as few documents as they can be. */
const documents = (...names: string[]) => {
  const of = (kind: string, name: string, spec: object) =>
    JSON.stringify({ apiVersion: 'headgate/v1', kind, metadata: { name, owner: 'team' }, spec });
  const limits = { latestFinishMs: 3_600_000, approvalMs: 3_600_000 };
  return [
    of('Application', 'shop', { tenancy: 'rows', components: [WEB], pipeline: names, rings: RINGS, verification: 'v' }),
    of('Verification', 'v', { workflows: [{ workflowId: 'alive', steps: [ALIVE] }] }),
    of('Policy', 'free', { gates: [{ gate: 'signature' }], rollbackScope: 'all', limits }),
    ...names.map((name) =>
      of('Environment', name, { application: 'shop', policy: 'free', calendars: [], agent: 'agt-shop' }),
    ),
  ].join('\n---\n');
};
const WEB = { name: 'web', role: 'web', recovery: 'stateless' };
const RINGS = [{ name: 'all', soakMs: 0 }];
const ALIVE = {
  stepId: 'ask',
  request: { method: 'GET', path: '/healthz' },
  successCriteria: [{ condition: '$statusCode == 200' }],
};

test('an agent gets more environments and keeps its token; nobody else is made an agent, and the audit agrees', async () => {
  const files = [{ name: 'shop.yaml', text: documents('lab', 'lab-two') }];
  await (await server.client('release-manager')).call('applyDocuments', { body: { files } });
  expect((await headgate('agent', 'widen', 'agt_shop', '--environment', 'lab', 'shop-staging')).out).toBe(
    'agt_shop is enrolled for shop-production, shop-staging, lab\n',
  );
  expect((await headgate('agent', 'list')).out).toMatch(/agt_shop +shop-production, shop-staging, lab +\S+ +no/);
  for (const [id, why] of [
    ['usr_admin', 'it is no agent'],
    ['agt_old', 'the agent was revoked'],
    ['agt_gone', 'there is no such thing'],
  ] as const) {
    const refused = await headgate('agent', 'widen', id, '--environment', 'lab');
    expect([refused.code !== 0, refused.out]).toEqual([true, expect.stringContaining(why)]);
  }
  expect(await headgate('--as', 'operator', 'agent', 'widen', 'agt_shop', '--environment', 'x')).not.toMatchObject({
    code: 0,
  });
  const misspelt = await headgate('agent', 'widen', 'agt_shop', '--environment', 'lab-two', 'lob');
  expect(misspelt).toMatchObject({
    code: 3,
    out: expect.stringContaining('there is no environment lob; there are lab, lab-two'),
  });
  expect((await headgate('agent', 'list')).out).not.toContain('lab-two');
  const { out } = await headgate('log', 'audit', '--json');
  expect(JSON.parse(out)).toMatchObject({ differences: [] });
});

test('an agent that is enrolled for an environment that nobody declared is told so, and is enrolled', async () => {
  const { code, out } = await headgate('agent', 'enrol', 'agt_lab', '--environment', 'lab', 'lob');
  expect(code).toBe(0);
  expect(out).toMatch(
    /agt_lab is created\. .*\n\S+\nBEWARE: there is no environment lob; there are lab, lab-two: no step comes/,
  );
  const { undeclared } = JSON.parse(
    (await headgate('agent', 'enrol', 'agt_lob', '--environment', 'lob', '--json')).out,
  ) as { undeclared: object[] };
  expect(undeclared).toEqual([{ environment: 'lob', why: expect.stringContaining('there is no environment lob') }]);
  expect((await headgate('agent', 'enrol', 'agt_lub', '--environment', 'lab')).out).not.toContain('BEWARE');
});

test('the program says which one it is, and a command’s own --version stays its own', async () => {
  expect(await headgate('--version')).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^headgate \d+\.\d+\.\d+\n$/),
  });
  expect((await headgate('release', 'create', '--version')).out).toContain(
    "option '--version <version>' argument missing",
  );
});
