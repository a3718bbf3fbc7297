/** A restore point comes back and is what was promised; whatever is wrong with it makes the drill bad, with a reason. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdir, open, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { judgeDrill } from '@headgate/domain';
import { ObjectStoreTrouble } from '@headgate/execution';
import { generateX25519Identity } from 'age-encryption';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { alive } from '../../machine/process-identity.ts';
import { findPostmaster } from '../../postgres-cluster/postmaster.ts';
import { findTools } from '../external-store/postgres-tools.ts';
import { FolderStore } from '../object-store/folder-store.ts';
import { problemsIn } from './amcheck.ts';
import { type DrilledWorld, drilledWorld } from './testing/drilled-world.ts';

const run = promisify(execFile);
const tools = await findTools(15, undefined);
const checks = tools !== undefined && existsSync(join(tools, 'pg_amcheck'));
const root = process.getuid?.() === 0;

let world: DrilledWorld;
let sound: string;
beforeAll(async () => {
  world = await drilledWorld();
  sound = await world.seal();
}, 300_000);
afterAll(() => world?.real.remove());

/** The folder of a restore point in the vault, copied, for a test to harm; and an object store on it. */
async function harmed(name: string, harm: (point: string) => Promise<void>, id = sound): Promise<FolderStore> {
  const dir = join(world.real.dir, name);
  const below = join('points', 'production', 'shared', 'main', id);
  await cp(join(world.vaultDir, below), join(dir, below), { recursive: true });
  await harm(join(dir, below));
  return new FolderStore(dir);
}

async function flip(file: string, at: number): Promise<void> {
  const handle = await open(file, 'r+');
  try {
    const byte = Buffer.alloc(1);
    await handle.read(byte, 0, 1, at);
    byte[0] = byte[0]! ^ 0x20;
    await handle.write(byte, 0, 1, at);
  } finally {
    await handle.close();
  }
}

