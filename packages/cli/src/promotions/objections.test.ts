/** What agents hold, told before anybody approves: against a real server, with an agent that says what it is told to say. */
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient, type PinsOfCell } from '@headgate/contract';
import { digestOfJson } from '@headgate/documents';
import { RealServer, until } from '@headgate/server/testing/real-server';
import { SmallCompany } from '@headgate/server/testing/small-company';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Finding } from '../doctor/finding.ts';
import { ranCommand } from '../testing/ran-command.ts';

const OTHER = digestOfJson('a policy of before');
const REFUSED = new RegExp(`the agent agt_shop of production holds policy ${OTHER}, and .*waits before its first wave`);

let server: RealServer;
let company: SmallCompany;
let folder: string;
let promotion = '';

const headgate = (...args: string[]) => ranCommand(args, { env: {}, cwd: folder });
const tokenOf = async (role: string) =>
  (await readFile(join(server.dataDir, 'secrets', `${role}.token`), 'utf8')).trim();
const json = (out: string) => JSON.parse(out.trim().split('\n').at(-1) ?? '');

async function pinsOf(cell: string): Promise<PinsOfCell> {
  const { items } = await (await server.client('auditor')).call('listPins', { prefix: cell });
  return items.find((each) => each.cell === cell)!;
}

/** The agent looks at its cell of production, and says what it holds. */
async function says(pins: { policy?: string; documents?: string; signed?: 'true' | 'false' }): Promise<void> {
  const body = company.observation('live', 'production');
  await company.agent.call('observeCell', { cell: 'live', ...pins, body });
}

async function found(): Promise<readonly Finding[]> {
  const { findings } = json((await headgate('doctor', '--json')).out) as { findings: Finding[] };
  return findings.filter(({ check }) => check === 'pins');
}

