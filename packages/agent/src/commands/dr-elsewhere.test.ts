/** `headgate-agent dr …` of a cell whose vault is in S3, and of whose stores one has pgBackRest there: exercised, lost, and rebuilt. */
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findTools } from '@headgate/adapters/execution/external-store/postgres-tools';
import { openObjectStore } from '@headgate/adapters/execution/object-store/open-object-store';
import { type Swift, startSwift, swiftMissing } from '@headgate/adapters/execution/object-store/testing/swift';
import { type TlsInFront, tlsInFront } from '@headgate/adapters/execution/object-store/testing/tls-in-front';
import { pgbackrestMissing } from '@headgate/adapters/execution/pgbackrest/testing/backed-up-store';
import type { ObjectStore } from '@headgate/execution';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type LostCell, lostCell } from '../dr/testing/lost-cell.ts';
import { typed } from '../testing/typed.ts';
import { backup } from './backup.ts';
import { dr } from './dr.ts';

vi.setConfig({ testTimeout: 600_000 });
const SUM = `select count(*)::int as n, md5(string_agg(e::text, '|' order by n)) as sum from entry e`;
const STANDS = ['--as', 'usr_ann', '--because', 'the disk died'];
const signal = new AbortController().signal;
const missing = (await pgbackrestMissing()) ?? (await swiftMissing());
const checks = (await findTools(15, undefined)) !== undefined;

