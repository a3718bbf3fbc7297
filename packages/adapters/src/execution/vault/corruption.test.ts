/**
 * What somebody, or a disk, may do to a restore point in a vault: each is refused by the name of what is wrong, and where the
 * restore point was to appear, nothing changes. Which bytes and parts are hit is decided by a seed (HEADGATE_VAULT_SEED).
 */
import { copyFile, mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generateSigningKey, type PointIdentity, signingKey } from '@headgate/documents';
import { readWhole } from '@headgate/testkit/execution/object-store-suite';
import { generateX25519Identity } from 'age-encryption';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { fetchPoint } from './fetch-point.ts';
import { openSealed } from './open-sealed.ts';
import { contentOf, type SealedWorld, SKETCH, sealedWorld, seeded } from './testing/sealed-world.ts';
import { checkParts } from './unseal-point.ts';
import { ownSigner } from './vault-key.ts';
import { partKey, pointPrefix, SEALED } from './vault-keys.ts';

const SEED = Number(process.env.HEADGATE_VAULT_SEED ?? 1);
const ID = 'rp-20260101t000000z-aaaaaa';
const OLDER = 'rp-20251231t000000z-bbbbbb';
const FORGED = 'rp-20260102t000000z-cccccc';
const signal = new AbortController().signal;

let world: SealedWorld;
let stranger: string;
/** The vault as it was sealed. */
let whole: ReadonlyMap<string, Buffer>;
let target: string;
let before: string;

beforeAll(async () => {
  world = await sealedWorld();
  stranger = await generateX25519Identity();
  for (const id of [OLDER, ID]) {
    const point = await world.lay(id, id === ID ? SKETCH : { ...SKETCH, 'data/base/1/1259': 131_000 });
    expect(await world.vault.keep(point, world.context())).toMatchObject({ kind: 'sealed' });
  }
  const second = await world.lay(FORGED, SKETCH, { store: 'second' });
  expect(await world.vault.keep(second, world.context())).toMatchObject({ kind: 'sealed' });
  whole = await contents();
  target = join(world.dir, 'target');
  await mkdir(target);
  await writeFile(join(target, 'already'), 'here');
  before = await snapshot();
});
afterAll(() => world?.remove());

beforeEach(async () => {
  // Only this one is ever harmed.
  const prefix = pointPrefix(world.identityOf(ID));
  await rm(join(world.vaultDir, prefix), { recursive: true, force: true });
  await mkdir(join(world.vaultDir, prefix));
  for (const [key, bytes] of whole) if (key.startsWith(prefix)) await writeFile(join(world.vaultDir, key), bytes);
});

async function contents(): Promise<Map<string, Buffer>> {
  const all = new Map<string, Buffer>();
  for await (const { key } of world.objects.list('', signal))
    all.set(key, (await readWhole(await world.objects.get(key, signal)))!);
  return all;
}

async function snapshot(): Promise<string> {
  const names = (await readdir(target, { recursive: true })).sort();
  return JSON.stringify(await Promise.all(names.map(async (name) => [name, (await stat(join(target, name))).size])));
}

/** Fetches it as the command does; why not, or where it is. */
async function fetched(
  point: PointIdentity = world.identityOf(ID),
  trust = world.trust,
  identity = world.identity,
): Promise<{ readonly refused: string } | { readonly dir: string }> {
  const opened = await openSealed(world.objects, point, trust, signal);
  if (!opened.ok) return { refused: opened.why };
  const { sealed, manifest } = opened;
  const answer = await fetchPoint({ store: world.objects, point, sealed, manifest, signal }, [identity], target);
  return answer.ok ? answer.value : { refused: answer.why };
}

/** The same without a secret. */
async function verified(point: PointIdentity = world.identityOf(ID)): Promise<string | undefined> {
  const opened = await openSealed(world.objects, point, world.trust, signal);
  if (!opened.ok) return opened.why;
  const { sealed, manifest } = opened;
  const answer = await checkParts({ store: world.objects, point, sealed, manifest, signal });
  return answer.ok ? undefined : answer.why;
}

