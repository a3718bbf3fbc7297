/** Drills as people list them, and as they bring one's statement from another machine: against a real server. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateSigningKey, signDrill, signingKey } from '@headgate/documents';
import type { DrillFacts } from '@headgate/domain';
import { RealServer } from '@headgate/server/testing/real-server';
import { SmallCompany } from '@headgate/server/testing/small-company';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ranCommand } from '../testing/ran-command.ts';

let server: RealServer;
let dir: string;
const key = signingKey(generateSigningKey().privateKeyPem);

beforeAll(async () => {
  server = await RealServer.start();
  await SmallCompany.found(server);
  dir = await mkdtemp(join(tmpdir(), 'headgate-drill-list-'));
  const file = join(server.dataDir, 'trust.yaml');
  const trust = JSON.parse(await readFile(file, 'utf8'));
  trust.spec.signers.push({ name: 'agent', may: ['restore-point'], publicKey: key.publicKeyPem });
  await writeFile(file, JSON.stringify(trust));
});
afterAll(async () => {
  await server?.remove();
  await rm(dir, { recursive: true, force: true });
});

const headgate = (...args: string[]) => ranCommand(args, { env: { HEADGATE_DATA: server.dataDir }, cwd: dir });

test('the last drill of each store is listed, with why it is no good one', async () => {
  expect(await headgate('drill', 'list')).toMatchObject({ code: 0, out: '(none)\n' });
  const facts: DrillFacts = {
    from: { environment: 'staging', cell: 'stage', store: 'main' },
    startedAt: Date.now() - 60_000,
    at: Date.now() - 30_000,
    took: {},
    ended: 'no restore point of the store main lies in folder /mnt/other',
  };
  await writeFile(join(dir, 'statement.json'), JSON.stringify(signDrill(facts, key)));
  const recorded = await headgate('drill', 'record', 'statement.json');
  expect(recorded).toMatchObject({ code: 0, out: expect.stringMatching(/stage\/main .*it went NOT well/) });
  const { code, out } = await headgate('drill', 'list', '--cell', 'stage');
  expect([code, out]).toEqual([
    1,
    expect.stringMatching(/staging\/stage\/main +\S+ +NOT WELL +- +- +no restore point of/),
  ]);
  expect(await headgate('drill', 'list', '--cell', 'live')).toMatchObject({ code: 0 });
  await writeFile(join(dir, 'none.json'), '{}');
  expect((await headgate('drill', 'record', 'none.json')).code).not.toBe(0);
  expect((await headgate('drill', 'record', 'nowhere.json')).code).toBe(3);
});
