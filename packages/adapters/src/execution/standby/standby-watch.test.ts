/** What is told of a store's standbys, over real servers. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ToldStandby } from '@headgate/domain';
import { standbyReady } from '@headgate/domain/gates/standby-ready';
import { NOON, soundFacts } from '@headgate/testkit/domain/builders';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { StandbyWatch } from './standby-watch.ts';
import { BIN, type RealServer, RealServers } from './testing/real-servers.ts';

if (BIN === undefined && process.env.HEADGATE_REQUIRE_REAL === '1')
  throw new Error('PostgreSQL 15 with pg_basebackup isn’t installed: apt-get install postgresql-15');

let servers: RealServers;
let primary: RealServer;
let standby: RealServer;

const STORES = ['db', 'other'];

/** A watch over standbys with these URLs, the same for two stores of one server. */
async function watchOf(urls: Readonly<Record<string, string>>): Promise<StandbyWatch> {
  const adminUrl = await servers.urlFile('admin', primary.url());
  const files = Object.entries(urls).map(async ([name, url]) => [name, await servers.urlFile(name, url)] as const);
  const standbys = Object.fromEntries(await Promise.all(files));
  return new StandbyWatch(Object.fromEntries(STORES.map((store) => [store, { adminUrl, standbys }])));
}

/** Looks until this one has caught up. */
async function told(watch: StandbyWatch, name: string): Promise<readonly ToldStandby[]> {
  const over = performance.now() + 30_000;
  for (;;) {
    const all = (await watch.look())(performance.now());
    const those = all.filter((each) => each.name === name);
    if (those.length > 0 && those.every(({ lagMs, receiving }) => lagMs === 0 && receiving === true)) return all;
    if (performance.now() > over) throw new Error(`not caught up within 30 s: ${JSON.stringify(all)}`);
    await sleep(50);
  }
}

function verdict(all: readonly ToldStandby[], atLeast: number) {
  const seen = all.map(({ ageMs, ...each }) => ({ ...each, cell: 'c', at: NOON }));
  const standbys = { stores: STORES.map((store) => ({ cell: 'c', store })), seen };
  return standbyReady.judge({ maxLagMs: 10_000, atLeast }, soundFacts(NOON, { standbys }), { kind: 'wave', wave: 1 });
}

describe.skipIf(BIN === undefined)('a store’s standbys', () => {
  beforeAll(async () => {
    servers = await RealServers.make();
    primary = await servers.primary();
    standby = await servers.standbyOf(primary);
  }, 120_000);
  afterAll(() => servers?.remove());

  test('that are one server by two addresses are one, of each store that it is a standby of', async () => {
    const byName = standby.url('watcher').replace('127.0.0.1', 'localhost');
    const all = await told(await watchOf({ second: standby.url('watcher'), third: byName }), 'second');
    expect(all.map(({ store, name, standing }) => [store, name, standing])).toEqual([
      ['db', 'second', 'following'],
      ['db', 'third', 'other-cluster'],
      ['other', 'second', 'following'],
      ['other', 'third', 'other-cluster'],
    ]);
    expect(verdict(all, 1).verdict).toBe('pass');
    expect(verdict(all, 2)).toMatchObject({
      verdict: 'fail',
      because: expect.stringContaining('third: its address leads to second, which counts once'),
      unblock: expect.stringContaining('correct the address of third'),
    });
  }, 60_000);

  test('that are two servers are two, though both are of one cluster', async () => {
    const another = await servers.standbyOf(primary);
    const watch = await watchOf({ second: standby.url('watcher'), third: another.url('watcher') });
    await told(watch, 'second');
    expect(verdict(await told(watch, 'third'), 2).verdict).toBe('pass');
  }, 120_000);

  test('that are one server and stand badly say both what is wrong with it', async () => {
    const promoted = await servers.standbyOf(primary);
    await promoted.promote();
    const watch = await watchOf({ second: promoted.url('watcher'), third: promoted.url('bare') });
    const standings = (await watch.look())(performance.now()).map(({ standing }) => standing);
    expect(standings).toEqual(['promoted', 'promoted', 'promoted', 'promoted']);
  }, 120_000);
});
