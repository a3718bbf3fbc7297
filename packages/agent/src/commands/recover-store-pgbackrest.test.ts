/** `headgate-agent recover-store …` of a store whose restore points are a real pgBackRest's, in a real S3 store. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openObjectStore } from '@headgate/adapters/execution/object-store/open-object-store';
import { type Swift, startSwift, swiftMissing } from '@headgate/adapters/execution/object-store/testing/swift';
import { type TlsInFront, tlsInFront } from '@headgate/adapters/execution/object-store/testing/tls-in-front';
import { pgbackrestMissing } from '@headgate/adapters/execution/pgbackrest/testing/backed-up-store';
import { beforeRollout } from '@headgate/adapters/execution/restore-points/mark';
import type { ObjectStore } from '@headgate/execution';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { LostCell } from '../dr/testing/lost-cell.ts';
import { type PlacedCell, placedCell } from '../recover-store/testing/placed-cell.ts';
import { typed } from '../testing/typed.ts';
import { untoldFacts } from '../testing/untold-facts.ts';
import { backup } from './backup.ts';
import { dr } from './dr.ts';
import { restorePoints } from './restore-points.ts';

vi.setConfig({ testTimeout: 600_000 });
const missing = (await pgbackrestMissing()) ?? (await swiftMissing());
const signal = new AbortController().signal;

describe.skipIf(missing !== undefined)('a store with pgBackRest, put back in its place', () => {
  let swift: Swift;
  let tls: TlsInFront;
  let world: PlacedCell;
  let cell: LostCell;
  let repository: ObjectStore;
  /** After it was put back, and before any of its new course came to the repository. */
  let between = '';
  /** What stood before the promotion. */
  let beforeIt: Record<string, unknown>[];
  /** On the course that was left, and what stood there then. */
  let left: { readonly at: string; readonly rows: Record<string, unknown>[] };
  beforeAll(async () => {
    swift = await startSwift();
    tls = await tlsInFront(swift.endpoint);
    const own = await swift.bucket('backups');
    const { port } = new URL(tls.endpoint);
    const over = { endpoint: `https://localhost:${port}`, authorityFile: tls.authorityFile };
    world = await placedCell({ repository: { ...own, ...over, prefix: 'production/main' } });
    cell = world.cell;
    repository = await openObjectStore(own);
  }, 600_000);
  afterAll(async () => {
    await world?.remove();
    await tls?.stop();
    await swift?.stop();
  });

  const keys = async (like: RegExp): Promise<readonly string[]> => {
    const found: string[] = [];
    for await (const { key } of repository.list('', signal)) if (like.test(key)) found.push(key);
    return found.sort();
  };
  const serves = async (): Promise<readonly number[]> => [await world.answers('ada'), await world.answers('bob')];
  const proposedWell = async (name: string, ...moment: string[]) => {
    const proposal = await world.proposed(name, ...moment);
    expect({ code: proposal.code, err: proposal.code === 0 ? '' : proposal.err }).toEqual({ code: 0, err: '' });
    return proposal;
  };
  const applied = async (name: string, yes: string, ...more: string[]) =>
    world.asked('apply', world.proposalFile(name), '--as', 'usr_run', '--approval', yes, ...more);
  /** An object is gone while somebody looks. */
  const without = async (key: string, look: () => Promise<void>): Promise<void> => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of (await repository.get(key, signal))!) chunks.push(chunk);
    await repository.delete(key, signal);
    try {
      await look();
    } finally {
      const again = async function* () {
        yield Buffer.concat(chunks);
      };
      await repository.put(key, again(), signal);
    }
  };

  test('a piece of its log that is missing isn’t taken for its end; nothing is touched', async () => {
    await cell.query('main', `insert into entry values (4000, 'in a piece')`);
    await cell.ship();
    await cell.query('main', `insert into entry values (4001, 'in the next one')`);
    const moment = await world.now();
    await cell.ship();
    const before = await world.rows();
    const pieces = await keys(/\/[0-9A-F]{24}-[0-9a-f]{40}/);
    await without(pieces.at(-2)!, async () => {
      expect(await world.proposed('gap', '--at', moment)).toMatchObject({
        code: 1,
        err: expect.stringMatching(/a piece of it is missing/),
      });
    });
    expect(await world.rows()).toEqual(before);
    expect(await serves()).toEqual([200, 200]);
    // With it: nobody wrote between the moment and the log's end.
    const { out } = await proposedWell('whole', '--at', moment);
    expect(out).toMatch(/No table differs/);
    await cell.query('main', 'delete from entry where n in (4000, 4001)');
  });

  test('it is back to the transaction, killed at each stage on the way', async () => {
    await cell.query('main', `insert into entry values (5000, 'kept')`);
    const then = await world.rows();
    const moment = await world.now();
    const [first] = await cell.query('main', `insert into entry values (5001, 'secret') returning xmin::text as xid`);
    await cell.query('main', `update entry set note = 'wrong' where n = 1; delete from entry where n = 2`);
    left = { at: await world.now(), rows: await world.rows() };
    // Nothing of this was brought to the repository by anybody: the proposal sees to that itself.
    const { out, file, to } = await proposedWell('first', '--at', moment);
    expect(out).toMatch(/public\.entry: 3,001 → 3,001 rows\n {2}2 rows lost or otherwise, 2 rows back/);
    expect(out).toMatch(new RegExp(`first transaction lost {4}${first?.xid}, 20`));
    expect(out).toMatch(/then {8}from rp-\S+, timeline 2, in /);

    const yes = await world.approve(file, 'usr_approver');
    const before = await world.rows();
    for (const [words, afterMs] of [
      ['are held', 0],
      ['is compared', 0],
      ['A restore point of what stands', 0],
      ['The store is replaced', 0],
      ['The store is replaced', 300],
      ['The store is replaced', 700],
      ['It is checked', 0],
    ] as const) {
      await world.killedAt(words, file, yes, afterMs);
      await cell.started('main');
      expect([before, then], `after ${words}`).toContainEqual(await world.rows());
      expect(words === 'are held' ? [200, 503] : [503], `after ${words}`).toContain(await world.answers('ada'));
    }
    const done = await applied('first', yes, '--verification', world.at('kept', 'here.json'));
    expect(done, done.err).toMatchObject({
      code: 0,
      out: expect.stringMatching(/is back in its place at 20.*2 rows of before are gone, 2 came back/),
    });
    expect(await world.rows()).toEqual(then);
    expect(await serves()).toEqual([200, 200]);
    const kept = /the folder (\S+)\. Remove/.exec(done.out)?.[1];
    expect((await stat(join(kept!, 'PG_VERSION'))).isFile()).toBe(true);
    expect((await untoldFacts(cell.dataDir)).at(-1)).toMatchObject({
      ...{ kind: 'in-place', rows: { back: 2, away: 2, changed: 0 }, result: 'done' },
    });
    await expect(stat(join(to, 'cluster'))).rejects.toThrow(/ENOENT/);
    // The new course is known there at once: whoever goes to the end of the log goes along it.
    expect(await keys(/\/00000002\.history$/)).toHaveLength(1);
    between = await world.now();
  });

  test('its log goes on along the new course, also where the newest backup is of the one that was left', async () => {
    await cell.query('main', `insert into entry values (7000, 'after')`);
    await cell.ship();
    const listed = () => typed(restorePoints, ['list', '--config', cell.agentFile, '--store', 'main']);
    expect(await listed()).toMatchObject({ code: 0, out: expect.stringMatching(/its WAL lies there up to 20/) });
    const backups = await keys(/backup\.manifest$/);
    const { out } = await proposedWell('end');
    expect(out).toMatch(/No table differs: no row would be lost\./);
    expect(out).toMatch(/now .* timeline 2, [\s\S]*timeline 3, in /);
    expect((await typed(backup, ['network', '--config', cell.agentFile])).code).toBe(0);
    const plan = await typed(dr, ['plan', '--config', cell.agentFile, '--release', cell.releaseDir]);
    expect(plan.out, plan.err).toContain(/from (rp-\S+), timeline 3/.exec(out)![1]);

    await cell.seal();
    expect((await keys(/backup\.manifest$/)).length).toBeGreaterThan(backups.length);
    expect(await listed()).toMatchObject({ code: 0, out: expect.not.stringMatching(/NOT RIGHT|goes on from none/) });
  });

  test('a moment of the course that was left comes back as it was then, and one that may be of either is refused', async () => {
    expect(await world.proposed('neither', '--at', between)).toMatchObject({
      code: 1,
      err: expect.stringMatching(/brought back in place about then[\s\S]*a moment until 20.* from 20/),
    });
    const { out, file } = await proposedWell('left', '--at', left.at);
    expect(out).toMatch(/3 rows of now lost, 2 rows of then back/);
    const done = await applied('left', await world.approve(file, 'usr_approver'));
    expect(done, done.err).toMatchObject({ code: 0 });
    expect(await world.rows()).toEqual(left.rows);
    expect(await serves()).toEqual([200, 200]);
  });

  test('just before a promotion’s first write; what isn’t right there is taken back', async () => {
    await cell.seal('prm_9.shared');
    beforeIt = await world.rows();
    await cell.query('main', `select pg_create_restore_point('${beforeRollout('prm_9.shared')}')`);
    await cell.query(
      'main',
      `insert into headgate.migration(version, id, digest, applied_by) values (2, 'm2', 'sha256:x', 'test')`,
    );
    await cell.query('main', `alter table entry add column more text; insert into entry values (8000, 'new', 'more')`);
    const { out, file } = await proposedWell('before', '--before', 'prm_9');
    expect(out).toMatch(/1 row lost or otherwise, 0 rows back\n {2}goes away with all that is in it: more/);
    expect(out).toMatch(/schema {20}2 now, 0 then/);
    const yes = await world.approve(file, 'usr_approver');
    const stood = await world.rows();
    const back = await applied('before', yes, '--verification', cell.verificationFile);
    expect(back, back.err).toMatchObject({
      code: 1,
      out: expect.stringMatching(/It was NOT put back: works, tenant ada, works\/ask[\s\S]*stands again, from rp-/),
    });
    expect(await world.rows()).toEqual(stood);
    expect(await serves()).toEqual([200, 200]);
  });

  test('after that it is put back all the same, on a course of its own: no two pieces of its log have one name', async () => {
    await cell.query('main', `insert into entry values (8001, 'after', 'more')`);
    await proposedWell('again', '--before', 'prm_9');
    const done = await applied('again', await world.approve(world.proposalFile('again'), 'usr_approver'));
    expect(done, done.err).toMatchObject({ code: 0, out: expect.stringMatching(/Its schema is 0 now, and was 2/) });
    expect(await world.rows()).toEqual(beforeIt);
    await cell.query('main', `insert into entry values (8002, 'on')`);
    await cell.ship();
    const names = (await keys(/\/[0-9A-F]{8}\.history$/)).map((key) => /([0-9A-F]{8})\.history$/.exec(key)![1]);
    expect(names).toEqual([...new Set(names)]);
    expect(names.length).toBeGreaterThanOrEqual(5);
  });
});