beforeAll(async () => {
  server = await RealServer.start();
  company = await SmallCompany.found(server);
  folder = await mkdtemp(join(tmpdir(), 'headgate-pins-'));
  await symlink(server.dataDir, join(folder, '.headgate'));
  await company.release('2.0.0');
});
afterAll(async () => {
  await server?.remove();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

test('of an agent that says nothing, being older, nothing is known, and nothing waits for it', async () => {
  expect(await pinsOf('live')).toMatchObject({ agent: 'agt_shop', told: null, objections: [] });
  const findings = await found();
  expect(findings.map(({ verdict }) => verdict)).toEqual(['unknown', 'unknown']);
  expect(findings[0]?.why).toMatch(/agt_shop of production doesn't say what it holds \(cell live\): it is older/);
  expect(json((await headgate('plan', '2.0.0', '--to', 'production', '--json')).out).objections).toEqual([]);
});

describe('an agent that holds another policy is told of', () => {
  beforeAll(() => says({ policy: OTHER, documents: 'any', signed: 'false' }));

  test('by doctor, with what mends it', async () => {
    const { code, out } = await headgate('doctor');
    expect(code).toBe(1);
    expect(out).toMatch(new RegExp(`WRONG +pins: ${REFUSED.source} \\(cell live\\)`));
    const { inForce } = await pinsOf('live');
    expect(out).toContain(`policyDigest: ${inForce!.policyDigest} of production in its agent.yaml`);
  });

  test('by doctor with the very commands, where its service was set up here', async () => {
    await mkdir(join(server.dataDir, 'agent-shop'), { recursive: true });
    await writeFile(join(server.dataDir, 'agent-shop', 'handed.json'), '{"name":"agt_shop"}');
    await mkdir(join(folder, 'code'), { recursive: true });
    await writeFile(join(folder, 'code', 'headgate.yaml'), SERVICE);
    const [finding] = (await found()).filter(({ verdict }) => verdict === 'wrong');
    const { policyDigest } = (await pinsOf('live')).inForce!;
    const run = 'headgate-agent run --config .headgate/agent-shop/agent.yaml';
    const stop = 'headgate-agent stop --config .headgate/agent-shop/agent.yaml --agent-only';
    expect(finding?.mend).toBe(
      `read what changed: headgate document diff ${OTHER} ${policyDigest}; it is not what headgate setup would declare; to keep it: ${stop}; write policyDigest: ${policyDigest} of production into .headgate/agent-shop/agent.yaml; ${run}; to take it back: headgate setup code --take-back && ${stop} && headgate-agent enrol --handed .headgate/agent-shop/handed.json --service code/headgate.yaml && ${run}`,
    );
    await rm(join(server.dataDir, 'agent-shop'), { recursive: true });
  });

  test('by a plan that touches nothing, in words and as data', async () => {
    const { out } = await headgate('plan', '2.0.0', '--to', 'production', '--dry-run');
    expect(out).toMatch(
      new RegExp(`An agent would refuse it as things are; [^\n]*:\n- cell live: ${REFUSED.source}; to mend: `),
    );
    const { objections } = json((await headgate('plan', '2.0.0', '--to', 'production', '--json')).out);
    expect(objections).toMatchObject([{ cell: 'live', agent: 'agt_shop', code: 'other-policy' }]);
  });

  test('by who asks for the promotion, and to who approves it before that', async () => {
    const asked = await headgate('--as', 'release-manager', 'promote', '2.0.0', '--to', 'production', '--json');
    const answer = json(asked.out);
    expect(answer.objections).toMatchObject([{ code: 'other-policy' }]);
    promotion = answer.id;
    const shown = await headgate('--as', 'approver', 'approve', promotion);
    expect(shown.out).toMatch(REFUSED);
    expect(shown.out).toMatch(/nobody can be asked here/);
    const again = await headgate('--as', 'release-manager', 'promote', '2.0.0', '--to', 'production', '--key', 'again');
    expect(again.out).toMatch(REFUSED);
    await headgate('--as', 'approver', 'reject', /prm_\w+/.exec(again.out)![0], '--reason', 'one is enough');
  });
});

test('an approved promotion waits for the pin, says so, and goes on by itself once the agent holds it', async () => {
  expect((await headgate('--as', 'approver', 'approve', promotion, '--yes')).code).toBe(0);
  const manager = await server.client('release-manager');
  const shown = () => manager.call('showPromotion', { promotion });
  await until('it says so', async () => /its agent would refuse it/.test((await shown()).reason ?? ''));
  expect((await company.agent.call('leaseStep', { body: { waitMs: 1_000 } })).assignment).toBeNull();
  const { out } = await headgate('explain', promotion);
  expect(out).toMatch(/holds policy sha256:[0-9a-f]{12}, and this plan is made under/);
  expect(out).toMatch(
    /to unblock: read what changed: `headgate document diff sha256:[0-9a-f]{64} sha256:[0-9a-f]{64}`, and pin it there: policyDigest: sha256:[0-9a-f]{64} /,
  );
  expect((await headgate('status')).out).toMatch(/its agent would refuse it/);
  const { inForce } = await pinsOf('live');
  const { policyDigest, documents } = inForce!;
  await says({ policy: policyDigest, documents: documents.map(({ digest }) => digest).join(','), signed: 'false' });
  await company.carryOut(async () => (await shown()).phase === 'ended');
  expect(await shown()).toMatchObject({ result: 'promoted' });
  expect((await found()).map(({ verdict }) => verdict)).toEqual(['unknown']);
});

test('rows and log agree about what was told', async () => {
  const { checked, differences } = await (await server.client('auditor')).call('auditLog', { limit: 500 });
  expect(checked).toBeGreaterThan(10);
  expect(differences).toEqual([]);
});

test('what can’t be a pin is refused, changes nothing, and what is told is bounded', async () => {
  const before = await pinsOf('live');
  const odd = [
    '',
    'sha256:1',
    OTHER.toUpperCase(),
    `${OTHER} `.repeat(2),
    '__proto__',
    '<b>',
    '\u00e9',
    '../any',
    'x'.repeat(9_000),
  ];
  const wrong: Parameters<typeof says>[0][] = [
    ...odd.flatMap((text) => [{ policy: text }, { documents: text }, { signed: text as never }]),
    { documents: `${OTHER},` },
    { documents: Array(51).fill(OTHER).join(',') },
    { signed: 'yes' as never },
  ];
  for (const pins of wrong) await expect(says(pins), JSON.stringify(pins)).rejects.toMatchObject({ status: 422 });
  expect(await pinsOf('live')).toEqual(before);
  await says({ policy: 'any', documents: Array(50).fill(OTHER).join(','), signed: 'true' });
  expect(await pinsOf('live')).toMatchObject({ told: { documents: [OTHER], signedApprovals: true } });
});

test('what a server doesn’t know of an agent that is newer than it, it overlooks', async () => {
  const newer: typeof fetch = (url, init) =>
    fetch(url, { ...init, headers: { ...init?.headers, 'headgate-new': 'x' } });
  const client = createClient({ baseUrl: server.url, token: await tokenOf('auditor'), fetch: newer });
  expect(await client.call('whoami')).toMatchObject({ id: 'usr_auditor' });
});

test('a revoked agent’s word no longer counts', async () => {
  await says({ policy: OTHER, documents: 'many', signed: 'false' });
  expect((await pinsOf('live')).objections).toHaveLength(1);
  await (await server.client('admin')).call('revokePrincipal', { id: 'agt_shop' });
  expect(await pinsOf('live')).toMatchObject({ agent: null, told: null, objections: [] });
});

const SERVICE = `apiVersion: headgate/v1
kind: Service
metadata: {name: shop, owner: team-shop}
spec:
  run: ["\${node}", "\${dir}/web.mjs"]
  files: [web.mjs]
  health: /healthz
  environments: [{name: production}]
`;
