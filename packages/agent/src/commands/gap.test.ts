/** What lies in a vault and isn't whole any more: every command says what would really be lost, and names what is gone. */
import { spawnSync } from 'node:child_process';
import { access, chmod, mkdir, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DrilledWorld, drilledWorld } from '@headgate/adapters/execution/drill/testing/drilled-world';
import { pointToRebuild } from '@headgate/adapters/execution/rebuild/point-to-rebuild';
import { recoverAside } from '@headgate/adapters/execution/recover/recover-aside';
import { vaultKey } from '@headgate/adapters/execution/vault/vault-key';
import { Cluster } from '@headgate/adapters/postgres-cluster/cluster';
import { openDrill, signDrill } from '@headgate/documents';
import { judgeDrill } from '@headgate/domain';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { drillLines } from '../drill/words.ts';
import { vaultLog } from '../schedule/vault-log.ts';
import { sealedPlan } from '../testing/sealed-plan.ts';
import { typed } from '../testing/typed.ts';
import type { CellOfVault } from '../vault-cells.ts';
import { recover } from './recover.ts';
import { restorePoints } from './restore-points.ts';

let world: DrilledWorld;
let dir: string;
let cell: CellOfVault & { readonly kind: 'process' };
let wal: string;
let points: string;
let archive: string;
/** Segments of the log after the restore point, in their order. */
let segments: readonly string[];

beforeAll(async () => {
  world = await drilledWorld();
  dir = join(world.real.dir, 'agent');
  await mkdir(dir, { mode: 0o755 });
  await mkdir(join(world.real.dir, 'cell'), { mode: 0o755 });
  await chmod(world.real.dir, 0o755);
  const vault = { ...world.vault, wal: { everyMs: 1_000 }, rpoMs: 3_600_000 };
  cell = { ...world.cell, vault };
  await writeFile(join(dir, 'identity.txt'), `${world.ask.identities[0]}\n`, { mode: 0o600 });
  await writeFile(join(dir, 'token'), 'test-token\n', { mode: 0o600 });
  await writeFile(join(dir, 'trust.yaml'), sealedPlan().trustText);
  await writeFile(join(dir, 'cell.json'), JSON.stringify(cell));
  await writeFile(
    join(dir, 'agent.yaml'),
    `server: http://127.0.0.1:1
name: agt_test
tokenFile: ${join(dir, 'token')}
dataDir: ${join(dir, 'data')}
trustFile: ${join(dir, 'trust.yaml')}
environments: [{name: production}]
cellFiles: [${join(dir, 'cell.json')}]
`,
  );
  const id = await world.seal();
  const before = new Set(await piecesBelow(join(world.vaultDir, 'wal', 'production', 'shared', 'main')));
  for (let n = 0; n < 5; n++) {
    await world.query(`insert into entry values (${90_001 + n}, 'later')`);
    await world.ship();
  }
  const of = join(world.vaultDir, 'wal', 'production', 'shared', 'main');
  const [system] = (await readdir(of)).filter((name) => name !== 'reach.json');
  wal = join(of, system!);
  archive = world.backed.archiveDir;
  points = join(world.vaultDir, 'points', 'production', 'shared', 'main', id);
  segments = (await readdir(wal))
    .filter((name) => /^[0-9A-F]{24}\.age$/.test(name) && !before.has(name))
    .map((name) => name.slice(0, 24))
    .sort()
    .slice(-4);
}, 120_000);
afterAll(() => world?.real.remove());

async function piecesBelow(folder: string): Promise<readonly string[]> {
  return (await readdir(folder, { recursive: true }).catch(() => [])).map((each) => each.split('/').at(-1)!);
}

const common = (...args: string[]): string[] => ['--config', join(dir, 'agent.yaml'), ...args];
const list = (...args: string[]) => typed(restorePoints, ['list', ...common(...args)]);
const verify = (...args: string[]) => typed(restorePoints, ['verify', ...common('--store', 'main', ...args)]);
const identity = (): string[] => ['--identity', join(dir, 'identity.txt')];
const recovered = (to: string, ...args: string[]) =>
  typed(recover, common('--store', 'main', ...identity(), '--to', to, ...args));
const planned = () => {
  const { from: of, vault, trust, identities, signal } = world.ask;
  return pointToRebuild({ of, vault, trust, identities, signal });
};

async function without(files: readonly string[], work: () => Promise<void>): Promise<void> {
  for (const file of files) await rename(file, `${file}.away`);
  try {
    await work();
  } finally {
    for (const file of files) await rename(`${file}.away`, file);
  }
}

