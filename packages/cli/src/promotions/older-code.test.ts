/** An older release onto a store that a contract took further, on a real server whose policy goes by waivers. */
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from '@headgate/contract';
import { digestOf } from '@headgate/documents';
import { RealServer } from '@headgate/server/testing/real-server';
import { didIt, refused, SmallCompany } from '@headgate/server/testing/small-company';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ranCommand } from '../testing/ran-command.ts';

let server: RealServer;
let company: SmallCompany;
let developer: Client;
let manager: Client;
let older: `sha256:${string}`;
let promotion: string;
let folder: string;

const policy = (waivers: readonly object[]) => `apiVersion: headgate/v1
kind: Policy
metadata: {name: free, owner: team-shop}
spec:
  gates:
    - {gate: signature}
    - gate: migrations-analysed
      params: {maxAgeMs: 3600000, longestStallMs: 1000, contracts: waivers, waivers: ${JSON.stringify(waivers)}}
  rollbackScope: all
  limits: {latestFinishMs: 3600000, approvalMs: 3600000}
`;
const apply = (text: string) => manager.call('applyDocuments', { body: { files: [{ name: 'free.yaml', text }] } });
const plan = () => developer.call('planPromotion', { body: { release: older, environment: 'staging' } });

beforeAll(async () => {
  server = await RealServer.start();
  folder = await mkdtemp(join(tmpdir(), 'headgate-older-code-'));
  await symlink(server.dataDir, join(folder, '.headgate'));
  company = await SmallCompany.found(server);
  developer = await server.client('developer');
  manager = await server.client('release-manager');
  const { artifact } = company;
  const up = { name: '002.contract.sql', digest: digestOf(artifact), size: artifact.length };
  const migrations = [{ id: 'm2', from: 1, to: 2, phase: 'contract', up, undo: 'keep' }];
  const release = await company.release('2.0.0', { schemaRange: { min: 2, max: 3 }, migrations });
  older = await company.release('1.0.1', { schemaRange: { min: 1, max: 2 } });
  const asked = await developer.call('requestPromotion', { body: { release, environment: 'staging' } });
  promotion = asked.id;
  await company.carryOut(
    async () => (await developer.call('showPromotion', { promotion })).result === 'promoted',
    (assignment) => {
      if (assignment.action.kind !== 'migrate') return didIt(assignment);
      return { kind: 'done', result: { schemaVersion: assignment.action.to } } as never;
    },
  );
}, 60_000);
afterAll(async () => {
  await server?.remove();
  await rm(folder, { recursive: true, force: true });
});

it('goes where ranges are declared', async () => {
  expect((await plan()).plan.release.version).toBe('1.0.1');
});

it('is refused where they are derived, by name of what took the store further, and asked for it is refused, too', async () => {
  await apply(policy([]));
  const problem = await refused(plan());
  expect(problem.code).toBe('older-code');
  expect(problem.message).toContain(`promotion ${promotion} of 2.0.0 took it to 2 with 002.contract.sql`);
  const asked = developer.call('requestPromotion', { body: { release: older, environment: 'staging' } });
  expect((await refused(asked)).code).toBe('older-code');
  const { code, out } = await ranCommand(['promote', older, '--to', 'staging'], { env: {}, cwd: folder });
  expect(code).not.toBe(0);
  // As it is put into a policy: a line each, set in from ours.
  expect(out).toMatch(
    new RegExp(
      `because \\(.*\\):\n +waivers:\n +- \\{file: "${older}", rule: older-code, because: "", until: [-0-9]+, environment: staging\\} # "shop 1\\.0\\.1"\n`,
    ),
  );
});

it('goes once somebody answers for it in the policy', async () => {
  await apply(policy([{ file: older, rule: 'older-code', because: 'usr_dba looked', until: '2099-12-31' }]));
  expect((await plan()).plan.release.version).toBe('1.0.1');
});
