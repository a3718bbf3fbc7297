/** A store's log in a vault: brought there round by round, brought back whole or refused by the name of the piece that is wrong. */
import { copyFile, mkdir, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SealedPoint } from '@headgate/documents';
import { stepContext } from '@headgate/testkit/execution/step-context';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { reaches, segmentNumber, segmentOfLsn } from '../../../postgres-cluster/wal-place.ts';
import { type DrilledWorld, drilledWorld } from '../../drill/testing/drilled-world.ts';
import { type Later, later } from '../../recover/testing/later.ts';
import { PhysicalRestorePoints } from '../../restore-points/physical-restore-points.ts';
import { choosePoint } from '../choose-point.ts';
import { fetchWal } from './fetch-wal.ts';
import { tidyWal } from './tidy-wal.ts';
import { readReach } from './vaulted-wal.ts';

let world: DrilledWorld;
let numbers: Later['numbers'];
let recovered: Later['recovered'];
let places = 0;

beforeAll(async () => {
  world = await drilledWorld();
  ({ numbers, recovered } = later(world));
}, 60_000);
afterAll(() => world?.real.remove());

describe('Places in a log', () => {
  test('go by their number, whatever the timeline', () => {
    expect(segmentNumber('000000010000000A000000FF')).toBe(0xa * 256 + 255);
    expect(segmentOfLsn('A/FF000028')).toBe(0xa * 256 + 255);
    expect(reaches('A/0', '9/FFFFFFFF')).toBe(true);
    expect(reaches('9/FFFFFFFF', 'A/0')).toBe(false);
    expect(reaches('0/3000060', '0/3000060')).toBe(true);
  });
});

describe('What is wrong in a vault is refused by its name', { timeout: 120_000 }, () => {
  let point: SealedPoint;
  let pieces: readonly string[];
  let dir: string;
  let kept: string;

  beforeAll(async () => {
    await world.seal();
    for (let n = 0; n < 4; n++) {
      await numbers(50_001 + n, 50_001 + n);
      await world.ship();
    }
    const chosen = await choosePoint(world.ask.vault, world.ask.from, undefined, world.ask.trust, world.ask.signal);
    if (!chosen.ok) throw new Error(chosen.why);
    point = chosen.unsealing.sealed;
    dir = join(world.vaultDir, 'wal', 'production', 'shared', 'main', point.database.systemIdentifier!);
    const from = segmentOfLsn(point.database.lsn!.stop!);
    pieces = (await readdir(dir))
      .filter((name) => /^[0-9A-F]{24}\.age$/.test(name) && segmentNumber(name) >= from)
      .map((name) => name.slice(0, 24))
      .sort();
    kept = join(world.real.dir, 'kept');
    await mkdir(kept);
    for (const name of await readdir(dir)) await copyFile(join(dir, name), join(kept, name));
    await copyFile(join(dir, '..', 'reach.json'), join(kept, 'reach.json'));
  }, 60_000);
  beforeEach(async () => {
    await rm(dir, { recursive: true });
    await mkdir(dir);
    for (const name of await readdir(kept))
      await copyFile(join(kept, name), name === 'reach.json' ? join(dir, '..', name) : join(dir, name));
  });

  async function fetched(trust = world.ask.trust) {
    const { vault: store, from: of, identities, signal } = world.ask;
    const to = join(world.real.dir, `fetched-${++places}`);
    try {
      return await fetchWal({ store, of, trust, identities, from: point, to, signal });
    } finally {
      await rm(to, { recursive: true, force: true });
    }
  }

  async function flip(file: string, at: number): Promise<void> {
    const bytes = await readFile(file);
    bytes[at < 0 ? bytes.length + at : at]! ^= 1;
    await writeFile(file, bytes);
  }

  test('as it was sealed it is whole', async () => {
    expect(await fetched()).toMatchObject({ ok: true, value: { segments: pieces.length } });
    expect(pieces.length).toBeGreaterThanOrEqual(4);
  });

  test('a piece that is flipped, cut off, longer, away or another one; a gap; what somebody else signed', async () => {
    const [a, b] = [pieces[1]!, pieces[2]!];
    const age = (name: string): string => join(dir, `${name}.age`);
    const json = (name: string): string => join(dir, `${name}.json`);
    const swap = async (one: string, other: string): Promise<void> => {
      await rename(one, `${one}.away`);
      await rename(other, one);
      await rename(`${one}.away`, other);
    };
    const wrongs: readonly [string, () => Promise<unknown>, RegExp][] = [
      ['a byte of its middle', async () => flip(age(a), 3_000), new RegExp(`${a} can't be decrypted`)],
      ['its last byte', async () => flip(age(a), -1), new RegExp(a)],
      ['cut off', async () => truncate(age(a), 2_000), new RegExp(a)],
      ['empty', async () => truncate(age(a), 0), new RegExp(a)],
      [
        'longer',
        async () => writeFile(age(a), Buffer.concat([await readFile(age(a)), Buffer.alloc(9)])),
        new RegExp(a),
      ],
      ['its bytes away', async () => rm(age(a)), new RegExp(`${a} isn't in`)],
      ['bytes of another', async () => swap(age(a), age(b)), new RegExp(`${a} isn't what was sealed`)],
      ['its statement flipped', async () => flip(json(a), 400), new RegExp(`statement of the WAL ${a}`)],
      ['another’s statement', async () => copyFile(json(b), json(a)), new RegExp(`${a}: its name is ${b}`)],
      [
        'both another’s',
        async () => {
          await swap(age(a), age(b));
          await swap(json(a), json(b));
        },
        new RegExp(`${a}: its name is ${b}`),
      ],
      [
        'a piece away',
        async () => {
          await rm(age(b));
          await rm(json(b));
        },
        new RegExp(`segment ${b} isn't in`),
      ],
      [
        'the last away',
        async () => {
          await rm(age(pieces.at(-1)!));
          await rm(json(pieces.at(-1)!));
        },
        new RegExp(`segment ${pieces.at(-1)!} isn't in`),
      ],
      ['the reach flipped', async () => flip(join(dir, '..', 'reach.json'), 400), /reach\.json of the WAL/],
      ['the reach a piece’s', async () => copyFile(json(a), join(dir, '..', 'reach.json')), /reach\.json of the WAL/],
      [
        'the reach too long',
        async () => writeFile(join(dir, '..', 'reach.json'), Buffer.alloc(5_000_000)),
        /reach\.json/,
      ],
    ];
    for (const [what, spoil, expected] of wrongs) {
      for (const name of await readdir(kept))
        await copyFile(join(kept, name), name === 'reach.json' ? join(dir, '..', name) : join(dir, name));
      await spoil();
      const answer = await fetched();
      expect(answer, what).toMatchObject({ ok: false, why: expect.stringMatching(expected) });
    }
  });

  test('what a key signed that isn’t trusted, or another store’s', async () => {
    expect(await fetched({ signers: [] })).toMatchObject({
      ok: false,
      why: expect.stringContaining('not in the trust'),
    });
    const { vault, from, trust, signal } = world.ask;
    await mkdir(join(world.vaultDir, 'wal', 'production', 'shared', 'second'), { recursive: true });
    const other = join(world.vaultDir, 'wal', 'production', 'shared', 'second', 'reach.json');
    await copyFile(join(dir, '..', 'reach.json'), other);
    expect(await readReach(vault, { ...from, store: 'second' }, trust, signal)).toMatchObject({
      ok: false,
      why: expect.stringContaining('its store is main, not second'),
    });
  });

  test('a drill tells the last moment that comes back; one whose log has a gap did not go well', async () => {
    const well = await world.drill();
    expect(well).toMatchObject({ wal: { segments: pieces.length, replayed: true }, census: { differences: [] } });
    expect(well.ended).toBeUndefined();
    await rm(join(dir, `${pieces[1]}.json`));
    const gap = await world.drill();
    expect(gap.ended).toContain(pieces[1]!.slice(8));
    expect(gap.wal).toBeUndefined();
    expect(await world.left()).toEqual([]);
  });
});

