/** What people read of a promotion whose policy was replaced while it waited, and of what they approve. */
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOf } from '@headgate/documents';
import { RealServer, until } from '@headgate/server/testing/real-server';
import { DOCUMENTS, SmallCompany } from '@headgate/server/testing/small-company';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ranCommand } from '../testing/ran-command.ts';

let server: RealServer;
let folder: string;
let promotion: string;
const headgate = (...args: string[]) => ranCommand(args, { env: {}, cwd: folder });

beforeAll(async () => {
  server = await RealServer.start();
  const company = await SmallCompany.found(server);
  folder = await mkdtemp(join(tmpdir(), 'headgate-policy-replaced-'));
  await symlink(server.dataDir, join(folder, '.headgate'));
  const { artifact } = company;
  const up = { name: '002.contract.sql', digest: digestOf(artifact), size: artifact.length };
  const migrations = [{ id: 'm2', from: 1, to: 2, phase: 'contract', up, undo: 'keep' }];
  const release = await company.release('2.0.0', { schemaRange: { min: 2, max: 3 }, migrations });
  const waiver = { file: up.digest, rule: 'breaks-running-code', because: 'usr_dba looked', until: '2099-12-31' };
  const params = { maxAgeMs: 3600000, longestStallMs: 1000, contracts: 'waivers', waivers: [waiver] };
  const manager = await server.client('release-manager');
  const apply = (text: string) => manager.call('applyDocuments', { body: { files: [{ name: 'shop.yaml', text }] } });
  await apply(
    DOCUMENTS.replace(
      '{gate: approval,',
      `{gate: migrations-analysed, params: ${JSON.stringify(params)}}, {gate: approval,`,
    ),
  );
  promotion = (await manager.call('requestPromotion', { body: { release, environment: 'production' } })).id;
  const { out } = await headgate('--as', 'approver', 'approve', promotion);
  expect(out).toContain('  waivers         breaks-running-code of 002.contract.sql until 2099-12-31: usr_dba looked');
  await apply(DOCUMENTS);
}, 60_000);
afterAll(async () => {
  await server?.remove();
  await rm(folder, { recursive: true, force: true });
});

it('its approval isn’t taken, with how it is asked for anew', async () => {
  const { code, out } = await headgate('--as', 'approver', 'approve', promotion, '--yes');
  expect(code).not.toBe(0);
  expect(out).toMatch(/was refused: it is planned under policy sha256:\S+, and sha256:\S+ is in force since/);
  expect(out).toMatch(new RegExp(`headgate reject ${promotion} .*headgate promote sha256:\\S+ --to production`));
});

it('status and lists say it of all that wait, without a look at each', async () => {
  await until('it was looked at', async () => (await headgate('status')).out.includes('POLICY REPLACED'));
  expect((await headgate('status')).out).toContain(`how it is asked for anew: headgate explain ${promotion}`);
  expect((await headgate('explain', promotion)).out).toContain(`headgate reject ${promotion} --reason`);
  expect((await headgate('promotion', 'list')).out).toContain('awaiting, policy replaced');
});

it('explain asks for that alone, once, and not for what the policy that was replaced asked for', async () => {
  const { out } = await headgate('explain', promotion);
  expect(out.match(/is in force since/g)).toHaveLength(1);
  expect(out.match(/to unblock:/g)).toHaveLength(1);
  expect(out).toContain('It waits to open wave 1 of 2: closed: policy.');
  expect(out).not.toContain('waivers:');
});