describe.skipIf(missing !== undefined || !checks)('a cell whose copies lie in S3', () => {
  let swift: Swift;
  let tls: TlsInFront;
  let cell: LostCell;
  let objects: { readonly vault: ObjectStore; readonly repository: ObjectStore };
  let before: Record<string, unknown>[];
  beforeAll(async () => {
    swift = await startSwift();
    tls = await tlsInFront(swift.endpoint);
    const [vault, own] = [await swift.bucket('vault'), await swift.bucket('backups')];
    const { port } = new URL(tls.endpoint);
    const endpoint = `https://localhost:${port}`;
    const repository = { ...own, endpoint, authorityFile: tls.authorityFile, prefix: 'production/main' };
    cell = await lostCell({ vault, repository });
    objects = { vault: await openObjectStore(vault), repository: await openObjectStore(own) };
    await cell.seal();
    const taken = await typed(backup, ['network', '--config', cell.agentFile]);
    if (taken.code !== 0) throw new Error(taken.err);
    await cell.query('main', `insert into entry values (5000, 'after the restore point')`);
    await cell.query('platform', `insert into entry values (5000, 'after the restore point')`);
    await cell.ship();
    before = await sums();
  }, 600_000);
  afterAll(async () => {
    await cell?.remove();
    await tls?.stop();
    await swift?.stop();
  });

  const sums = async (): Promise<Record<string, unknown>[]> => [
    ...(await cell.query('main', SUM)),
    ...(await cell.query('platform', SUM)),
  ];
  const asked = (name: string, ...args: string[]) =>
    typed(dr, [name, '--config', cell.agentFile, '--release', cell.releaseDir, ...args], /correct horse|payment-key/);
  const keys = async (store: ObjectStore, like: RegExp): Promise<readonly string[]> => {
    const found: string[] = [];
    for await (const { key } of store.list('', signal)) if (like.test(key)) found.push(key);
    return found.sort();
  };
  /** An object is gone while somebody looks. */
  const without = async (store: ObjectStore, key: string, look: () => Promise<void>): Promise<void> => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of (await store.get(key, signal))!) chunks.push(chunk);
    await store.delete(key, signal);
    try {
      await look();
    } finally {
      const bytes = Buffer.concat(chunks);
      const again = async function* () {
        yield bytes;
      };
      await store.put(key, again(), signal);
    }
  };
  const refused = async (words: RegExp): Promise<void> =>
    expect(await asked('plan')).toMatchObject({ code: 1, err: expect.stringMatching(words) });

  test('the plan has both stores, with what their logs reach, and the runbook names the repository and no identity for it', async () => {
    const { code, out } = await asked('plan');
    expect(code).toBe(0);
    expect(out).toMatch(/store\/main\n.*\n.*recovery came to the end of the log, in [0-9A-F]{24} or later; pg_amcheck/);
    expect(out).toMatch(/main: rp-\S+ of .*, its log up to 20.*would be lost/);
    const written = (await asked('runbook')).out;
    expect(written).toMatch(/withdraw its credentials for vault and pgBackRest’s repository in bucket backups/);
    expect(written).toMatch(/headgate-agent recover --config \S+ --store main --cell shared --id \S+ --to/);
  });

  test('a passphrase that isn’t there, another one, a segment or a part that is gone: each is refused by its name', async () => {
    const passphrase = join(cell.dir, 'kept', 'passphrase');
    await rename(passphrase, `${passphrase}.aside`);
    try {
      await refused(/store main: \S+passphrase isn’t there: without it nothing in the repository can be read/);
      await writeFile(passphrase, 'quite another passphrase\n', { mode: 0o600 });
      await refused(/store main: .*the passphrase is another one/);
    } finally {
      await rename(`${passphrase}.aside`, passphrase);
    }
    const segment = (await keys(objects.repository, /archive\/main\/15-1\/.*\/[0-9A-F]{24}-/)).at(-2)!;
    await without(objects.repository, segment, () =>
      refused(/store main: the WAL segment [0-9A-F]{24} isn't in pgBackRest/),
    );
    const part = (await keys(objects.vault, /^points\/production\/shared\/platform\/.*database-/))[0]!;
    await without(objects.vault, part, () => refused(/store platform: the part database-\d+ of rp-.* isn't in/));
    expect((await asked('plan')).code).toBe(0);
  });

  test('an exercise brings both back, compares every row that was promised, and leaves its statement in the bucket', async () => {
    const ran = await asked('exercise', '--verification', cell.verificationFile);
    expect(ran.out).toMatch(
      /main from rp-\S+: 3000 rows in 1 table compared; \d+ segments of its log, to its end; pg_amcheck found nothing/,
    );
    expect(ran.out).toMatch(
      /platform from rp-\S+: 3000 rows in 1 table compared; .*to its end; pg_amcheck found nothing/,
    );
    expect(ran).toMatchObject({ code: 0, out: expect.stringMatching(/RTO: .*\n.*RPO: .*\nIt went well\.\n$/) });
    expect(await keys(objects.vault, /^exercises\/production\/shared\/last\.json$/)).toHaveLength(1);
    expect(await sums()).toEqual(before);
    expect((await asked('plan')).out).toMatch(/when it was last exercised:/);
  });

  test('a cell that is lost stands again from both buckets, the passphrase and the identity, and its log goes on there', async () => {
    await cell.lose();
    const planned = (await asked('plan')).out;
    expect(planned).toMatch(
      /main: rp-.*, its log up to [0-9A-F]{24}, of a moment that isn’t known here; at most the last/,
    );
    const ran = await asked('rebuild', ...STANDS);
    expect(ran.err).toMatch(/main: it is brought back from \d{8}-\d{6}F, with its log to the end/);
    expect(ran).toMatchObject({ code: 0, out: expect.stringContaining('stands again, by usr_ann') });
    expect(await sums()).toEqual(before);
    const answer = await fetch(`http://127.0.0.1:${cell.config.router.listenPort}/t/ada/work`);
    expect(await answer.json()).toMatchObject({ state: 'done' });
    await cell.query('main', `insert into entry values (6000, 'since')`);
    await cell.ship();
    expect((await asked('plan')).code).toBe(0);
  });

  test('with the object store away nobody knows what there is, and that is said', async () => {
    await swift.pause();
    try {
      expect(await asked('plan')).toMatchObject({ code: 3 });
    } finally {
      await swift.resume();
    }
  });
});
