/** What becomes of a restore point whose vault is away, full, or killed half way: never half a restore point. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import type { RestorePoint } from '@headgate/domain';
import { execute, granted, type ObjectStore, ObjectStoreTrouble, type Ports } from '@headgate/execution';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FolderStore } from '../object-store/folder-store.ts';
import { CellVault } from './cell-vault.ts';
import { fetchPoint } from './fetch-point.ts';
import { openSealed } from './open-sealed.ts';
import { PART_BYTES, type SealedWorld, SKETCH, sealedWorld } from './testing/sealed-world.ts';
import { unseal } from './unseal-point.ts';
import { VaultConfig } from './vault-config.ts';
import { ownSigner, ownSigners, vaultKey } from './vault-key.ts';
import { pointPrefix, SEALED } from './vault-keys.ts';
import { listVault } from './vaulted-points.ts';

const run = promisify(execFile);
const ID = 'rp-20260101t000000z-aaaaaa';
const OF = { environment: 'production', cell: 'shared', store: 'main' };
const signal = new AbortController().signal;
const root = process.getuid?.() === 0;

let world: SealedWorld;
let point: RestorePoint;
beforeEach(async () => {
  world = await sealedWorld();
  point = await world.lay(ID);
});
afterEach(() => world?.remove());

/** The same vault on another object store, and with other words of its configuration. */
async function vaultOn(store: ObjectStore, more: object = {}): Promise<CellVault> {
  const keyFile = join(world.dir, 'own.pem');
  const config = VaultConfig.parse({
    store: { kind: 'folder', dir: world.vaultDir },
    recipients: [world.recipient],
    keyFile,
    ...more,
  });
  const stores = new Map([['main', { restorePointsDir: world.pointsDir, tenants: [] }]]);
  return new CellVault({ config, store, key: await vaultKey(keyFile), stores, partBytes: PART_BYTES });
}

/** An object store that does what it does until a call is reached, and from then on is away. */
function awayFrom(store: ObjectStore, call: 'put' | 'get', nth: number, inTheMiddle: boolean): ObjectStore {
  let calls = 0;
  const away = (): ObjectStoreTrouble => new ObjectStoreTrouble('away', 'the test took it away');
  const cut = async function* (content: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    for await (const chunk of content) {
      yield chunk.subarray(0, chunk.length / 2);
      throw away();
    }
  };
  const gone = (): boolean => calls > nth || (calls === nth && !inTheMiddle);
  return {
    name: store.name,
    async put(key, content, signal) {
      if (call === 'put') calls += 1;
      if (gone()) throw away();
      return store.put(key, call === 'put' && calls === nth ? cut(content) : content, signal);
    },
    async get(key, signal) {
      if (call === 'get') calls += 1;
      if (gone()) throw away();
      const content = await store.get(key, signal);
      return content !== undefined && call === 'get' && calls === nth ? cut(content) : content;
    },
    list: (prefix, signal) => store.list(prefix, signal),
    delete: (key, signal) => store.delete(key, signal),
    sweep: (prefix, before, signal) => store.sweep(prefix, before, signal),
    protections: (signal) => store.protections(signal),
  };
}

async function listed(trust: Parameters<typeof listVault>[2] = world.trust) {
  return listVault(world.objects, OF, trust, signal);
}

async function unsealing(id = ID) {
  const found = world.identityOf(id);
  const opened = await openSealed(world.objects, found, world.trust, signal);
  if (!opened.ok) throw new Error(opened.why);
  return { store: world.objects, point: found, sealed: opened.sealed, manifest: opened.manifest, signal };
}