describe('a sound restore point', () => {
  test('comes back, is what was promised, is timed to the first business transaction, and nothing is left', async () => {
    // It writes: that must change nothing of what is compared.
    const program = join(world.real.dir, 'business.mjs');
    await writeFile(
      program,
      `import pg from ${JSON.stringify(import.meta.resolve('pg'))};
      const client = new pg.Client({ connectionString: process.env.HEADGATE_DRILL_DATABASE_URL });
      await client.connect();
      await client.query("insert into entry values (0, 'by business')");
      const { rows } = await client.query('select count(*)::int as n, current_user as who from entry');
      await client.end();
      process.exit(rows[0].n === 5001 && rows[0].who === 'app' ? 0 : 1);`,
    );
    const transactions = { command: [process.execPath, program], timeoutMs: 60_000 };
    const facts = await world.drill({ transactions, everyMs: 900_000 });
    expect(facts).toMatchObject({
      point: { id: sound, schemaVersion: 3, form: 'physical', major: 15, lsn: expect.stringMatching(/^\d+\//) },
      schemaVersion: 3,
      transactions: {},
      census: { tables: 1, rows: 5_000, differences: [], unsettled: [] },
      files: { compared: 1, wrong: [] },
    });
    expect(facts.ended).toBeUndefined();
    const { fetchedMs = 0, restoredMs = 0, firstTransactionMs = 0, comparedMs = 0 } = facts.took;
    expect([fetchedMs, restoredMs, firstTransactionMs, comparedMs].toSorted((a, b) => a - b)).toEqual([
      ...[fetchedMs, restoredMs, firstTransactionMs, comparedMs],
    ]);
    expect(judgeDrill(facts).rpoMs).toBeGreaterThanOrEqual(900_000);
    expect(judgeDrill(facts)).toMatchObject({
      ...{ because: [], rtoMs: firstTransactionMs, rtoUntil: 'first-transaction' },
      ...(checks ? { ok: true, missing: [] } : { ok: false, missing: [expect.stringContaining('pg_amcheck')] }),
    });
    expect(await world.left()).toEqual([]);
    expect(await world.query('select count(*)::int as n from entry')).toEqual([{ n: 5_000 }]);
  }, 300_000);

  test('whose business transactions fail is no pass, and what they printed stays on this machine', async () => {
    const told: string[] = [];
    const command = ['/bin/sh', '-c', 'echo the secret of a customer; exit 3'];
    const id = await world.seal(async (dir) => {
      const { census: _, ...own } = JSON.parse(await readFile(join(dir, 'manifest.json'), 'utf8'));
      await writeFile(join(dir, 'manifest.json'), JSON.stringify(own));
    });
    const facts = await world.drill({
      id,
      transactions: { command, timeoutMs: 60_000 },
      detail: (each) => told.push(each),
    });
    expect(facts.transactions).toEqual({ failed: 'their program ended with 3' });
    expect(JSON.stringify(facts)).not.toContain('secret');
    expect(told).toEqual(['the secret of a customer']);
    expect(judgeDrill(facts)).toMatchObject({ ok: false });
    // And it promised no rows, which by itself is no pass either.
    const { transactions: _, ...others } = facts;
    expect(judgeDrill(others)).toMatchObject({ ok: false, because: [] });
    expect(judgeDrill(others).missing[0]).toContain('promises no rows');
  }, 300_000);

  test('that is interrupted says nothing, and leaves nothing', async () => {
    const over = new AbortController();
    const drilling = world.drill({ signal: over.signal, say: (line) => line.includes('brought back') && over.abort() });
    await expect(drilling).rejects.toThrow();
    expect(await world.left()).toEqual([]);
  }, 300_000);
});

describe('a drill is bad, and says why, when', () => {
  test('a row is missing that was promised, and an index is corrupt: its page was damaged on the store’s disk', async () => {
    const before = JSON.parse(await readFile(join(world.backed.restorePointsDir, sound, 'manifest.json'), 'utf8'));
    const [{ path }] = (await world.query(`select pg_relation_filepath('entry_pkey') as path`)) as [{ path: string }];
    await world.query('delete from entry where n = 17');
    const id = await world.seal(async (dir) => {
      const own = JSON.parse(await readFile(join(dir, 'manifest.json'), 'utf8'));
      await writeFile(join(dir, 'manifest.json'), JSON.stringify({ ...own, census: before.census }));
      await flip(join(dir, 'data', path), 8_192 + 4_000);
    });
    await world.query(`insert into entry values (17, 'note 17')`);
    const facts = await world.drill({ id });
    expect(facts.census?.differences).toEqual([
      { relation: 'public.entry', kind: 'rows', promised: 5_000, found: 4_999 },
    ]);
    if (checks) expect(facts.amcheck?.problems.join()).toMatch(/entry_pkey.*invalid page in block 1/);
    const { ok, because } = judgeDrill(facts);
    expect([ok, because[0]]).toEqual([false, 'public.entry came back with 4999 rows, 5000 were promised']);
    expect(because[1] ?? '').toMatch(checks ? /^pg_amcheck: .*entry_pkey/ : /^$/);
    expect(await world.left()).toEqual([]);
  }, 300_000);

  test.each<[string, (point: string) => Promise<void>, RegExp]>([
    [
      'a byte of a part is flipped',
      (dir) => flip(join(dir, 'database-00001.age'), 100_000),
      /database-00001 of .* (isn't what was sealed|can't be decrypted)/,
    ],
    [
      'a part is truncated',
      (dir) => truncate(join(dir, 'database-00002.age'), 1_000),
      /database-00002 .* 1000 bytes of/,
    ],
    ['a part is missing', (dir) => rm(join(dir, 'files-00001.age')), /files-00001 of .* isn't in/],
    ['the manifest was changed', (dir) => flip(join(dir, 'sealed.json'), 300), /the newest isn't right: sealed\.json/],
    ['there is none', (dir) => rm(dir, { recursive: true }), /no restore point of the store main lies in/],
  ])('%s', async (name, harm, why) => {
    const vault = await harmed(name.replaceAll(' ', '-'), harm);
    const facts = await world.drill({ vault });
    expect(facts.ended).toMatch(why);
    expect(judgeDrill(facts)).toMatchObject({ ok: false });
    expect(judgeDrill(facts).rtoMs).toBeUndefined();
    expect(await world.left()).toEqual([]);
  });

  test('the identity is another one’s', async () => {
    const facts = await world.drill({ identities: [await generateX25519Identity()] });
    expect(facts.ended).toMatch(/contents of .* can't be decrypted/);
    expect(facts.point?.id).toBeDefined();
  });

  test('the vault goes away', async () => {
    const vault = new FolderStore(world.vaultDir);
    vault.get = () => Promise.reject(new ObjectStoreTrouble('away', 'the test took it away'));
    expect((await world.drill({ id: sound, vault })).ended).toBe('the test took it away');
  });

  test.skipIf(!root)('the disk is full', async () => {
    const small = join(world.real.dir, 'small');
    await mkdir(small);
    await run('/usr/bin/mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=755', 'tmpfs', small]);
    try {
      const facts = await world.drill({ workDir: small });
      expect(facts.ended).toMatch(/the folder for drills has room for \d+ bytes, \d+ are needed/);
      expect(await readdir(small)).toEqual([]);
    } finally {
      await run('/usr/bin/umount', [small]);
    }
  });
});

test('what a killed drill left goes with the next one, its server and its programs, too', async () => {
  const program = join(import.meta.dirname, 'testing', 'drill-until-killed.ts');
  const { of, identities, from, workDir } = world.ask;
  if (of.form !== 'physical') throw new Error('this world has a cluster');
  const told = {
    dir: world.real.dir,
    from,
    identities,
    workDir,
    vaultDir: world.vaultDir,
    port: of.store.cluster.config.port,
  };
  const child = spawn(process.execPath, [program, JSON.stringify(told)], { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const text of child.stdout) if (String(text).includes('transactions')) break;
  const [left] = (await world.left()) as [string];
  const postmaster = await findPostmaster(join(world.workDir, left, 'cluster', 'data'));
  expect(postmaster?.ready).toBe(true);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const facts = await world.drill({ vault: await harmed('gone', (dir) => rm(dir, { recursive: true })) });
  expect(facts.ended).toMatch(/no restore point/);
  expect(await world.left()).toEqual([]);
  expect(alive(postmaster!)).toBe(false);
}, 300_000);

test('each object that pg_amcheck complains of is one problem, and there are only so many', () => {
  const output =
    'btree index "app.public.t_pkey":\n    ERROR:  invalid page in block 1\nheap table "app.public.t", block 0:\n    xmin 3\n';
  expect(problemsIn(output)).toEqual([
    'btree index "app.public.t_pkey": ERROR:  invalid page in block 1',
    'heap table "app.public.t", block 0: xmin 3',
  ]);
  const many = problemsIn(Array.from({ length: 50 }, (_, i) => `index ${i}\n  bad`).join('\n'));
  expect([many.length, many.at(-1)]).toEqual([21, 'and 30 more']);
  expect(problemsIn('')).toHaveLength(1);
});
