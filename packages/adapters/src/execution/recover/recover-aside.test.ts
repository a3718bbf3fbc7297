/** A store as it was at a moment, from its vault alone: on a real cluster whose log is shipped round by round. */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stepContext } from '@headgate/testkit/execution/step-context';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type DrilledWorld, drilledWorld } from '../drill/testing/drilled-world.ts';
import { recoverAside } from './recover-aside.ts';
import { type Later, later } from './testing/later.ts';

let world: DrilledWorld;
let numbers: Later['numbers'];
let recovered: Later['recovered'];

beforeAll(async () => {
  world = await drilledWorld();
  ({ numbers, recovered } = later(world));
}, 60_000);
afterAll(() => world?.real.remove());

describe('A store comes back', { timeout: 120_000 }, () => {
  beforeEach(async () => {
    await world.query(`delete from entry where note = 'later'`);
  });

  test('with all that was acknowledged before the last round, and with nothing that came after', async () => {
    await world.seal();
    await numbers(10_001, 10_003);
    const first = await world.ship();
    expect(first.pieces).toBeGreaterThan(0);
    await numbers(10_004, 10_005);
    await world.ship();
    await numbers(10_006, 10_006);
    const back = await recovered({ kind: 'latest' });
    expect(back.rows).toEqual([10_001, 10_002, 10_003, 10_004, 10_005]);
  });

  test('to exactly a transaction, a time between two commits, and the moment before a rollout’s first migration', async () => {
    await world.seal();
    await numbers(20_001, 20_012);
    const [marked] = await world.query(`select xmin::text as xid from entry where n = 20009`);
    const [moment] = await world.query(`select floor(extract(epoch from clock_timestamp()) * 1000)::text as at`);
    await new Promise((done) => setTimeout(done, 5)); // a time has milliseconds, and commits don't wait for the next one
    await world.points.mark!('main', stepContext({ rollout: 'prm_1.shared' }));
    await numbers(20_013, 20_014);
    await world.points.mark!('main', stepContext({ rollout: 'prm_1.shared' })); // tried again: the first one counts
    await world.query(`update entry set note = 'migrated' where n = 20001`);
    await world.ship();
    const all = Array.from({ length: 12 }, (_, i) => 20_001 + i);
    expect((await recovered({ kind: 'transaction', xid: String(marked!.xid) })).rows).toEqual(all.slice(0, 9));
    expect((await recovered({ kind: 'time', at: Number(moment!.at) })).rows).toEqual(all);
    expect((await recovered({ kind: 'before-rollout', rollout: 'prm_1.shared' })).rows).toEqual(all);
  });

  test('to a time after the last commit, as far as the vault’s log is known to go; beyond that it is refused', async () => {
    await world.seal();
    await numbers(30_001, 30_002);
    const { reach } = await world.ship();
    expect((await recovered({ kind: 'time', at: reach.at })).rows).toEqual([30_001, 30_002]);
    expect((await recovered({ kind: 'time', at: reach.at + 1 })).why).toMatch(/reaches up to .*is later/);
    expect((await recovered({ kind: 'time', at: 1_000 })).why).toMatch(/oldest restore point .*nothing before it/);
  });

  test('from an older restore point, over the newer ones, and over a restore that made another timeline', async () => {
    const old = await world.seal();
    await numbers(40_001, 40_001);
    const between = await world.seal();
    await numbers(40_002, 40_002);
    const ctx = stepContext({ step: 'back', idempotencyKey: 'r1/back', fence: { epoch: 9, n: 1 } });
    expect(await world.points.restore('main', between, { kind: 'restore-point' }, ctx)).toMatchObject({ ok: true });
    await numbers(40_003, 40_003);
    await world.ship();
    expect((await recovered({ kind: 'latest' }, old)).rows).toEqual([40_001, 40_003]);
  });

  test('with a place of its own alone: a folder that isn’t empty is refused, and nothing in it is touched', async () => {
    const to = join(world.real.dir, 'taken');
    await mkdir(to);
    await writeFile(join(to, 'mine'), 'x');
    const { backed, ask } = world;
    const answer = await recoverAside({
      ...{ store: backed, of: ask.from, vault: ask.vault, trust: ask.trust, identities: ask.identities, to },
      ...{ moment: { kind: 'latest' }, deadlineMs: 1, signal: ask.signal, say: () => {} },
    });
    expect(answer).toMatchObject({ ok: false, why: expect.stringContaining('isn’t empty'.replace('’', "'")) });
    expect(await readdir(to)).toEqual(['mine']);
  });
});
