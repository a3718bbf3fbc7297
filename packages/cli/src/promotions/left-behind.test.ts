/** A rollback that leaves a store without what the code of before reads: what people are told of it, on a real server. */
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from '@headgate/contract';
import { digestOf } from '@headgate/documents';
import { RealServer } from '@headgate/server/testing/real-server';
import { didIt, SmallCompany } from '@headgate/server/testing/small-company';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ranCommand } from '../testing/ran-command.ts';

let server: RealServer;
let company: SmallCompany;
let developer: Client;
let manager: Client;
let before: `sha256:${string}`;
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
const headgate = async (...args: string[]) => (await ranCommand(args, { env: {}, cwd: folder })).out;

async function carriedOut(release: string, fails: boolean): Promise<string> {
  const asked = { release: release as `sha256:${string}`, environment: 'staging' };
  const { id: promotion } = await developer.call('requestPromotion', { body: asked });
  let failed = false;
  await company.carryOut(
    async () => (await developer.call('showPromotion', { promotion })).phase === 'ended',
    (assignment) => {
      const { action } = assignment;
      if (action.kind === 'migrate') return { kind: 'done', result: { schemaVersion: action.to } } as never;
      if (action.kind !== 'verify' || !fails || failed) return didIt(assignment);
      failed = true;
      return { kind: 'failed', code: 'rejected', why: 'GET / expected 200, found 500' } as never;
    },
  );
  return promotion;
}

beforeAll(async () => {
  server = await RealServer.start();
  folder = await mkdtemp(join(tmpdir(), 'headgate-left-behind-'));
  await symlink(server.dataDir, join(folder, '.headgate'));
  company = await SmallCompany.found(server);
  await writeFile(join(folder, 'ci.key'), company.keyPem, { mode: 0o600 });
  developer = await server.client('developer');
  manager = await server.client('release-manager');
  before = await company.release('1.0.1', { schemaRange: { min: 1, max: 2 } });
  await carriedOut(before, false);
}, 60_000);
afterAll(async () => {
  await server?.remove();
  await rm(folder, { recursive: true, force: true });
});

it('its end, explain, incident and status say so, and status does as long as it stands so', async () => {
  expect(await headgate('status')).not.toContain('OLDER CODE');
  const sql = 'alter table invoice drop column note;';
  const up = { name: '002.contract.sql', digest: digestOf(sql), size: sql.length };
  await developer.call('putBlob', { digest: up.digest, body: Buffer.from(sql) });
  const migrations = [{ id: 'm2', from: 1, to: 2, phase: 'contract', up, undo: 'keep' }];
  const release = await company.release('2.0.0', { schemaRange: { min: 2, max: 3 }, migrations });
  await headgate('--as', 'developer', ...`analyse --release 2.0.0 --schema-version 1 --key ci.key --attach`.split(' '));
  const waivers = ['breaks-running-code', 'destroys-data'].map((rule) => ({
    ...{ file: up.digest, rule, because: 'pasted', until: '2099-12-31' },
  }));
  await apply(policy(waivers));
  const promotion = await carriedOut(release, true);

  const said =
    'NOT ALL IS AS BEFORE: in cell stage 1.0.1 serves with store main at schema 2, to which 002.contract.sql took it: that takes public.invoice.note from code of before';
  for (const command of [['explain', promotion], ['incident'], ['watch', promotion]])
    expect(await headgate(...command)).toContain(said);
  const told = await headgate('status');
  expect(told).toMatch(
    new RegExp(
      `OLDER CODE in cell \\S+: 1\\.0\\.1 serves \\d+ tenants? with store main, and it is at schema 2: promotion ${promotion} of 2\\.0\\.0 took it to 2 with 002\\.contract\\.sql, which takes public\\.invoice\\.note from code of before`,
    ),
  );
  expect(told).toContain(
    '`headgate promote RELEASE --to staging` with one that does without it (2.0.0 or a later one)',
  );

  await apply(policy([{ file: before, rule: 'older-code', because: 'usr_dba looked', until: '2099-12-31' }]));
  expect(await headgate('status')).not.toContain('OLDER CODE');
});
