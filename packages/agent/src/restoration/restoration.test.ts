/** What was brought back reaches the server's log: at once, or later, in the order in which it was; and is kept until then. */
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@headgate/contract';
import type { RestorationFacts } from '@headgate/domain';
import { restoredWell } from '@headgate/testkit/domain/builders';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ControlPlane } from '../control-plane/control-plane.ts';
import { silent } from '../testing/bench-agent.ts';
import { ScriptedServer } from '../testing/scripted-server.ts';
import { sealedPlan } from '../testing/sealed-plan.ts';
import { reportRestoration } from './report-restoration.ts';
import { tellRestorations } from './tell-restorations.ts';
import { countUntold, keepUntold } from './untold-restorations.ts';

let dir: string;
let server: ScriptedServer;
let said: string[];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-restoration-'));
  server = await ScriptedServer.start(sealedPlan());
  await writeFile(join(dir, 'token'), 'test-token\n', { mode: 0o600 });
  said = [];
});
afterEach(async () => {
  await server.stop();
  await rm(dir, { recursive: true, force: true });
});

const config = () => ({ dataDir: join(dir, 'data'), server: server.url, tokenFile: join(dir, 'token') });
const { evidence: _, keyId: __, ...FACTS } = restoredWell();
const report = (more: Partial<RestorationFacts> = {}) =>
  reportRestoration({ config: config(), facts: { ...FACTS, ...more }, say: (line) => void said.push(line) });
const tell = () =>
  tellRestorations(
    new ControlPlane(createClient({ baseUrl: server.url, token: 'test-token' })),
    config().dataDir,
    silent,
  );
/** Of what the server took, in its order. */
const took = () =>
  server.restored.map((bundle) => {
    const { payload } = (bundle as { dsseEnvelope: { payload: string } }).dsseEnvelope;
    return JSON.parse(Buffer.from(payload, 'base64').toString('utf8')).predicate;
  });

test('it is on the log at once where the server answers, and nothing is kept', async () => {
  await report();
  expect(said).toEqual(['It is on the log.']);
  expect(took()).toEqual([FACTS]);
  expect(await countUntold(config().dataDir)).toBe(0);
});

test('while the server is away each is kept, and later all are told in the order in which they were', async () => {
  server.away = true;
  await report({ at: FACTS.at + 5, because: 'the second' });
  await report({ at: FACTS.at, because: 'the first' });
  expect(said[0]).toMatch(
    /^The server doesn’t answer; it isn’t on the log yet: its statement is in .*\.json, and the agent/,
  );
  expect(await tell()).toBeUndefined();
  expect(await countUntold(config().dataDir)).toBe(2);
  server.away = false;
  await report({ at: FACTS.at + 9, because: 'the third' });
  expect(said.at(-1)).toBe('It is on the log.');
  expect(took().map(({ because }) => because)).toEqual(['the first', 'the second', 'the third']);
  expect(await countUntold(config().dataDir)).toBe(0);
});

test('an older server that has no word for it refuses it: it is kept, said, and told to the next one', async () => {
  server.restore = 404;
  await report();
  expect(said[0]).toMatch(/^The server refused: .*; it isn’t on the log yet/);
  server.restore = 201;
  expect(await tell()).toBe('recorded');
  expect(took()).toEqual([FACTS]);
});

test('one that somebody spoilt is left where it is, and holds up none of the others', async () => {
  server.away = true;
  await report();
  const folder = join(config().dataDir, 'restorations');
  await writeFile(join(folder, `${'0'.repeat(15)}-${'a'.repeat(64)}.json`), '{"half');
  await writeFile(join(folder, 'notes.txt'), 'a person’s own');
  server.away = false;
  expect(await tell()).toBe('recorded');
  expect(await readdir(folder)).toEqual([`${'0'.repeat(15)}-${'a'.repeat(64)}.json`, 'notes.txt']);
});

test('whatever a person wrote as a reason becomes one line, and names without end are counted', async () => {
  const tenants = Array.from({ length: 150 }, (_, i) => `t-${i}`);
  await report({ because: 'it\nwas\u001b[2J', tenants, tenantCount: 150 });
  expect(took()).toMatchObject([{ because: 'it was [2J', tenants: tenants.slice(0, 100), tenantCount: 150 }]);
});

test('a folder that nothing can be written to undoes nothing: it is said', async () => {
  await mkdir(config().dataDir);
  await writeFile(join(config().dataDir, 'restorations'), 'in the way');
  await chmod(config().dataDir, 0o700);
  await report();
  expect(said).toEqual([expect.stringMatching(/^The log doesn’t hear of it: /)]);
});

test('however many are refused, those after them are told: the newest at once, the others in the next rounds', async () => {
  const { dataDir } = config();
  for (let i = 0; i < 450; i++) await keepUntold(dataDir, { n: i, refused: i < 400 }, 1_000 + i);
  const taken: number[] = [];
  const plane = {
    recordRestoration: async (statement: unknown) => {
      const { n, refused } = statement as { n: number; refused: boolean };
      if (!refused) taken.push(n);
      return refused ? 'refused: key-not-allowed' : 'recorded';
    },
  };
  const place: { after: string; refused?: string | undefined } = { after: '' };
  expect(await tellRestorations(plane as never, dataDir, silent, place)).toBe('recorded');
  expect(taken).toEqual([449]);
  for (let round = 0; round < 3; round++) await tellRestorations(plane as never, dataDir, silent, place);
  expect(taken.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => 400 + i));
  expect(await countUntold(dataDir)).toBe(400);
  // A person is told why, until none is refused any more.
  expect(place.refused).toBe('refused: key-not-allowed');
  await tellRestorations({ recordRestoration: async () => 'recorded' } as never, dataDir, silent, place);
  expect(place.refused).toBeUndefined();
});