describe('sealing', () => {
  test('says whose it is, of which moment, by which tool, for which release, and every part', async () => {
    const release = `sha256:${'a'.repeat(64)}` as const;
    expect(await world.vault.keep(point, world.context({ release, fence: { epoch: 4, n: 1 } }))).toMatchObject({
      kind: 'sealed',
    });
    const { points } = await listed();
    expect(points).toMatchObject([
      {
        id: ID,
        readable: true,
        rollout: 'r1',
        sealed: {
          ...OF,
          application: 'psa',
          tenants: ['ada', 'bob'],
          epoch: 4,
          takenFor: { rollout: 'r1', step: 's1', release },
          schemaVersion: 3,
          database: {
            form: 'physical',
            major: 15,
            lsn: { start: '0/2000028', stop: '0/2000138' },
            systemIdentifier: '7',
          },
          recipients: [world.recipient],
          bytes: point.bytes,
          files: Object.keys(SKETCH).length,
        },
      },
    ]);
    const { manifest, sealed } = await unsealing();
    expect(manifest).toBe(point.manifest);
    expect(sealed.parts.map(({ name }) => name)).toEqual([
      ...[1, 2, 3, 4, 5].map((n) => `database-0000${n}`),
      ...[1, 2, 3].map((n) => `files-0000${n}`),
    ]);
    expect(Math.max(...sealed.parts.map(({ plainSize }) => plainSize))).toBe(PART_BYTES);
  });

  test('nothing of the content, and no file’s name, can be read in the vault', async () => {
    await world.lay(ID, { ...SKETCH, 'files/attachments/Mustermann.pdf': 10 });
    await writeFile(join(world.pointsDir, ID, 'data', 'PG_VERSION'), '15\n');
    const manifest = await readFile(join(world.pointsDir, ID, 'manifest.json'), 'utf8');
    expect(manifest).toContain('Mustermann');
    await world.vault.keep(point, world.context());
    for await (const { key } of world.objects.list('', signal)) {
      const text = await readFile(join(world.vaultDir, key), 'latin1');
      expect(text).not.toContain('Mustermann');
      const bundle = key.endsWith(SEALED)
        ? Buffer.from(JSON.parse(text).dsseEnvelope.payload, 'base64').toString()
        : '';
      expect(bundle).not.toContain('attachments');
    }
  });

  test('again it finds what is there, reads it back, and writes nothing', async () => {
    await world.vault.keep(point, world.context());
    const changed = async () => (await stat(join(world.vaultDir, pointPrefix({ ...OF, id: ID }), SEALED))).mtimeMs;
    const first = await changed();
    expect(await world.vault.keep(point, world.context())).toMatchObject({ kind: 'sealed' });
    expect(await changed()).toBe(first);
    const part = join(world.vaultDir, pointPrefix({ ...OF, id: ID }), 'files-00002.age');
    const bytes = await readFile(part);
    bytes[1_000]! ^= 1;
    await writeFile(part, bytes);
    expect(await world.vault.keep(point, world.context())).toMatchObject({
      kind: 'failed',
      code: 'check-failed',
      why: expect.stringContaining('the part files-00002'),
    });
  });

  test.each(['data/base/1/1261', 'files/attachments/ab/one'])(
    'a file that changed since it was verified is not sealed (%s)',
    async (path) => {
      const bytes = await readFile(join(world.pointsDir, ID, path));
      bytes[99_999]! ^= 1;
      await writeFile(join(world.pointsDir, ID, path), bytes);
      expect(await world.vault.keep(point, world.context())).toMatchObject({
        kind: 'failed',
        code: 'check-failed',
        why: expect.stringContaining(path),
      });
      expect((await listed()).points).toEqual([]);
    },
  );
});

