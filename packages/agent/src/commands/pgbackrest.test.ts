/** A cell that declares pgBackRest for its store, as its agent opens it; and the commands on it, as a person types them. */
import { readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { openCell } from '@headgate/adapters/execution/cell';
import { pgbackrestMissing } from '@headgate/adapters/execution/pgbackrest/testing/backed-up-store';
import { Cluster } from '@headgate/adapters/postgres-cluster/cluster';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { execute } from '@headgate/execution';
import { stepContext } from '@headgate/testkit/execution/step-context';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BackedCell, backedCell } from '../testing/backed-cell.ts';
import { typed } from '../testing/typed.ts';
import { dr } from './dr.ts';
import { drill } from './drill.ts';
import { recover } from './recover.ts';
import { restorePoints } from './restore-points.ts';

const missing = await pgbackrestMissing();

describe.skipIf(missing !== undefined)('a cell with pgBackRest', () => {
  let world: BackedCell;
  beforeAll(async () => {
    world = await backedCell({ vault: { wal: { everyMs: 1_000 } } });
  }, 60_000);
  afterAll(() => world?.remove());
  const superusers = (): string => new Cluster({ dir: join(world.dir, 'pg'), port: 0 }, world.programs).passwordFile;

  test('takes a restore point in its repository, verifies it there, and says that the vault has no copy', async () => {
    const reported: string[] = [];
    const real = await openCell(world.config, (event) => reported.push(event));
    try {
      const told: string[] = [];
      const ctx = stepContext({ step: 's1', fence: { epoch: 1, n: 1 }, log: (event) => told.push(event) });
      const outcome = await execute({ kind: 'restore-point', store: 'main' }, ctx, real);
      expect(outcome).toMatchObject({ kind: 'done', result: { restorePoint: { verified: true } } });
      expect(told.at(-1)).toMatch(/is not copied to the vault: it lies in pgBackRest’s repository in folder/);
      expect(reported).toEqual([]);
    } finally {
      await real.close();
    }
  }, 240_000);

  test('a drill of it goes as any other, without an identity of the vault’s', async () => {
    const drilled = await world.asked(drill, '--work-dir', world.workDir);
    expect(drilled.out).toMatch(/rows in \d+ tables compared/);
    expect(drilled.out).not.toContain('WRONG');
  }, 240_000);

  test('without a vault its list, its verify and its drill go all the same, and what needs one says which lines', async () => {
    const { vault: _, ...bare } = world.config;
    await world.configure(bare);
    try {
      const listed = await world.asked((args) => restorePoints(['list', ...args]));
      expect(listed.out).toMatch(/in pgBackRest’s repository in folder .*, stanza main:\n {2}rp-/);
      const verified = await world.asked((args) => restorePoints(['verify', ...args]));
      expect(verified).toMatchObject({ code: 0, out: expect.stringContaining('is right: its backup') });
      const drilled = await world.asked(
        drill,
        '--work-dir',
        world.workDir,
        '--statement',
        join(world.dir, 'said.json'),
      );
      expect(drilled.out).toContain('brought back after');
      expect(drilled.out).not.toContain('WRONG');
      const { publicKey } = JSON.parse(await readFile(join(world.dir, 'said.json'), 'utf8')).verificationMaterial;
      const key = (...args: string[]) => typed(restorePoints, ['key', '--config', world.agentFile, ...args], /PRIVATE/);
      const entry = await key('--entry');
      expect(entry).toMatchObject({ code: 0, out: expect.stringContaining(`# the key ${publicKey.hint}\n`) });
      const refused = await typed(dr, ['plan', '--config', world.agentFile], /PRIVATE/);
      expect(refused).toMatchObject({ code: 1, err: expect.stringMatching(/no cell has a vault.*"keyFile"/) });
    } finally {
      await world.configure(world.config);
    }
  }, 240_000);

  test('it comes back beside itself, and where its restore points lie is said', async () => {
    const fetched = await world.asked((args) => restorePoints(['fetch', '--identity', '/nowhere', ...args]));
    expect(fetched).toMatchObject({ code: 1, err: expect.stringContaining('none in the vault') });
    const to = join(world.dir, 'recovered');
    // As on another machine: nobody has the superuser's password any more.
    await rename(superusers(), `${superusers()}.lost`);
    const back = await world.asked(recover, '--to', to).finally(() => rename(`${superusers()}.lost`, superusers()));
    expect(back).toMatchObject({ code: 0, out: expect.stringContaining('runs again beside itself') });
    expect((await readdir(to)).toSorted()).toEqual(['cluster', 'recovered.json']);
    const aside = new Cluster(
      { dir: join(to, 'cluster'), port: Number(/-p (\d+)/.exec(back.out)![1]) },
      world.programs,
    );
    try {
      expect(
        await withClient(await aside.connection('app'), async (c) => (await c.query('select 1 as n')).rows),
      ).toEqual([{ n: 1 }]);
    } finally {
      await aside.stop(0);
    }
  }, 240_000);
});