const file = (name: string, id = ID, store = 'main'): string =>
  join(
    world.vaultDir,
    name === SEALED
      ? `${pointPrefix(world.identityOf(id, store))}${SEALED}`
      : partKey(world.identityOf(id, store), name),
  );

/** The names of its parts, as they lie there. */
const NAMES = [
  'contents',
  ...[1, 2, 3, 4, 5].map((n) => `database-0000${n}`),
  ...[1, 2, 3].map((n) => `files-0000${n}`),
];
const PARTS = NAMES.filter((name) => name !== 'contents');

interface Harm {
  readonly what: string;
  /** Does it, and returns the part that has to be named. */
  do(random: (below: number) => number): Promise<string>;
}

async function flip(name: string, random: (below: number) => number): Promise<string> {
  const bytes = await readFile(file(name));
  bytes[random(bytes.length)]! ^= 1 << random(8);
  await writeFile(file(name), bytes);
  return name;
}

async function swap(a: string, b: string): Promise<void> {
  const [one, other] = [await readFile(file(a)), await readFile(file(b))];
  await writeFile(file(a), other);
  await writeFile(file(b), one);
}

const HARMS: readonly Harm[] = [
  { what: 'a flipped bit in a part', do: (random) => flip(NAMES[random(NAMES.length)]!, random) },
  { what: 'a flipped bit in the manifest', do: (random) => flip(SEALED, random) },
  {
    what: 'a truncated part',
    async do(random) {
      const name = NAMES[random(NAMES.length)]!;
      await truncate(file(name), random((await stat(file(name))).size));
      return name;
    },
  },
  {
    what: 'a truncated manifest',
    async do(random) {
      // Without its line's end it is still whole.
      await truncate(file(SEALED), random((await stat(file(SEALED))).size - 1));
      return SEALED;
    },
  },
  {
    what: 'a part that goes on',
    async do(random) {
      const name = NAMES[random(NAMES.length)]!;
      await writeFile(file(name), Buffer.concat([await readFile(file(name)), Buffer.alloc(1 + random(100_000), 7)]));
      return name;
    },
  },
  {
    what: 'a missing part',
    async do(random) {
      const name = NAMES[random(NAMES.length)]!;
      await rm(file(name));
      return name;
    },
  },
  {
    what: 'a missing manifest',
    async do() {
      await rm(file(SEALED));
      return SEALED;
    },
  },
  {
    what: 'two parts of one size that changed places',
    async do(random) {
      const all = await Promise.all(PARTS.map(async (name) => ({ name, size: (await stat(file(name))).size })));
      const alike = all.filter(({ size }) => all.filter((other) => other.size === size).length > 1);
      const a = alike[random(alike.length)]!;
      const others = alike.filter(({ name, size }) => name !== a.name && size === a.size);
      const b = others[random(others.length)]!;
      await swap(a.name, b.name);
      return [a.name, b.name].sort()[0]!;
    },
  },
  {
    what: 'parts in another order',
    async do(random) {
      const by = 1 + random(PARTS.length - 1);
      const bytes = await Promise.all(PARTS.map((name) => readFile(file(name))));
      await Promise.all(PARTS.map((name, i) => writeFile(file(name), bytes[(i + by) % PARTS.length]!)));
      return '';
    },
  },
  {
    what: 'a part of an older restore point',
    async do(random) {
      // The first one of each kind holds the same bytes before encryption.
      const name = PARTS[random(PARTS.length)]!;
      await copyFile(file(name, OLDER), file(name));
      return name;
    },
  },
  {
    what: 'the contents of an older restore point',
    async do() {
      await copyFile(file('contents', OLDER), file('contents'));
      return 'contents';
    },
  },
  {
    what: 'a part that anybody encrypted for the same recipient',
    async do(random) {
      const name = NAMES[random(NAMES.length)]!;
      const { encrypt } = await import('./age-stream.ts');
      const content = async function* () {
        yield Buffer.alloc(90_000 + random(10_000), random(256));
      };
      await writeFile(file(name), (await readWhole(encrypt(content(), [world.recipient])))!);
      return name;
    },
  },
  {
    what: 'the manifest of another store',
    async do() {
      await copyFile(file(SEALED, FORGED, 'second'), file(SEALED));
      return SEALED;
    },
  },
  {
    what: 'an older manifest under the newer name',
    async do() {
      await copyFile(file(SEALED, OLDER), file(SEALED));
      return SEALED;
    },
  },
  {
    what: 'an older restore point, all of it, under the newer name',
    async do() {
      for (const name of [SEALED, ...NAMES]) await copyFile(file(name, OLDER), file(name));
      return SEALED;
    },
  },
  {
    what: 'a manifest whose parts are in another order',
    async do(random) {
      const bundle = JSON.parse(await readFile(file(SEALED), 'utf8'));
      const statement = JSON.parse(Buffer.from(bundle.dsseEnvelope.payload, 'base64').toString('utf8'));
      const { parts } = statement.predicate;
      parts.push(...parts.splice(0, 1 + random(parts.length - 1)));
      bundle.dsseEnvelope.payload = Buffer.from(JSON.stringify(statement)).toString('base64');
      await writeFile(file(SEALED), JSON.stringify(bundle));
      return SEALED;
    },
  },
];