describe('a vault that goes away', () => {
  const CALLS = [
    ...[1, 2, 5, 9, 10].flatMap((n) => [
      { call: 'put' as const, n, middle: false },
      { call: 'put' as const, n, middle: true },
    ]),
    ...[1, 2, 6, 10, 11].flatMap((n) => [
      { call: 'get' as const, n, middle: false },
      { call: 'get' as const, n, middle: true },
    ]),
  ];

  test.each(CALLS)(
    'at $call $n (in its middle: $middle) makes the step wait, and nothing counts until it is back',
    async ({ call, n, middle }) => {
      const vault = await vaultOn(awayFrom(world.objects, call, n, middle));
      const trust = {
        signers: [ownSigner(await vaultKey(join(world.dir, 'own.pem')))],
      };
      const answer = await vault.keep(point, world.context());
      // The first reading asks for a manifest that isn't there: there is no middle of it.
      if (answer.kind !== 'sealed') {
        expect(answer).toMatchObject({ kind: 'waits', why: expect.stringContaining('the test took it away') });
        const { points } = await listed(trust);
        // The manifest itself may have been written whole before its reading back broke off.
        if (points.length > 0) expect(`${call} ${n}`).toBe('get 11');
      } else expect({ call, n, middle }).toEqual({ call: 'get', n: 1, middle: true });
      expect(await (await vaultOn(world.objects)).keep(point, world.context())).toMatchObject({ kind: 'sealed' });
      const { points, unfinished } = await listed(trust);
      expect(points.map(({ readable }) => readable)).toEqual([true]);
      expect(unfinished).toEqual([]);
    },
  );

  const ports = (vault: CellVault): Ports =>
    ({
      restorePoints: { take: async () => granted({ ...point, verified: false }), verify: async () => granted(point) },
      vault,
    }) as unknown as Ports;
  const step = { kind: 'restore-point', store: 'main' } as const;

  test('makes the promotion wait where it is required, and only tells where it isn’t', async () => {
    await rename(world.vaultDir, `${world.vaultDir}.gone`);
    expect(await execute(step, world.context(), ports(await vaultOn(world.objects)))).toEqual({
      kind: 'waiting',
      reason: expect.stringMatching(/^the vault can't take restore point rp-\S+: folder .* isn't there/),
      untilMs: 15_000,
    });
    const told: string[] = [];
    const ctx = world.context({ log: (event) => told.push(event) });
    const optional = await vaultOn(world.objects, { required: false });
    expect(await execute(step, ctx, ports(optional))).toMatchObject({
      kind: 'done',
      result: { restorePoint: { id: ID } },
    });
    expect(told.at(-1)).toContain('not sealed');
    await rename(`${world.vaultDir}.gone`, world.vaultDir);
    expect(await execute(step, world.context(), ports(await vaultOn(world.objects)))).toMatchObject({ kind: 'done' });
  });

  test('in the middle of a fetch is an error, and leaves nothing behind', async () => {
    await world.vault.keep(point, world.context());
    const target = join(world.dir, 'target');
    const { store, ...rest } = await unsealing();
    for (const [n, middle] of [
      [1, false],
      [1, true],
      [4, true],
      [9, true],
    ] as const)
      await expect(
        fetchPoint({ ...rest, store: awayFrom(store, 'get', n, middle) }, [world.identity], target),
      ).rejects.toMatchObject({ kind: 'away' });
    expect(await readdir(target)).toEqual([]);
  });
});

