/** The same behind the real S3 API over TLS; and what a drill and a recovery bring back from there, and from nowhere else. */
import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { judgeDrill } from '@headgate/domain';
import { stepContext } from '@headgate/testkit/execution/step-context';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { withClient } from '../../postgres-cluster/database.ts';
import { drill } from '../drill/drill.ts';
import { FolderStore } from '../object-store/folder-store.ts';
import { type Swift, startSwift, swiftMissing } from '../object-store/testing/swift.ts';
import { type TlsInFront, tlsInFront } from '../object-store/testing/tls-in-front.ts';
import type { Moment } from '../recover/recover-aside.ts';
import { recoverBackup } from '../recover/recover-backup.ts';
import { PgBackRestConfig } from './pgbackrest-config.ts';
import { type BackedUpStore, backedUpStore, PASSPHRASE, pgbackrestMissing } from './testing/backed-up-store.ts';

const run = promisify(execFile);
const missing = (await pgbackrestMissing()) ?? (await swiftMissing());
const signal = new AbortController().signal;
const of = { environment: 'production', cell: 'shared', store: 'main' };

describe.skipIf(missing !== undefined)('pgBackRest behind the S3 API', () => {
  let swift: Swift;
  let tls: TlsInFront;
  let world: BackedUpStore;
  let id = '';
  beforeAll(async () => {
    swift = await startSwift();
    tls = await tlsInFront(swift.endpoint);
    const { port } = new URL(tls.endpoint);
    const bucket = await swift.bucket('points');
    world = await backedUpStore({
      ...{
        ...bucket,
        endpoint: `https://localhost:${port}`,
        authorityFile: tls.authorityFile,
        prefix: 'production/shop',
      },
    });
    await world.query('create table entry(n int primary key, note text); alter table entry owner to app');
    await world.query(`insert into entry select n, 'note ' || n from generate_series(1, 500) n`);
  }, 180_000);
  afterAll(async () => {
    await world?.real.remove();
    await tls?.stop();
    await swift?.stop();
  });
  const context = (n: number) => stepContext({ step: `s${n}`, idempotencyKey: `r1/s${n}`, fence: { epoch: 1, n } });
  const recover = (to: string, moment: Moment, more = {}) =>
    recoverBackup({ store: world.store, of, moment, to, deadlineMs: 300_000, signal, say: () => {}, ...more } as never);

  test('plain HTTP is refused, and what an argument or an environment shows holds no secret', async () => {
    const { pgbackrest } = world.store;
    const plain = { ...pgbackrest, repository: { ...pgbackrest.repository, endpoint: swift.endpoint } };
    expect(PgBackRestConfig.safeParse(plain).error?.message).toContain('pgBackRest speaks nothing else');
    let seen = '';
    const taking = world.points.take('main', context(1));
    let over = false;
    void taking.finally(() => {
      over = true;
    });
    // As often as it doesn't take the processor from the backup, which lets all others go first.
    const look = async () => {
      seen += (await run('ps', ['axeww', '-o', 'args'])).stdout;
    };
    while (!over) await Promise.all([look(), pause(200)]);
    const taken = await taking;
    if (!taken.ok) throw new Error(taken.why);
    id = taken.value.id;
    expect(seen).toContain('--stanza=main');
    for (const secret of [PASSPHRASE, swift.secretAccessKey]) expect(seen.includes(`=${secret}`)).toBe(false);
    expect(tls.requests()).toBeGreaterThan(10);
    expect(await world.points.verify('main', id, signal)).toMatchObject({ ok: true, value: { verified: true } });
  }, 180_000);

  test('a drill brings back what was promised, compares every row, and leaves nothing', async () => {
    const workDir = join(world.real.dir, 'work');
    await mkdir(workDir);
    await chmod(workDir, 0o755);
    await world.query(`insert into entry values (1000, 'later')`);
    const facts = await drill({
      ...{
        from: of,
        of: { form: 'backup', store: world.store },
        vault: new FolderStore(workDir),
        trust: { signers: [] },
      },
      ...{ identities: [], workDir, deadlineMs: 300_000, signal, now: Date.now, say: () => {} },
    });
    expect(facts).toMatchObject({
      point: { id, form: 'physical', major: 15 },
      census: { tables: 1, rows: 500, differences: [], unsettled: [] },
    });
    expect(facts.ended).toBeUndefined();
    expect(judgeDrill(facts).because).toEqual([]);
    expect(await readdir(workDir)).toEqual([]);
  }, 180_000);

  test('a store comes back beside itself to a moment, from the repository and its passphrase alone', async () => {
    await world.query(`insert into entry values (1001, 'last')`);
    const [{ at } = { at: 0 }] = await world.query(
      `select (extract(epoch from clock_timestamp()) * 1000)::bigint::text as at, pg_sleep(0.05)`,
    );
    await world.query(`delete from entry`);
    await world.query('checkpoint');
    const second = await world.points.take('main', context(2));
    expect(second).toMatchObject({ ok: true });
    const to = join(world.real.dir, 'recovered');
    const back = await recover(to, { kind: 'time', at: Number(at) });
    if (!back.ok) throw new Error(back.why);
    try {
      expect(back.value.point).toBe(id);
      const rows = await withClient(
        await back.value.cluster.connection('app'),
        async (client) => (await client.query('select count(*)::int as n, max(n) as last from entry')).rows,
      );
      expect(rows).toEqual([{ n: 502, last: 1001 }]);
    } finally {
      await back.value.cluster.stop(0);
      await rm(to, { recursive: true });
    }
    const beyond = await recover(to, { kind: 'time', at: Date.now() + 3_600_000 });
    expect(beyond).toMatchObject({ ok: false, why: expect.stringContaining('ends before that moment') });
    // What was refused leaves nothing.
    expect(await readdir(to).catch(() => [])).toEqual([]);
    const others = await recover(to, { kind: 'latest' }, { of: { ...of, store: 'other' } });
    expect(others).toMatchObject({ ok: false, why: expect.stringContaining('is another store’s') });
    expect(await readdir(to).catch(() => [])).toEqual([]);
    const before = await recover(to, { kind: 'time', at: 1_000 });
    expect(before).toMatchObject({ ok: false, why: expect.stringContaining('nothing before it can be brought back') });
  }, 240_000);
});
