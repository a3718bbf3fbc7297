/** A release rehearsed on restore points that pgBackRest keeps, and on those that a program takes as snapshots. */
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openCell } from '@headgate/adapters/execution/cell';
import { pgbackrestMissing } from '@headgate/adapters/execution/pgbackrest/testing/backed-up-store';
import { shopRelease } from '@headgate/adapters/execution/rehearsal/business/testing/shop-cell';
import { copyingProgram } from '@headgate/adapters/execution/snapshots/testing/copying-program';
import { canonicalJson } from '@headgate/documents';
import { digestOf } from '@headgate/documents/digest';
import { execute } from '@headgate/execution';
import { stepContext } from '@headgate/testkit/execution/step-context';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BackedCell, backedCell } from '../testing/backed-cell.ts';
import { typed } from '../testing/typed.ts';
import { rehearse } from './rehearse.ts';

const missing = await pgbackrestMissing();
const UP =
  'alter table bill add column paid boolean not null default false;\nupdate bill set paid = true where n % 2 = 0';

/** A release of one migration in a folder, as `headgate rehearse` lays it out. */
async function laidOut(world: BackedCell): Promise<string> {
  const dir = await mkdtemp(join(world.dir, 'release-'));
  await mkdir(join(dir, 'files'));
  const file = async (name: string, text: string) => {
    const digest = digestOf(Buffer.from(text));
    await writeFile(join(dir, 'files', digest.slice(7)), text);
    return { name, digest, size: text.length };
  };
  const [up, down] = [await file('1.sql', UP), await file('1-down.sql', 'alter table bill drop column paid')];
  const migration = { id: 'm1', from: 0, to: 1, phase: 'expand' as const, up, down, undo: 'down' as const };
  const manifest = { ...shopRelease('1.1.0', 'note').manifest, migrations: [migration] };
  await writeFile(join(dir, 'manifest.json'), canonicalJson(manifest));
  return dir;
}

/** The cell's own step, with 2,000 bills in its store. */
async function takePoint(world: BackedCell): Promise<void> {
  const real = await openCell(world.config, () => {});
  try {
    await world.query(
      'create table bill as select n from generate_series(1, 2000) as n; alter table bill owner to app',
    );
    const ctx = stepContext({ step: 's1', fence: { epoch: 1, n: 1 } });
    expect(await execute({ kind: 'restore-point', store: 'main' }, ctx, real)).toMatchObject({ kind: 'done' });
    // What came after it isn't in the copy.
    await world.query('insert into bill select n from generate_series(2001, 2500) as n');
  } finally {
    await real.close();
  }
}

async function rehearsed(world: BackedCell): ReturnType<typeof typed> {
  const args = ['--release', await laidOut(world), '--from', 'shared/main', '--config', world.agentFile, '--json'];
  return typed(rehearse, [...args, '--work-dir', world.workDir, '--stall', '60'], /correct horse/);
}

/** It went there and back on the rows of the restore point, and left nothing. */
async function expectWell(world: BackedCell, { code, out, err }: Awaited<ReturnType<typeof typed>>): Promise<void> {
  expect({ code, err, out }).toMatchObject({ code: 0 });
  const { facts, result } = JSON.parse(out);
  expect(result).toMatchObject({ ok: true, wayBack: 'equal' });
  expect(facts.copy).toMatchObject({ how: 'restore-point', of: expect.stringMatching(/^rp-/), server: 15 });
  const [{ statements }] = facts.passes[0].files;
  expect(statements[1].changed).toEqual([{ relation: 'public.bill', rows: 1_000 }]);
  expect((await readdir(world.workDir)).filter((name) => name.startsWith('rehearsal-'))).toEqual([]);
}

describe.skipIf(missing !== undefined)('a store whose restore points pgBackRest keeps', { timeout: 240_000 }, () => {
  let world: BackedCell;
  beforeAll(async () => {
    world = await backedCell({});
    await takePoint(world);
  }, 240_000);
  afterAll(() => world?.remove());

  test('is rehearsed on its newest backup, beside the store and while that is down', async () => {
    await expectWell(world, await rehearsed(world));
  });

  test('isn’t rehearsed on a backup that doesn’t come back, nor on an older one without a word', async () => {
    const backups = join(world.repositoryDir, 'backup', 'main');
    const [label] = (await readdir(backups)).filter((name) => /F$/.test(name));
    await rename(join(backups, label!), join(world.dir, 'away'));
    const { code, err } = await rehearsed(world);
    await rename(join(world.dir, 'away'), join(backups, label!));
    expect(code).toBe(1);
    expect(err).toMatch(/the newest restore point of the store main doesn't come back: .* \(restore point rp-/);
    expect((await readdir(world.workDir)).filter((name) => name.startsWith('rehearsal-'))).toEqual([]);
  });
});

describe('a store whose restore points are a program’s snapshots', { timeout: 240_000 }, () => {
  let world: BackedCell;
  beforeAll(async () => {
    world = await backedCell({});
    const command = await copyingProgram(world.dir, join(world.dir, 'snapshots'));
    const { vault: _, ...config } = world.config;
    const { pgbackrest: __, ...main } = config.stores.main!;
    const stores = { main: { ...main, snapshots: { command, timeoutMs: 60_000, census: true } } };
    await world.configure({ ...config, stores });
    world = { ...world, config: { ...config, stores } as never };
    await takePoint(world);
  }, 240_000);
  afterAll(() => world?.remove());

  test('is rehearsed on the newest', async () => {
    await expectWell(world, await rehearsed(world));
  });

  test('isn’t rehearsed on another one than was taken', async () => {
    await writeFile(join(world.dir, 'other'), join(world.dir, 'empty'));
    await mkdir(join(world.dir, 'empty'));
    await writeFile(join(world.dir, 'mode'), 'lays-out-other');
    const { code, err } = await rehearsed(world);
    await rm(join(world.dir, 'mode'));
    expect(code).toBe(1);
    expect(err).toMatch(/doesn't come back: what was laid out is no folder of PostgreSQL’s/);
  });
});