describe('an agent that is killed', () => {
  /** Seals in a process of its own, and kills it a little after so many objects began. How many did. */
  async function killedAfter(objects: number): Promise<number> {
    const program = join(import.meta.dirname, 'testing', 'seal-slowly.ts');
    const child = spawn(process.execPath, [program, world.dir, world.recipient, ID, String(PART_BYTES)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const gone = once(child, 'exit');
    let begun = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      if (line === 'begins') begun += 1;
      if (begun === objects) child.kill('SIGKILL');
    }
    await gone;
    return begun;
  }

  test('with kill -9, at any object, leaves no restore point, and the next try leaves nothing of it', async () => {
    const own = await vaultOn(world.objects);
    const trust = { signers: await ownSigners(join(world.dir, 'own.pem')) };
    for (const objects of [1, 3, 9, 10]) {
      expect(await killedAfter(objects)).toBe(objects);
      const { points } = await listed(trust);
      // The manifest is one write: killed in it, it is there or it isn't.
      if (objects < 10) expect(points).toEqual([]);
    }
    expect(await own.keep(point, world.context())).toMatchObject({ kind: 'sealed' });
    const { points, unfinished } = await listed(trust);
    expect([points.map(({ readable }) => readable), unfinished]).toEqual([[true], []]);
    const left = async () =>
      (await readdir(world.vaultDir, { recursive: true })).filter((name) => name.endsWith('.unfinished'));
    expect((await left()).length).toBeGreaterThan(0);
    await world.objects.sweep('', Date.now() + 60_000, signal);
    expect(await left()).toEqual([]);
  });
});

describe('demands', () => {
  test('what the store doesn’t say of itself isn’t so, and the step waits', async () => {
    const vault = await vaultOn(world.objects, { demands: ['versioning', 'replication', 'another-device'] });
    const answer = await vault.keep(point, world.context());
    expect(answer).toMatchObject({ kind: 'waits' });
    expect(answer).toHaveProperty('why', expect.stringContaining('versioning is off'));
    expect(answer).toHaveProperty('why', expect.stringContaining('replication is unknown'));
    expect(answer).toHaveProperty('why', expect.stringContaining('another-device'));
    expect((await listed()).points).toEqual([]);
  });
});

test('a folder on another device is one that is there, and elsewhere', async () => {
  const vault = await vaultOn(world.objects, { demands: ['another-device'] });
  expect(await vault.keep(point, world.context())).toMatchObject({
    kind: 'waits',
    why: expect.stringContaining('same device'),
  });
  await rename(world.vaultDir, `${world.vaultDir}.gone`);
  expect(await vault.keep(point, world.context())).toMatchObject({
    kind: 'waits',
    why: expect.stringContaining("isn't there to be compared"),
  });
});

describe('keeping and sweeping', () => {
  test('what no rule keeps goes, the rollout’s own and the newest stay, and what was never sealed is swept after a day', async () => {
    const vault = await vaultOn(world.objects, { keep: { last: 1, days: 0, weeks: 0 } });
    const day = 86_400_000;
    const ids = [1, 2, 3].map((n) => `rp-2026010${n}t000000z-aaaaaa`);
    for (const [i, id] of ids.entries())
      await vault.keep(
        await world.lay(id, SKETCH, { takenAt: i * day, rollout: i === 1 ? 'r2' : `q${i}` }),
        world.context({ rollout: 'r2' }),
      );
    const left = `${pointPrefix({ ...OF, id: 'rp-20250101t000000z-dddddd' })}contents.age`;
    await world.objects.put(left, (async function* () {})(), signal);
    const fresh = `${pointPrefix({ ...OF, id: 'rp-20250102t000000z-dddddd' })}contents.age`;
    await world.objects.put(fresh, (async function* () {})(), signal);
    await utimes(join(world.vaultDir, left), new Date(0), new Date(0));
    const told: string[] = [];
    const last = await world.lay('rp-20260104t000000z-aaaaaa', SKETCH, { takenAt: 4 * day, rollout: 'r2' });
    await vault.keep(last, world.context({ rollout: 'r2', log: (event) => told.push(event) }));
    const keys: string[] = [];
    for await (const { key } of world.objects.list('', signal)) keys.push(key.split('/')[4]!);
    expect([...new Set(keys)].sort()).toEqual(['rp-20250102t000000z-dddddd', ids[1], 'rp-20260104t000000z-aaaaaa']);
    expect(told.join('\n')).toContain('rp-20250101t000000z-dddddd swept');
    expect(told.join('\n')).toContain(`${ids[2]} removed`);
  });
});

describe.skipIf(!root)('a full disk', () => {
  let small: string;
  beforeEach(async () => {
    small = join(world.dir, 'small');
    await mkdir(small);
    await run('/usr/bin/mount', ['-t', 'tmpfs', '-o', 'size=400k', 'tmpfs', small]);
  });
  afterEach(async () => {
    await run('/usr/bin/umount', [small]);
    await rm(small, { recursive: true, force: true });
  });

  test('of the vault makes the step wait, in words, and leaves nothing half there', async () => {
    const vault = await vaultOn(new FolderStore(small));
    expect(await vault.keep(point, world.context())).toMatchObject({
      kind: 'waits',
      why: expect.stringMatching(/has no room left \(ENOSPC\)/),
    });
    const { points, unfinished } = await listVault(new FolderStore(small), OF, world.trust, signal);
    expect(points).toEqual([]);
    expect(unfinished.map(({ id }) => id)).toEqual([ID]);
    const names = (await readdir(small, { recursive: true })).filter((name) => name.endsWith('.unfinished'));
    expect(names).toEqual([]);
  });

  test('of the target is told before anything is fetched, and also when it fills up on the way', async () => {
    await world.vault.keep(point, world.context());
    const whole = await unsealing();
    const answer = await fetchPoint(whole, [world.identity], small);
    expect(answer).toMatchObject({
      ok: false,
      code: 'transient',
      why: expect.stringMatching(/has room for \d+ bytes/),
    });
    // A manifest that says less than there is: the disk is what tells.
    const less = { ...whole, sealed: { ...whole.sealed, bytes: -16 * 1024 * 1024 } };
    expect(await fetchPoint(less, [world.identity], small)).toMatchObject({
      ok: false,
      code: 'transient',
      why: expect.stringContaining('has no room left (ENOSPC)'),
    });
    expect(await readdir(small)).toEqual([]);
    expect(await unseal(whole, [world.identity], undefined)).toMatchObject({ ok: true });
  });
});
