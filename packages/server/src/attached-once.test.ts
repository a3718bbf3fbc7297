/** Evidence on a real server: what one signed statement counts for, and that what speaks against a release is always heard. */
import { digestOf, signStatement, testResultStatement } from '@headgate/documents';
import type { Digest } from '@headgate/domain';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RealServer } from './testing/real-server.ts';
import { SmallCompany } from './testing/small-company.ts';
import { asSuperuser } from './testing/superuser.ts';

let server: RealServer;
let company: SmallCompany;
let release: Digest;
beforeAll(async () => {
  server = await RealServer.start();
  company = await SmallCompany.found(server);
  release = await company.release('1.1.0');
});
afterAll(() => server?.remove());

const statement = (failed: readonly string[]) =>
  testResultStatement({
    ...{ release: 'shop@1.1.0', subject: release, command: ['test'], log: digestOf(`log of ${failed}`) },
    ...{ exitCode: failed.length, tests: { passed: ['one'], failed, skipped: [] } },
  });
const signed = (failed: readonly string[]) => JSON.parse(JSON.stringify(signStatement(statement(failed), company.key)));
const attached = async () =>
  (await (await server.client('developer')).call('showRelease', { digest: release })).evidence;

it('one signed statement is one piece of evidence, whatever its sender writes beside the signature', async () => {
  const developer = await server.client('developer');
  const before = (await attached()).length;
  const green = signed([]);
  const first = await developer.call('attachEvidence', { body: { bundle: green } });
  for (let i = 0; i < 5; i++) {
    const copy = structuredClone(green);
    copy.verificationMaterial.tlogEntries = [{ i }];
    expect(await developer.call('attachEvidence', { body: { bundle: copy } })).toEqual(first);
  }
  expect(await developer.call('attachEvidence', { body: { bundle: signed([]) } })).toEqual(first);
  expect(await attached()).toHaveLength(before + 1);
});

it('what was attached under a name of before is known again by its signature, and a red run is heard beside 200 of them', async () => {
  const developer = await server.client('developer');
  const fact = (await attached()).at(-1) as object;
  await asSuperuser(server, (db) => {
    const old = Array.from({ length: 199 }, (_, i) => ({ ...fact, digest: digestOf(`copy ${i}`) }));
    return db.query(
      `update headgate.stream set state = jsonb_set(state::jsonb, '{evidence}', $2::jsonb)::json where stream = $1`,
      [`release/${release}`, JSON.stringify([fact, ...old])],
    );
  });
  const digest = (await attached())[0]?.digest as Digest;
  const blob = JSON.parse(Buffer.from(await developer.call('getBlob', { digest })).toString('utf8'));
  blob.verificationMaterial.tlogEntries = [{ again: true }];
  expect((await developer.call('attachEvidence', { body: { bundle: blob } })).digest).toBe(digest);
  expect(await attached()).toHaveLength(200);
  const red = await developer.call('attachEvidence', { body: { bundle: signed(['two']) } });
  const all = await attached();
  expect(all).toHaveLength(200);
  expect(all.at(-1)).toMatchObject({ digest: red.digest, result: { failed: 1 } });
});
