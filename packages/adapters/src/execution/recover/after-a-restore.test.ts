/** A store that was brought back has a log of two courses: what comes back is of the one that was its own at the moment. */
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { judgeDrill } from '@headgate/domain';
import { stepContext } from '@headgate/testkit/execution/step-context';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { segmentNumber } from '../../postgres-cluster/wal-place.ts';
import { type DrilledWorld, drilledWorld } from '../drill/testing/drilled-world.ts';
import { PhysicalRestorePoints } from '../restore-points/physical-restore-points.ts';
import { tidyWal } from '../vault/wal/tidy-wal.ts';
import { type Later, later } from './testing/later.ts';

let world: DrilledWorld;
let numbers: Later['numbers'];
let recovered: Later['recovered'];

beforeEach(async () => {
  world = await drilledWorld();
  ({ numbers, recovered } = later(world));
}, 60_000);
afterEach(() => world?.real.remove());

let restores = 0;
async function bringBack(id: string): Promise<void> {
  restores += 1;
  const ctx = stepContext({
    step: `b${restores}`,
    idempotencyKey: `r1/b${restores}`,
    fence: { epoch: 9, n: restores },
  });
  expect(await world.points.restore('main', id, { kind: 'restore-point' }, ctx)).toMatchObject({ ok: true });
}
const now = async (): Promise<number> =>
  Number((await world.query(`select ceil(extract(epoch from clock_timestamp()) * 1000)::text as at`))[0]!.at);
const walDir = (system: string): string => join(world.vaultDir, 'wal/production/shared/main', system);

test('each moment comes back as it was then, what a restore took away included, and the newest restore point on the way is taken', async () => {
  const first = await world.seal();
  await numbers(91_001, 91_002);
  await world.ship();
  await world.seal();
  await numbers(91_003, 91_003);
  const before = await now();
  await world.ship();
  await bringBack(first);
  await numbers(91_011, 91_011);
  const { reach } = await world.ship();
  expect(reach.timelines).toMatchObject([{ timeline: 2, parent: 1 }]);
  // The second restore point is of the course that was left.
  expect((await recovered({ kind: 'latest' })).rows).toEqual([91_011]);
  expect((await recovered({ kind: 'time', at: before })).rows).toEqual([91_001, 91_002, 91_003]);
  const drilled = await world.drill();
  expect(drilled).toMatchObject({ point: { id: first }, wal: { replayed: true } });
  // A number of the other course isn't this one's: a piece that is away is missed.
  for (const ending of ['json', 'age']) await rm(join(walDir(reach.systemIdentifier), `${reach.last}.${ending}`));
  expect((await recovered({ kind: 'latest' })).why).toContain(`${reach.last} isn't in`);
  const gone = await world.drill();
  expect(judgeDrill(gone)).toMatchObject({ ok: false, because: [expect.stringContaining(reach.last)] });
}, 240_000);

test('the archive keeps each course’s log until it is in the vault, although the other one’s numbers are there', async () => {
  const base = await world.seal();
  for (let n = 92_001; n <= 92_006; n++) {
    await numbers(n, n);
    await world.ship();
  }
  await rename(world.vaultDir, `${world.vaultDir}.away`);
  await bringBack(base);
  await expect(world.ship()).rejects.toThrow(/is its disk mounted/);
  const few = new PhysicalRestorePoints(new Map([['main', { ...world.backed, keep: 1 }]]));
  for (const n of [1, 2]) {
    await numbers(92_100 + n, 92_100 + n);
    const ctx = stepContext({ step: `p${n}`, idempotencyKey: `r2/p${n}`, fence: { epoch: 9, n: 50 } });
    expect(await few.take('main', ctx)).toMatchObject({ ok: true });
  }
  await rename(`${world.vaultDir}.away`, world.vaultDir);
  await numbers(92_201, 92_201);
  const { gap } = await world.ship();
  expect(gap).toBeUndefined();
  expect((await recovered({ kind: 'latest' }, base)).rows).toEqual([92_101, 92_102, 92_201]);
}, 240_000);

test('a segment that is lost before it was brought there is told with the round, and nothing is said to go on over it', async () => {
  await world.seal();
  await numbers(93_001, 93_001);
  await world.ship();
  await numbers(93_002, 93_002);
  const [ended] = await world.query('select pg_walfile_name(pg_switch_wal()) as name');
  const lost = join(world.backed.archiveDir, String(ended!.name));
  await expect.poll(async () => readdir(world.backed.archiveDir), { timeout: 20_000 }).toContain(ended!.name);
  await rm(lost);
  await numbers(93_003, 93_003);
  const { gap, reach } = await world.ship();
  expect(gap).toBe(ended!.name);
  expect(reach.from).toBe(segmentNumber(String(ended!.name)) + 1);
  expect((await recovered({ kind: 'latest' })).why).toContain(`${ended!.name} isn't in`);
  await world.seal();
  await numbers(93_004, 93_004);
  await world.ship();
  expect((await recovered({ kind: 'latest' })).rows).toEqual([93_001, 93_002, 93_003, 93_004]);
}, 240_000);

test('the log of a store that was made anew goes with its last restore point', async () => {
  await world.seal();
  await numbers(94_001, 94_001);
  const { reach } = await world.ship();
  const { ask } = world;
  expect(await tidyWal(ask.vault, ask.from, [], reach.systemIdentifier, ask.signal)).toBe(0);
  expect(await tidyWal(ask.vault, ask.from, [], '7000000000000000001', ask.signal)).toBeGreaterThan(0);
}, 120_000);
