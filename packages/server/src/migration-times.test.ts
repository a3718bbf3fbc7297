/** What migrations took is told against what their rehearsal promised: on a real server, by a signed statement. */
import type { Client, Outcome } from '@headgate/contract';
import { digestOf } from '@headgate/documents';
import { MOST_MEASURED } from '@headgate/domain';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { attachRehearsal } from './testing/attach-rehearsal.ts';
import { RealServer } from './testing/real-server.ts';
import { didIt, refused, SmallCompany } from './testing/small-company.ts';

const POLICY = `apiVersion: headgate/v1
kind: Policy
metadata: {name: free, owner: team-shop}
spec:
  gates: [{gate: signature}, {gate: rehearsed, params: {from: stage/main, maxAgeMs: 3600000, longestStallMs: 1000}}]
  rollbackScope: all
  limits: {latestFinishMs: 3600000, approvalMs: 3600000}
`;

let server: RealServer;
let company: SmallCompany;
let developer: Client;
let version = 1;
beforeAll(async () => {
  server = await RealServer.start();
  company = await SmallCompany.found(server);
  developer = await server.client('developer');
  const manager = await server.client('release-manager');
  await manager.call('applyDocuments', { body: { files: [{ name: 'policy.yaml', text: POLICY }] } });
});
afterAll(() => server?.remove());

type Release = Awaited<ReturnType<SmallCompany['release']>>;

/** A release that takes the stores of staging one schema further. */
async function migrating(): Promise<Release> {
  version += 1;
  const up = { name: 'up.sql', digest: digestOf(company.artifact), size: company.artifact.length };
  const migrations = [{ id: `00${version}`, from: version - 1, to: version, phase: 'expand', up, undo: 'keep' }];
  return company.release(`${version}.0.0`, { schemaRange: { min: 1, max: 9 }, migrations });
}

async function rehearse(release: Release, durationMs: number): Promise<void> {
  const migration = { id: `00${version}`, from: version - 1, to: version };
  await attachRehearsal(company, developer, release, migration, durationMs);
}

/** Takes a release through staging by an agent that says of its migration what `migrations` says. */
async function through(release: Release, migrations?: { migration: string; durationMs: number }[]): Promise<string> {
  const { id } = await developer.call('requestPromotion', { body: { release, environment: 'staging' } });
  expect((await developer.call('listMigrationTimes', { promotion: id })).items, 'before it ran').toEqual([]);
  await company.carryOut(
    async () => (await developer.call('showPromotion', { promotion: id })).phase === 'ended',
    (assignment): Outcome => {
      const { action } = assignment;
      if (action.kind !== 'migrate') return didIt(assignment);
      return { kind: 'done', result: { schemaVersion: action.to, ...(migrations && { migrations }) } };
    },
  );
  expect(await developer.call('showPromotion', { promotion: id })).toMatchObject({ result: 'promoted' });
  return id;
}

it('a release whose migration takes longer than its rehearsal is told so, with both times', async () => {
  const adopting = await company.release('1.1.0', { schemaRange: { min: 1, max: 9 } });
  expect((await developer.call('listMigrationTimes', { promotion: await through(adopting) })).items).toEqual([]);

  const release = await migrating();
  await rehearse(release, 2_200);
  const id = await through(release, [{ migration: '002', durationMs: 9_000 }]);
  expect(await developer.call('listMigrationTimes', { promotion: id })).toEqual({
    items: [
      {
        cell: 'stage',
        migrations: [
          {
            ...{ step: expect.any(String), store: 'main', migration: '002', verdict: 'slower', of: 'stage/main' },
            ...{ promisedMs: 2_200, measuredMs: 9_000, ratio: 9_000 / 2_200 },
            words: 'migration 002: 9.0 s, 4.1 times what the rehearsal promised (2.2 s on a copy of stage/main)',
          },
        ],
        left: 0,
        cut: false,
      },
    ],
    next: null,
  });
}, 60_000);

it('an older agent’s report, which says nothing of it, is taken, and then nothing is known', async () => {
  const release = await migrating();
  await rehearse(release, 2_200);
  const { items } = await developer.call('listMigrationTimes', { promotion: await through(release) });
  expect(items).toMatchObject([{ migrations: [{ verdict: 'not-measured', promisedMs: 2_200 }] }]);
}, 60_000);

it('the entry that attaches a rehearsal stays small: each migration’s time stands in the statement', async () => {
  const auditor = await server.client('auditor');
  const { entries } = await auditor.call('logEntries', { from: 0, limit: 500 });
  const texts = entries.map(({ bytes }) => Buffer.from(bytes, 'base64').toString('utf8'));
  const attached = texts.filter((text) => text.includes('release.evidence-attached') && text.includes('"rehearsal"'));
  expect(attached).toHaveLength(2);
  expect(attached.join()).not.toContain('"migrations"');
});

it.each([
  ['too many', Array.from({ length: MOST_MEASURED + 1 }, () => ({ migration: 'm', durationMs: 1 }))],
  ['a time that is none', [{ migration: 'm', durationMs: -1 }]],
  ['a name of several lines', [{ migration: 'm\nn', durationMs: 1 }]],
  ['more than a time', [{ migration: 'm', durationMs: 1, why: 'x' }]],
])('refuses %s', async (_, migrations) => {
  const body = { kind: 'done', result: { schemaVersion: 1, migrations } } as Outcome;
  const call = company.agent.call('settleStep', { rollout: 'prm_x.stage', n: 1, body });
  expect(await refused(call)).toMatchObject({ status: 422 });
});

it('says what it hasn’t, and takes no cursor but its own', async () => {
  expect(await refused(developer.call('listMigrationTimes', { promotion: 'prm_nothing' }))).toMatchObject({
    status: 404,
  });
  const { items } = await developer.call('listPromotions', { limit: 1 });
  const call = developer.call('listMigrationTimes', { promotion: items[0]?.id ?? '', cursor: '-1' });
  expect(await refused(call)).toMatchObject({ status: 422 });
});

it('names what was kept before a program took a schema back, which stays until a person lets it go', async () => {
  version += 1;
  const up = { name: 'up.yaml', digest: digestOf(company.artifact), size: company.artifact.length };
  const migrations = [
    { id: `00${version}`, from: version - 1, to: version, phase: 'expand', up, down: up, undo: 'down' } as const,
  ];
  const release = await company.release(`${version}.0.0`, { schemaRange: { min: 1, max: 9 }, migrations });
  await rehearse(release, 1_000);
  const { id } = await developer.call('requestPromotion', { body: { release, environment: 'staging' } });
  const point = { id: 'rp-1', store: 'main', takenAt: 1_000, manifest: up.digest, bytes: 1, verified: true };
  await company.carryOut(
    async () => (await developer.call('showPromotion', { promotion: id })).phase === 'ended',
    (assignment): Outcome => {
      const { action } = assignment;
      if (action.kind === 'migrate') return { kind: 'failed', code: 'rejected', why: 'it ended with 1' };
      if (action.kind !== 'unmigrate') return didIt(assignment);
      return { kind: 'done', result: { schemaVersion: action.to, keptBefore: point } };
    },
  );
  expect(await developer.call('showPromotion', { promotion: id })).toMatchObject({ result: 'rolled-back' });
  const { items } = await developer.call('listMigrationTimes', { promotion: id });
  expect(items).toMatchObject([{ kept: [{ store: 'main', restorePoint: 'rp-1' }] }]);
});