describe('Nothing is lost between the archive and the vault', { timeout: 120_000 }, () => {
  test('a vault that is away: the archive keeps what isn’t there yet, also over restore points, and the next round brings it', async () => {
    const { backed, vaultDir } = world;
    const few = { ...backed, keep: 1 };
    const points = new PhysicalRestorePoints(new Map([['main', few]]));
    const base = await world.seal();
    await world.ship();
    await rename(vaultDir, `${vaultDir}.away`);
    await numbers(60_001, 60_001);
    await expect(world.ship()).rejects.toThrow(/isn't there; is its disk mounted/);
    for (const step of ['p1', 'p2', 'p3']) {
      await numbers(60_002 + Number(step[1]), 60_002 + Number(step[1]));
      expect(await points.take('main', stepContext({ step, idempotencyKey: `r2/${step}` }))).toMatchObject({
        ok: true,
      });
    }
    await rename(`${vaultDir}.away`, vaultDir);
    const { pieces } = await world.ship();
    expect(pieces).toBeGreaterThan(3);
    expect((await recovered({ kind: 'latest' }, base)).rows?.slice(-4)).toEqual([60_001, 60_003, 60_004, 60_005]);
    expect(await points.take('main', stepContext({ step: 'p4', idempotencyKey: 'r2/p4' }))).toMatchObject({ ok: true });
    const left = (await readdir(backed.archiveDir)).filter((name) => /^[0-9A-F]{24}$/.test(name));
    expect(left.length).toBeLessThan(pieces);
  });

  test('a round while nobody writes brings no piece, and the reach goes on', async () => {
    const before = await world.ship();
    const idle = await world.ship();
    const again = await world.ship();
    expect([idle.pieces, again.pieces].at(-1)).toBe(0);
    expect(again.reach.at).toBeGreaterThanOrEqual(before.reach.at);
    expect(again.reach.last).toBe(idle.reach.last);
  });

  test('what no kept restore point goes on with is removed, and what one does stays', async () => {
    const { ask } = world;
    await world.ship();
    const newest = await world.seal();
    const chosen = await choosePoint(ask.vault, ask.from, newest, ask.trust, ask.signal);
    const { sealed } = (chosen as Extract<typeof chosen, { ok: true }>).unsealing;
    expect(await tidyWal(ask.vault, ask.from, [sealed], undefined, ask.signal)).toBeGreaterThan(0);
    expect(await tidyWal(ask.vault, ask.from, [sealed], undefined, ask.signal)).toBe(0);
    await numbers(70_001, 70_001);
    await world.ship();
    expect((await recovered({ kind: 'latest' }, newest)).rows?.at(-1)).toBe(70_001);
    expect(await tidyWal(ask.vault, ask.from, [], undefined, ask.signal)).toBe(0);
  });
});
