/** A store isn't put back under a promotion that rests, by what the server says, or by what the agent knows while that can't be asked. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { StandingFile } from '../away/standing.ts';
import { OVER_MS } from '../away/watch.ts';
import { underWayIn } from '../stop/under-way.ts';
import { type BenchAgent, benchAgent } from '../testing/bench-agent.ts';
import { restingPromotion, ScriptedServer } from '../testing/scripted-server.ts';
import { sealedPlan } from '../testing/sealed-plan.ts';
import { openPromotionIn } from './open-promotion.ts';

const sealed = sealedPlan();
let server: ScriptedServer;
let bench: BenchAgent;
beforeAll(async () => {
  server = await ScriptedServer.start(sealed);
});
afterAll(() => server?.stop());
beforeEach(async () => {
  bench = await benchAgent(sealed);
  await writeFile(join(bench.dir, 'token'), 'test-token\n', { mode: 0o600 });
  server.promotions = [];
  server.away = false;
  return () => bench.remove();
});

const open = (ended?: string, now = sealed.now, cell = 'shared') =>
  openPromotionIn({
    config: { server: server.url, tokenFile: join(bench.dir, 'token'), dataDir: bench.dir },
    ...{ cell, environment: 'production', ended, now, signal: new AbortController().signal },
  });
/** The agent carried out all steps of the cell, and answered for each. */
async function allDone(): Promise<void> {
  const steps = sealed.plan.cells[0]!.steps;
  const standing = await StandingFile.open(bench.dir);
  for (const [i, { id }] of steps.entries()) {
    const assignment = sealed.forward(id, { fence: { epoch: 1, n: i + 1 }, begun: i });
    await bench.parts.marks.take('shared', assignment.fence, { plan: assignment.plan, begun: i + 1 });
    await bench.parts.blobs.get(assignment.plan, AbortSignal.timeout(5_000));
    await standing.begins(assignment);
    await standing.answered(assignment);
  }
}

test('one that rests between two waves is refused by its name, also where all that this cell does of it was done', async () => {
  await allDone();
  expect((await underWayIn(bench.dir, ['shared'])).get('shared')).toBeUndefined();
  expect(await open()).toBeUndefined();
  server.promotions = [
    restingPromotion('prm_7', { cells: ['other'] }),
    restingPromotion('prm_8', { phase: 'advancing' }),
  ];
  expect(await open()).toMatch(
    /the promotion prm_8 \(1\.5\.0\) is open, advancing, wave 1 of 2, and takes the cell shared along: .*headgate rollback prm_8 --reason "…"$/,
  );
  // Nobody's word counts against the server's.
  expect(await open('prm_8')).toMatch(/prm_8/);
  expect(await open(undefined, sealed.now, 'third')).toBeUndefined();
});

test.for([
  ['awaiting', /is open, awaiting, and.*headgate reject prm_8 --reason "…"$/],
  ['held', /is open, held, wave 1 of 2.*headgate keep prm_8, where it stays as it is, or headgate rollback prm_8/],
  ['paused', /is open, paused, wave 1 of 2.*headgate rollback prm_8/],
] as const)('what unblocks is said by how it stands: %s', async ([phase, words]) => {
  const more = { awaiting: { verdicts: [], until: 1 }, held: { question: '?', until: 1 }, paused: { by: 'usr_1' } }[
    phase
  ];
  server.promotions = [restingPromotion('prm_8', { phase, ...more })];
  expect(await open()).toMatch(words);
});

test('while the server can’t be asked, the last one that the agent worked for counts as open until somebody saw its end', async () => {
  server.away = true;
  expect(await open()).toBeUndefined();
  await allDone();
  expect(await open()).toMatch(
    /the promotion prm_1 may be open.* the server can’t be asked: .*Make the server reachable.*--ended prm_1$/,
  );
  expect(await open('prm_2')).toMatch(/--ended prm_1$/);
  expect(await open('prm_1')).toBeUndefined();
  // By then the server has ended it in any case.
  expect(await open(undefined, sealed.plan.latestFinish + OVER_MS + 1)).toBeUndefined();
  server.away = false;
  server.promotions = undefined;
  expect(await open()).toMatch(/can’t be asked: .*--ended prm_1$/);
});