async function spoilt(file: string, spoil: () => Promise<unknown>, work: () => Promise<void>): Promise<void> {
  const kept = await readFile(file);
  await spoil();
  try {
    await work();
  } finally {
    await writeFile(file, kept);
  }
}

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

describe('What would be lost', { timeout: 120_000 }, () => {
  test('while all is whole: the last seconds, read and compared; and that the vault is on the store’s own disk', async () => {
    const shown = await list();
    expect(shown).toMatchObject({ code: 0, out: expect.stringMatching(/the last .* \(its WAL lies there up to 20/) });
    expect(shown.out).toContain('ON THE STORE’S OWN DISK');
    expect(await verify()).toMatchObject({ code: 0, out: expect.stringMatching(/log from there on is right.*read/) });
    expect(await verify(...identity())).toMatchObject({ code: 0, out: expect.stringContaining('pieces decrypted') });
    expect(await planned()).toMatchObject({ point: { reachedAt: expect.any(Number) } });
  });

  test('a segment that is gone, its bytes, its statement or both: the log counts up to it alone', async () => {
    const whole = JSON.parse((await list('--json')).out)[0].freshness.reachedAt;
    const [age, json] = ['age', 'json'].map((ending) => join(wal, `${segments[2]}.${ending}`)) as [string, string];
    for (const files of [[age], [json], [age, json]])
      await without(files, async () => {
        const shown = await list();
        expect(shown, files.join()).toMatchObject({
          code: 1,
          out: expect.stringMatching(/WAL: the .*nothing after it/),
        });
        expect(shown.out).toContain(segments[2]);
        const [told] = JSON.parse((await list('--json')).out);
        expect(told.freshness.reachedAt).toBeLessThan(whole);
        expect(told.gap.segment).toBe(segments[2]);
        for (const found of [await verify(), await verify(...identity())])
          expect(found).toMatchObject({ code: 1, err: expect.stringContaining(segments[2]!) });
        expect(await planned()).toMatchObject({
          why: expect.stringContaining(segments[2]!),
          unblock: expect.stringContaining('--at 20'),
        });
      });
    expect(await list()).toMatchObject({ code: 0 });
  });

  test('a drill loses what the list does, and names the moment before the gap', async () => {
    await without([join(wal, `${segments[2]}.age`)], async () => {
      const [told] = JSON.parse((await list('--json')).out);
      const at = new Date(told.freshness.reachedAt).toISOString();
      const facts = await world.drill();
      expect(judgeDrill(facts)).toMatchObject({
        ok: false,
        because: [expect.stringContaining(`nothing after it comes back; the log before it goes up to ${at}`)],
        rpoMs: facts.startedAt - told.freshness.reachedAt,
      });
      expect(drillLines(facts).join('\n')).toContain(`segments of its log, up to ${at}`);
      const key = await vaultKey(world.vault.keyFile);
      expect(openDrill(signDrill(facts, key), world.ask.trust)).toMatchObject({ ok: true, drill: { ok: false } });
    });
  });

  test('a segment of another size is told without reading it, a flipped byte by verify', async () => {
    const age = join(wal, `${segments[1]}.age`);
    await spoilt(
      age,
      () => truncate(age, 300),
      async () => {
        for (const said of [(await list()).out, (await verify()).err, JSON.stringify(await planned())])
          expect(said).toMatch(new RegExp(`the WAL ${segments[1]} isn't what was sealed: 300 bytes of`));
      },
    );
    const bytes = await readFile(age);
    bytes[bytes.length >> 1]! ^= 1;
    await spoilt(
      age,
      () => writeFile(age, bytes),
      async () => {
        expect(await verify()).toMatchObject({
          code: 1,
          err: expect.stringMatching(new RegExp(`is right, and its log isn’t: the WAL ${segments[1]}.*SHA-256`)),
        });
        expect(await verify(...identity())).toMatchObject({ code: 1, err: expect.stringContaining(segments[1]!) });
      },
    );
  });

  test('a part of the only restore point that is gone: all of it', async () => {
    await without([join(points, 'database-00001.age')], async () => {
      const shown = await list();
      expect(shown).toMatchObject({ code: 1, out: expect.stringContaining('nothing could be brought back from here') });
      expect(shown.out).toMatch(/NOT RIGHT: the part database-00001 of rp-\S+ isn't in/);
      expect(shown.out).not.toContain('the last');
    });
  });
});

describe('A recovery that is refused or interrupted', { timeout: 120_000 }, () => {
  test('fetches nothing where anything is missing, and leaves the folder as it was', async () => {
    const [to, mine] = [join(world.real.dir, 'refused'), join(world.real.dir, 'mine')];
    await mkdir(mine);
    const missing = [join(wal, `${segments[2]}.age`), join(points, 'database-00001.age')];
    for (const file of missing)
      await without([file], async () => {
        for (const place of [to, mine, to]) {
          const ran = await recovered(place);
          expect(ran, file).toMatchObject({ code: 1, err: expect.not.stringContaining('is fetched') });
          expect(ran.err).toContain(`Nothing is left of it in ${place}`);
        }
        expect(await isThere(to)).toBe(false);
        expect(await readdir(mine)).toEqual([]);
      });
  });

  test('what lies before a gap comes back to the moment that is told', async () => {
    const to = join(world.real.dir, 'before-the-gap');
    await without([join(wal, `${segments[2]}.age`)], async () => {
      const refused = await recovered(to);
      const [, at] = /the log before it goes up to (\S+): --at that moment/.exec(refused.err)!;
      const ran = await recovered(to, '--at', at!);
      await new Cluster({ dir: join(to, 'cluster'), port: 1 }, world.backed.cluster.programs).stop(0);
      expect(ran).toMatchObject({ code: 0, out: expect.stringContaining('runs again beside itself') });
    });
  });

  test('interrupted while PostgreSQL recovers it leaves nothing', async () => {
    const to = join(world.real.dir, 'interrupted');
    const over = new AbortController();
    const said: string[] = [];
    const { from: of, vault, trust, identities } = world.ask;
    const ran = recoverAside({
      ...{ store: world.backed, of, vault, trust, identities, moment: { kind: 'latest' }, to, signal: over.signal },
      deadlineMs: 60_000,
      say: (line) => {
        said.push(line);
        if (line.startsWith('It is brought back')) over.abort(new Error('it was interrupted'));
      },
    });
    await expect(ran).rejects.toThrow('it was interrupted');
    expect(said.at(-1)).toBe(`Nothing is left of it in ${to}.`);
    expect(await isThere(to)).toBe(false);
  });

  test('what a killed one left is removed by the next one; what isn’t ours, or a living one’s, is not', async () => {
    const to = join(world.real.dir, 'killed');
    const mark = join(to, '.headgate-recovering');
    await mkdir(join(to, 'points', 'rp-x.partial'), { recursive: true });
    await writeFile(mark, `${process.pid}\n`);
    expect(await recovered(to)).toMatchObject({
      code: 1,
      err: expect.stringContaining(`another process (${process.pid})`),
    });
    await writeFile(mark, `${spawnSync('true').pid}\n`);
    await writeFile(join(to, 'letters'), 'mine');
    expect(await recovered(to)).toMatchObject({ code: 1, err: expect.stringContaining("isn't empty") });
    expect((await readdir(to)).sort()).toEqual(['.headgate-recovering', 'letters', 'points']);
    await rm(join(to, 'letters'));
    const ran = await recovered(to);
    const { programs } = world.backed.cluster;
    await new Cluster({ dir: join(to, 'cluster'), port: 1 }, programs).stop(0);
    expect(ran).toMatchObject({ code: 0, err: expect.stringContaining(`left in ${to} is removed`) });
    expect((await readdir(to)).includes('.headgate-recovering')).toBe(false);
  });
});

describe('A round of the agent', { timeout: 120_000 }, () => {
  test('brings again what is gone from the vault and lies in the archive; what is lost is told by its name, until a restore point follows', async () => {
    const log = await vaultLog(cell, 'main', world.ask.signal);
    // A look comes with the first round and every twentieth.
    const rounds = async (over: () => Promise<boolean>): Promise<void> => {
      for (let n = 0; n < 25 && !(await over()); n++) last = await log.ship();
    };
    let last = await log.ship();
    const name = segments[2]!;
    const pieces = [join(wal, `${name}.age`), join(wal, `${name}.json`)];
    const kept = join(archive, name);
    if (!(await isThere(kept))) throw new Error(`${name} isn't in the archive`);
    await rm(pieces[0]!);
    await rounds(() => isThere(pieces[0]!));
    expect(last.why).toBeUndefined();
    expect(await isThere(pieces[0]!)).toBe(true);
    await rename(kept, `${kept}.lost`);
    await rm(pieces[0]!);
    await rounds(async () => last.why !== undefined);
    const told = last;
    expect(told.why).toMatch(new RegExp(`the WAL segment ${name} isn't in.*nothing after it comes back`));
    expect(told.at).toBeLessThan(Date.now());
    expect((await list()).out).toContain(name);
    expect(await log.ship()).toMatchObject({ why: told.why, at: told.at });
    await world.seal();
    expect((await log.ship()).why).toBeUndefined();
    expect(await list()).toMatchObject({ code: 0 });
  });
});
