/** A store that is made anew from its vault: of its own moment, where it has no log there, and never one that isn't what was promised. */
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExercisedStore } from '@headgate/domain';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../../machine/free-port.ts';
import { Cluster } from '../../postgres-cluster/cluster.ts';
import { withClient } from '../../postgres-cluster/database.ts';
import { type DrilledWorld, drilledWorld } from '../drill/testing/drilled-world.ts';
import { pointToRebuild } from './point-to-rebuild.ts';
import { rebuildStore } from './rebuild-store.ts';

let world: DrilledWorld;
let place: string;
let cluster: Cluster;

beforeAll(async () => {
  world = await drilledWorld();
  place = join(world.real.dir, 'elsewhere');
  await mkdir(place);
  await chmod(place, 0o755);
  const { programs } = world.backed.cluster;
  cluster = new Cluster({ dir: join(place, 'main'), port: await freePort() }, programs);
}, 60_000);
afterAll(async () => {
  await cluster?.stop(0);
  await world?.real.remove();
});

const ask = () => {
  const { vault, trust, identities, from: of, signal } = world.ask;
  return { of, vault, trust, identities, signal };
};
async function rebuilt(more: { readonly manifest?: `sha256:${string}` } = {}): Promise<ExercisedStore> {
  const found = await pointToRebuild(ask());
  if (!('point' in found)) throw new Error(found.why);
  const files = [{ name: 'attachments', dir: join(place, 'attachments') }];
  const point = { ...found.point, ...more };
  const store = { ...world.backed, cluster, files, passwordFile: join(place, 'password') };
  return rebuildStore({ ...ask(), store, point, deadlineMs: 120_000, say: () => {}, placing: async () => {} });
}
/** Its place, and what lies beside it, without what people made. */
const there = async (): Promise<readonly string[]> => (await readdir(place)).filter((name) => name !== 'attachments');

test('one whose rows aren’t those that were promised never comes to its place', { timeout: 180_000 }, async () => {
  await world.seal(async (dir) => {
    const manifest = JSON.parse(await readFile(join(dir, 'manifest.json'), 'utf8'));
    for (const table of manifest.census.tables) table.rows += 1;
    await writeFile(join(dir, 'manifest.json'), JSON.stringify(manifest));
  });
  await expect(rebuilt()).rejects.toThrow(
    /doesn't come back as it was promised: public\.entry came back with 5000 rows, 5001 were promised/,
  );
  expect(await there()).toEqual([]);
});

test('one that was put into the vault since the plan was made is another one', async () => {
  await expect(rebuilt({ manifest: `sha256:${'0'.repeat(64)}` })).rejects.toThrow(/isn't the one that the plan names/);
  expect(await there()).toEqual([]);
});

test('without a log in the vault it comes back in its own moment, with its files, and nothing is left beside it', {
  timeout: 180_000,
}, async () => {
  await world.seal();
  await world.query(`insert into entry values (9000, 'since')`);
  const came = await rebuilt();
  expect(came).toMatchObject({ ownSchema: 3, schema: 3, files: { compared: 1, wrong: [] } });
  expect(came.census).toEqual({ tables: 1, rows: 5_000, differences: [], unsettled: [] });
  expect(came.segments).toBe(undefined);
  expect(await there()).toEqual(['main']);
  expect(await readFile(join(place, 'attachments', 'one'), 'utf8')).toBe('first');
  await cluster.start();
  const { rows } = await withClient(await cluster.connection('app'), (client) =>
    client.query('select count(*)::int as n from entry'),
  );
  expect(rows).toEqual([{ n: 5_000 }]);
});
