/**
 * A promotion with a gate at its point of no return, two servers on one database, and one of them of a build that knows no such
 * gate: that one hands out nothing of it, whatever the other one does meanwhile.
 */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createClient } from '@headgate/contract';
import { digestOf } from '@headgate/documents';
import { RealServer, until } from '@headgate/server/testing/real-server';
import { didIt, refused, SmallCompany } from '@headgate/server/testing/small-company';
import { superuserOf } from '@headgate/server/testing/superuser';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Changes, type OtherBuild, otherBuild } from './next-build.ts';

const EVOLVE = 'domain/src/promotion/evolve.ts';
const FORMAT = 'control/src/ports/row-format.ts';
/** The build before: format 3, in which rows of a promotion that asked for a go were, and fields that it drops as it folds. */
const BEFORE: Changes = [
  [FORMAT, 'KNOWN_FORMAT = 5;', 'KNOWN_FORMAT = 3;'],
  [FORMAT, 'return gatedAtNoReturn === true || goAsked !== undefined;', 'return false && gatedAtNoReturn && goAsked;'],
  ['domain/src/gates/catalog.ts', "if (spec.at === 'no-return') return subject.noReturn === true;", ''],
  [EVOLVE, '...(gatedAtNoReturn !== undefined && { gatedAtNoReturn }),', ''],
  [EVOLVE, '...(goAsked !== undefined && { goAsked }),', ''],
  [EVOLVE, '...(go !== undefined && { go }),', ''],
];

const UP = Buffer.from('alter table invoice alter column total type bigint;\n');
const POLICY = `
apiVersion: headgate/v1
kind: Policy
metadata: {name: careful, owner: team-shop}
spec:
  gates: [{gate: signature}, {gate: approval, params: {count: 1}}, {gate: go-no-go}]
  rollbackScope: all
  limits: {latestFinishMs: 3600000, approvalMs: 3600000}
`;

let build: OtherBuild;
let server: RealServer;
let older: RealServer;
let company: SmallCompany;

beforeAll(async () => {
  build = await otherBuild(BEFORE, '0.0.9');
  server = await RealServer.start();
  company = await SmallCompany.found(server);
  const { host, port, user, password, database } = await superuserOf(server);
  const url = `postgres://${user}:${encodeURIComponent(password)}@${host}:${port}/${database}`;
  older = await RealServer.start({ main: build.server, args: ['--database-url', url] });
}, 120_000);
afterAll(async () => {
  await older?.remove();
  await server?.remove();
  await build?.remove();
}, 60_000);

/** While the newer server takes no breath. */
async function alone<T>(work: () => Promise<T>): Promise<T> {
  process.kill(server.pid, 'SIGSTOP');
  try {
    return await work();
  } finally {
    process.kill(server.pid, 'SIGCONT');
  }
}

async function atOlder(role: string) {
  const token = (await readFile(join(server.dataDir, 'secrets', `${role}.token`), 'utf8')).trim();
  return createClient({ baseUrl: older.url, token });
}

/** What the older server hands out while it is asked a few times. */
async function handedOut(): Promise<string[]> {
  const kinds: string[] = [];
  for (let i = 0; i < 5; i++) {
    const { assignment } = await company.agentAt(older.url).call('leaseStep', { body: { waitMs: 500 } });
    if (assignment !== null) kinds.push(assignment.action.kind);
  }
  return kinds;
}

test('an older server takes no word for a promotion with a gate at no return, and hands out nothing of it', async () => {
  const [manager, developer] = await Promise.all([server.client('release-manager'), server.client('developer')]);
  await manager.call('applyDocuments', { body: { files: [{ name: 'policy.yaml', text: POLICY }] } });
  await developer.call('putBlob', { digest: digestOf(UP), body: UP });
  const up = { name: 'm2.up.sql', digest: digestOf(UP), size: UP.length };
  const migrations = [
    { id: 'm1', from: 0, to: 1, phase: 'expand', up, undo: 'keep' },
    { id: 'm2', from: 1, to: 2, phase: 'expand', up, undo: 'restore' },
  ];
  const release = await company.release('2.0.0', { schemaRange: { min: 2, max: 2 }, migrations });
  const { id: promotion, envelope } = await developer.call('requestPromotion', {
    body: { release, environment: 'production' },
  });

  const approver = await atOlder('approver');
  const yes = { promotion, body: { envelope } };
  await alone(async () => {
    expect(await refused(approver.call('approvePromotion', yes))).toMatchObject({ status: 503, code: 'newer-row' });
    expect(await handedOut()).toEqual([]);
  });

  await (await server.client('approver')).call('approvePromotion', yes);
  const show = async () => manager.call('showPromotion', { promotion });
  await until('a go is asked for', async () => (await show()).goAsked !== undefined);
  await alone(async () => expect(await handedOut()).toEqual([]));
  expect(await show()).toMatchObject({ phase: 'advancing', goAsked: { cell: 'live' } });

  await manager.call('sayGo', { promotion, body: { reason: 'the night is quiet' } });
  await alone(async () => expect(await handedOut()).toEqual([]));
  const steps = await company.carryOut(
    async () => (await show()).phase === 'ended',
    (assignment) => {
      const { action } = assignment;
      return action.kind === 'migrate' ? { kind: 'done', result: { schemaVersion: action.to } } : didIt(assignment);
    },
  );
  expect(steps.map(({ action }) => action.kind)).toContain('migrate');
  expect(await show()).toMatchObject({ result: 'promoted', go: { by: 'usr_release-manager' } });
}, 90_000);

test('an older server still carries a promotion without such a gate', async () => {
  const [developer, release] = [await server.client('developer'), await company.release('2.1.0')];
  const { id: promotion } = await developer.call('requestPromotion', { body: { release, environment: 'staging' } });
  const auditor = await atOlder('auditor');
  await alone(async () => {
    const agent = company.agentAt(older.url);
    await until('it has ended', async () => {
      const { assignment } = await agent.call('leaseStep', { body: { waitMs: 100 } });
      if (assignment !== null) {
        const { rollout, fence } = assignment;
        await agent.call('settleStep', { rollout, n: fence.n, body: didIt(assignment) });
      }
      return (await auditor.call('showPromotion', { promotion })).phase === 'ended';
    });
    expect(await auditor.call('showPromotion', { promotion })).toMatchObject({ result: 'promoted' });
  });
}, 90_000);
