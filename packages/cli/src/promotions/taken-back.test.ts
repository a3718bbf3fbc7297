/** A promotion that had ended and was taken back while the server was away, on a real server, as people read of it. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from '@headgate/contract';
import { type Plan, undoSteps } from '@headgate/domain';
import { RealServer, until } from '@headgate/server/testing/real-server';
import { Receiver } from '@headgate/server/testing/receiver';
import { didIt, SmallCompany } from '@headgate/server/testing/small-company';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ranCommand } from '../testing/ran-command.ts';

const WATCHED = `apiVersion: headgate/v1
kind: Policy
metadata: {name: free, owner: team-shop}
spec:
  gates: [{gate: signature}]
  rollbackScope: all
  hypercare: [{name: hour, durationMs: 3600000}]
  limits: {latestFinishMs: 3600000, approvalMs: 3600000}
`;

let server: RealServer;
let receiver: Receiver;
let company: SmallCompany;
let developer: Client;
let folder: string;
let promotion: string;
let plan: Plan;

const headgate = (...args: string[]) => ranCommand(args, { env: {}, cwd: folder });

async function promote(version: string): Promise<string> {
  const release = await company.release(version);
  const { id } = await developer.call('requestPromotion', { body: { release, environment: 'staging' } });
  await company.carryOut(async () => {
    const { items } = await developer.call('listRollouts', { promotion: id });
    const { phase } = await developer.call('showPromotion', { promotion: id });
    return phase === 'ended' && items.every((rollout) => rollout.phase === 'settled');
  });
  return id;
}

/** What the agent tells that went back by itself: the whole undo, but for so many steps at its end. */
function told(n: number) {
  const cell = plan.cells[0]!;
  const scope = { kind: 'all' as const, wave: 2 };
  const begun = cell.steps.length;
  const steps = undoSteps(cell, scope, begun).map(({ id, action }) => {
    const outcome = didIt({ action } as never);
    return { id, result: outcome.kind === 'done' ? outcome.result : {} };
  });
  const who = { by: 'usr_night', because: 'invoices fail', since: Date.now() - 60_000 };
  return { rollout: `${promotion}.stage`, body: { plan: digest, scope, begun, steps, n, ...who } };
}
let digest: `sha256:${string}`;

beforeAll(async () => {
  receiver = await Receiver.open();
  const secret = `whsec_${randomBytes(32).toString('base64')}`;
  server = await RealServer.start({
    env: { HEADGATE_NOTIFY_ONE: secret, HEADGATE_NOTIFY_ALLOW: receiver.address },
  });
  company = await SmallCompany.found(server);
  const hook = `{name: hook, type: webhook, url: ${receiver.url}/team, secrets: [{env: HEADGATE_NOTIFY_ONE}]}`;
  const team = `apiVersion: headgate/v1
kind: Notification
metadata: {name: team, owner: team-shop}
spec: {audience: team, happenings: [rolled-back], gatherSeconds: 0, channels: [${hook}]}
`;
  const manager = await server.client('release-manager');
  const files = [WATCHED, team].map((text, i) => ({ name: `${i}.yaml`, text }));
  await manager.call('applyDocuments', { body: { files } });
  developer = await server.client('developer');
  folder = await mkdtemp(join(tmpdir(), 'headgate-taken-back-'));
  await symlink(server.dataDir, join(folder, '.headgate'));
  promotion = await promote('2.0.0');
  digest = (await developer.call('showPromotion', { promotion })).plan as typeof digest;
  plan = JSON.parse(Buffer.from(await developer.call('getBlob', { digest })).toString('utf8')) as Plan;
}, 60_000);
afterAll(async () => {
  await server?.remove();
  await receiver?.close();
  await rm(folder, { recursive: true, force: true });
});

const WORDS =
  /promoted[^;]*then taken back by hand in cell stage to 1\.0\.0 \(between \S+Z, .* and \S+Z, .*\): undone by agt_shop while the server was away, which says that usr_night decided it: invoices fail/;

it('says nothing of the kind before it happens', async () => {
  expect((await headgate('status')).out).not.toContain('TAKEN BACK');
  expect((await headgate('watch', promotion)).code).toBe(0);
  expect((await developer.call('showPromotion', { promotion })).takenBack).toBeUndefined();
});

it('stays promoted, and every command says by whom, when, where and to what it was taken back', async () => {
  expect((await company.agent.call('tellUndone', told(500))).took).toBe('late');
  const shown = await developer.call('showPromotion', { promotion });
  expect(shown).toMatchObject({ phase: 'ended', result: 'promoted' });
  expect(shown.takenBack).toMatchObject({
    cellCount: 1,
    cells: [{ cell: 'stage', agent: 'agt_shop', by: 'usr_night', to: { version: '1.0.0' }, whole: true }],
  });
  expect((await headgate('explain', promotion)).out).toMatch(
    /It ended promoted: .*; then taken back by hand in cell stage/,
  );
  const watched = await headgate('watch', promotion);
  expect(watched.out).toMatch(WORDS);
  expect(watched.code).not.toBe(0);
  expect((await headgate('promotion', 'list')).out).toMatch(/staging +promoted, taken back/);
  expect((await headgate('status')).out).toMatch(
    /TAKEN BACK: shop 2\.0\.0 in staging \(prm_\w+\) was promoted, then taken back/,
  );
  const incident = await headgate('--as', 'operator', 'incident');
  expect(incident.out).toMatch(WORDS);
  expect((await headgate('--as', 'operator', 'incident', '--environment', 'staging')).out).toMatch(WORDS);
  const elsewhere = await headgate('--as', 'operator', 'incident', '--environment', 'production');
  expect(elsewhere.out).not.toContain('taken back');
  expect(incident.out).toMatch(/WHAT CHANGED[\s\S]*promoted, then taken back by hand in cell stage/);
});

it('ends its watch, tells people as of a rollback, and its rows are what the log leads to', async () => {
  const { hypercare } = await (await server.client('operator')).call('status');
  expect(hypercare).toEqual([]);
  await until('the team is told', async () => receiver.received.length > 0);
  expect(receiver.received[0]?.body).toContain('headgate.rolled-back');
  expect(receiver.received[0]?.body).toContain('it had ended, and was taken back in cell stage');
  const auditor = await server.client('auditor');
  expect(await auditor.call('auditLog', { limit: 500 })).toMatchObject({ differences: [], next: null });
});

it('told again it is known, though the cell was observed meanwhile, and nobody is told twice', async () => {
  const operator = await server.client('operator');
  const isUncertain = async () => (await operator.call('showCell', { cell: 'stage' })).uncertain;
  await until('an observation settles it', async () => {
    await company.agent.call('observeCell', { cell: 'stage', body: company.observation('stage', 'staging') });
    return !(await isUncertain());
  });
  expect((await company.agent.call('tellUndone', told(500))).took).toBe('known');
  expect(await isUncertain()).toBe(false);
  const before = await developer.call('showPromotion', { promotion });
  expect(before.takenBack?.cellCount).toBe(1);
});

it('is history, and no longer how the environment stands, once another promotion went through', async () => {
  await promote('2.1.0');
  expect((await headgate('status')).out).not.toContain('TAKEN BACK');
  expect((await headgate('explain', promotion)).out).toContain('then taken back by hand in cell stage');
});