/** As many as are asked for, of every kind in turn. */
const CASES = Array.from({ length: 112 }, (_, i) => ({ n: i, harm: HARMS[i % HARMS.length]! }));

test.each(CASES)(
  '$n: $harm.what is refused, by the name of what is wrong, before anything changes',
  async ({ n, harm }) => {
    const part = await harm.do(seeded(SEED * 1_000 + n));
    const answer = await fetched();
    expect(answer).toHaveProperty('refused');
    const { refused } = answer as { refused: string };
    expect(refused).toContain(ID);
    expect(refused).toContain(part);
    expect(await snapshot()).toBe(before);
    // Without the secret it is found, too.
    const found = await verified();
    expect(found).toContain(part);
  },
);

test('with the wrong identity it is refused, by name, before anything changes', async () => {
  expect(await fetched(undefined, undefined, stranger)).toEqual({
    refused: expect.stringMatching(
      /^the part contents of rp-20260101t000000z-aaaaaa can't be decrypted: no identity matched/,
    ),
  });
  expect(await snapshot()).toBe(before);
});

test('what a key signed that isn’t trusted, or not for this, is refused', async () => {
  const other = signingKey(generateSigningKey().privateKeyPem);
  expect(await fetched(undefined, { signers: [ownSigner(other)] })).toEqual({
    refused: expect.stringMatching(/^sealed\.json of rp-20260101t000000z-aaaaaa: the key .* is not in the trust file$/),
  });
  const [own] = world.trust.signers;
  expect(await fetched(undefined, { signers: [{ ...own!, may: ['evidence', 'release'] }] })).toEqual({
    refused: expect.stringContaining('not restore-point'),
  });
  expect(await snapshot()).toBe(before);
});

test('a restore point of another cell or environment is not this one', async () => {
  const elsewhere = { ...world.identityOf(ID), cell: 'dedicated' };
  await mkdir(join(world.vaultDir, pointPrefix(elsewhere)), { recursive: true });
  for (const name of [`${SEALED}`, ...NAMES.map((each) => `${each}.age`)])
    await copyFile(
      join(world.vaultDir, pointPrefix(world.identityOf(ID)), name),
      join(world.vaultDir, pointPrefix(elsewhere), name),
    );
  expect(await fetched(elsewhere)).toEqual({
    refused: expect.stringContaining('it is of the cell shared, not of dedicated'),
  });
});

test('and what nobody harmed is right, and comes back to the byte', async () => {
  expect(await verified()).toBeUndefined();
  const answer = (await fetched()) as { dir: string };
  expect(answer).toEqual({ dir: join(target, ID) });
  for (const [path, size] of Object.entries(SKETCH))
    expect((await readFile(join(answer.dir, path))).equals(contentOf(path, size))).toBe(true);
  expect(await readFile(join(answer.dir, 'manifest.json'), 'utf8')).toBe(
    await readFile(join(world.pointsDir, ID, 'manifest.json'), 'utf8'),
  );
  expect(await fetched()).toEqual({ refused: expect.stringContaining('is there already') });
});
