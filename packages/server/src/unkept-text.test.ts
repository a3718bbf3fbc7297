/** What PostgreSQL has no text for, on a real server: an agent's answer is never lost for it, and people are told where it stands. */
import {
  canonicalJson,
  digestOf,
  RELEASE_PREDICATE,
  type Statement,
  signStatement,
  statementAbout,
  testResultStatement,
} from '@headgate/documents';
import { afterAll, beforeAll, expect, it, test } from 'vitest';
import { placedEntries } from './testing/placed-entries.ts';
import { RealServer, until } from './testing/real-server.ts';
import { didIt, refused, SmallCompany } from './testing/small-company.ts';

type Digest = `sha256:${string}`;

const NUL = '\u0000';

let server: RealServer;
let company: SmallCompany;
beforeAll(async () => {
  server = await RealServer.start();
  company = await SmallCompany.found(server);
}, 90_000);
afterAll(() => server?.remove());

const signed = (statement: Statement) => signStatement(statement, company.key) as unknown as Record<string, unknown>;
const testResult = (subject: Digest): Statement =>
  testResultStatement({
    release: 'shop@4.1.0',
    subject,
    command: ['test'],
    exitCode: 1,
    log: digestOf('a log'),
    tests: { passed: [], failed: ['a'], skipped: [] },
  });

it('takes a failure that quotes U+0000 and an escape for what it is: the promotion goes back', async () => {
  const developer = await server.client('developer');
  const release = await company.release('3.0.0');
  const { id } = await developer.call('requestPromotion', { body: { release, environment: 'staging' } });
  let failed = 0;
  await company.carryOut(
    async () => (await developer.call('showPromotion', { promotion: id })).phase === 'ended',
    (assignment) => {
      if (assignment.action.kind !== 'verify' || failed++ > 0) return didIt(assignment);
      const why = `got ${NUL}\u001b[2J\r\nin the body`;
      const firstFailure = { check: 'alive', tenant: 'acme', why, at: Date.now() };
      return {
        kind: 'failed',
        code: 'check-failed',
        why,
        result: { checks: { passed: 0, failed: 1, firstFailure } },
      };
    },
  );
  expect((await developer.call('showPromotion', { promotion: id })).result).toBe('rolled-back');
  const entries = await placedEntries(server);
  const told = entries.find(({ type, stream }) => type === 'rollout.step-failed' && stream === `rollout/${id}.stage`);
  expect(told?.data).toMatchObject({ why: 'got \ufffd\ufffd[2J\nin the body' });
});

it('takes an observation that quotes it: what differs is known, not when it could be said without', async () => {
  const state = company.observation('live', 'production');
  const stores = { main: { schemaVersion: 1, drift: [`a table ${NUL}x \ud83d`] } };
  await company.agent.call('observeCell', { cell: 'live', body: { ...state, stores } });
  const auditor = await server.client('auditor');
  const { observed } = await auditor.call('showCell', { cell: 'live' });
  expect(observed?.state.stores.main?.drift).toEqual(['a table \ufffdx \ufffd']);
  await company.agent.call('observeCell', { cell: 'live', body: state });
});

test.each([
  ['notes', { notes: `a${NUL}b` }, '/notes'],
  ['a variable', { configuration: { web: { MOTTO: `a${NUL}b` } } }, '/configuration/web/MOTTO'],
])('a release with it in %s is refused with the place', async (_, more, where) => {
  const developer = await server.client('developer');
  // As a client of before seals it: our own refuses to.
  const manifest = canonicalJson({ ...company.manifest('4.0.0'), ...more });
  const subject = digestOf(manifest);
  const createdAt = '2026-03-02T12:00:00.000Z';
  const predicate = { application: 'shop', version: '4.0.0', manifest: subject, origin: 'built', createdAt };
  const bundle = signed(statementAbout('shop@4.0.0', subject, RELEASE_PREDICATE, predicate));
  const problem = await refused(developer.call('registerRelease', { body: { manifest, bundle } }));
  expect(problem).toMatchObject({ status: 422, code: 'manifest-malformed' });
  expect(problem.problem.refusals[0]).toMatchObject({
    where: expect.stringContaining(where),
    why: expect.stringContaining('U+0000'),
  });
});

it('refuses evidence, documents and people’s bodies with it, each with the place, and none is a fault', async () => {
  const developer = await server.client('developer');
  const manager = await server.client('release-manager');
  const release = await company.release('4.1.0');
  const payload = testResult(release);
  const bundle = signed({ ...payload, predicate: { ...payload.predicate, failedTests: [`a${NUL}b`] } });
  const evidence = await refused(developer.call('attachEvidence', { body: { bundle } }));
  expect(evidence.problem.refusals[0]).toMatchObject({ code: 'evidence-malformed', where: 'predicate.failedTests[0]' });
  const text = 'apiVersion: headgate/v1\nkind: Runbook\nmetadata: {name: "a\\0b"}\n';
  const documents = await refused(manager.call('applyDocuments', { body: { files: [{ name: 'x.yaml', text }] } }));
  expect(documents.problem.refusals[0]?.why).toMatch(/x\.yaml:3:18 metadata\.name: expected text without U\+0000/);
  const manifests = [{ ...company.baseline.manifest, notes: NUL }];
  const adopted = await refused(manager.call('adoptCell', { cell: 'live', body: { manifests } }));
  expect(adopted.problem.refusals[0]).toMatchObject({ code: 'malformed', where: 'body/manifests/0/notes' });
  await until('all is logged', async () => server.errors.length > 0);
  // While it starts it says that it isn't ready, which is none.
  const faults = server.errors.split('\n').filter((line) => line.includes('"level":50') && !line.includes('"/readyz"'));
  expect(faults).toEqual([]);
});
