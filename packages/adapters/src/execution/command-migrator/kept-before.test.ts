/** What an application's own program takes away on its way back is kept before: by a real program, on a real cluster. */
import { chmod, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MigrationRef, Outcome } from '@headgate/domain';
import { execute, type Ports } from '@headgate/execution';
import { MemoryCell } from '@headgate/testkit/execution/memory-cell';
import { digestFor, manifestOf, stepContext } from '@headgate/testkit/execution/step-context';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { freePort } from '../../machine/free-port.ts';
import { withClient } from '../../postgres-cluster/database.ts';
import type { BackedStore } from '../restore-points/backed-store.ts';
import { PhysicalRestorePoints } from '../restore-points/physical-restore-points.ts';
import { restoreAside } from '../restore-points/recovery.ts';
import { ownersConnection } from '../store/store-session.ts';
import { type RealStore, realStore } from '../testing/real-store.ts';
import { CommandMigrations } from './command-config.ts';
import { CommandMigrator } from './command-migrator.ts';
import { erpProgram } from './testing/erp-program.ts';

const NEW = digestFor('1.1.0');
let real: RealStore;
let backed: BackedStore;
let ports: Ports;
let flag: string;
let n = 10;
const lines: string[] = [];

const document = (words: readonly string[], from: string | null, to: string): string =>
  JSON.stringify({ apiVersion: 'headgate/v1', kind: 'CommandMigration', arguments: words, from, to });
const files = new Map<string, string>();
function fileOf(name: string, text: string) {
  files.set(digestFor(text), text);
  return { name, digest: digestFor(text), size: text.length };
}
const ref = (from: number, name: string, text: string): MigrationRef => ({
  ...{ id: `m${from + 1}`, from, to: from + 1, phase: 'expand', file: fileOf(name, text) },
});

const UP = ref(1, '2.up.yaml', document(['to', 'two'], 'one', 'two'));
let DOWN: MigrationRef;

beforeAll(async () => {
  real = await realStore();
  const { user } = real.store.cluster.programs;
  const { program } = await erpProgram(real.dir, user);
  flag = join(real.dir, 'interrupted');
  await chmod(real.dir, 0o755);
  DOWN = ref(1, '2.down.yaml', document(['purge', 'one', flag], 'two', 'one'));
  const migrations = CommandMigrations.parse({
    kind: 'command',
    program: ['${node}', ...program.slice(1)],
    databaseEnv: { url: 'DATABASE_URL' },
    versionQuery: 'select name from erp_version order by n desc limit 1',
  });
  const migrator = new CommandMigrator(new Map([['main', { ...real.store, migrations }]]), {
    ...{ dir: join(real.dir, 'commands'), user, node: program[0]! },
  });
  backed = {
    ...real.store,
    archiveDir: real.archiveDir,
    restorePointsDir: join(real.dir, 'restore-points'),
    files: [],
    keep: 1,
  };
  const cell = new MemoryCell();
  const { target, traffic, operations, checks, ledgerSides, tenancy } = cell;
  ports = {
    ...{ tenancy, target, traffic, operations, checks, ledgerSides, migrator },
    restorePoints: new PhysicalRestorePoints(new Map([['main', backed]])),
  } as Ports;
  const first = ref(0, '1.up.yaml', document(['to', 'one'], null, 'one'));
  await migrator.up('main', first, files.get(first.file.digest)!, context('first'));
});
afterAll(() => real?.remove());

const query = async (sql: string) =>
  (await withClient(await ownersConnection(real.store), (client) => client.query(sql))).rows;
function context(step: string, more = {}) {
  const { file, ...rest } = UP;
  return stepContext({
    ...{ rollout: 'prm.shared', step, idempotencyKey: `prm.shared/${step}`, fence: { epoch: 7, n: ++n }, release: NEW },
    manifest: async () => manifestOf('1.1.0', { migrations: [{ ...rest, up: file, undo: 'down' }] }),
    blob: async (digest: string) => Buffer.from(files.get(digest)!),
    log: (line: string) => void lines.push(line),
    ...more,
  });
}
const back = (step: string, more = {}): Promise<Outcome> =>
  execute({ kind: 'unmigrate', store: 'main', from: 2, to: 1, migrations: [DOWN] }, context(step, more), ports);
const kept = async () => (await ports.restorePoints.list('main')).kept.map(({ point, rollout }) => [point.id, rollout]);
const idOf = (outcome: Outcome): string | undefined =>
  outcome.kind === 'waiting' ? undefined : outcome.result?.keptBefore?.id;

beforeEach(async () => {
  for (const name of await readdir(backed.restorePointsDir).catch(() => []))
    await rm(join(backed.restorePointsDir, name), { recursive: true });
  await rm(flag, { force: true });
  lines.length = 0;
  await execute({ kind: 'migrate', store: 'main', from: 1, to: 2, migrations: [UP] }, context(`up-${n}`), ports);
  await query('delete from invoice; insert into invoice values (1, 10), (2, 20.50)');
});

test('all of the store is kept before its program takes anything away, and said with the outcome and in the log', async () => {
  const outcome = await back('undo.w1.migrate.main');
  expect(outcome).toMatchObject({
    kind: 'done',
    result: { schemaVersion: 1, keptBefore: { store: 'main', verified: true } },
  });
  expect(await query('select * from invoice')).toEqual([]);
  const id = idOf(outcome)!;
  expect(lines).toContain(
    `store main: what the program takes away is kept in restore point ${id}, until a person lets it go`,
  );
  const point = join(backed.restorePointsDir, id);
  const aside = await restoreAside(backed, point, { kind: 'restore-point' }, join(real.dir, 'aside'), await freePort());
  try {
    const was = await withClient(await aside.connection('app'), (client) =>
      client.query('select * from invoice order by 1'),
    );
    expect(was.rows).toEqual([
      { id: 1, total: '10.00' },
      { id: 2, total: '20.50' },
    ]);
  } finally {
    await aside.stop(0);
  }
});

test('it outlives every retention, and takes nobody’s place', async () => {
  const id = idOf(await back('undo.w1.migrate.main'));
  for (const step of ['s1', 's2', 's3']) {
    const taken = await execute(
      { kind: 'restore-point', store: 'main' },
      context(step, { rollout: `prm-${step}.shared` }),
      ports,
    );
    expect(taken).toMatchObject({ kind: 'done' });
  }
  const all = await kept();
  expect(all.map(([, rollout]) => rollout)).toEqual(['prm-s3.shared', 'way-back/prm.shared/undo.w1.migrate.main']);
  expect(all.map(([each]) => each)).toContain(id);
});

test('tried again after it was interrupted, the first one is it: what is there by then is half way', async () => {
  await writeFile(flag, '');
  const failed = await back('undo.w1.migrate.main');
  expect(failed).toMatchObject({ kind: 'failed', result: { keptBefore: { verified: true } } });
  expect(await query('select * from invoice')).toEqual([]);
  await rm(flag);
  // However long after: it isn't by its age that it is known.
  const again = await back('undo.w1.migrate.main');
  expect(again).toMatchObject({ kind: 'done' });
  expect(idOf(again)).toBe(idOf(failed));
  expect(await kept()).toHaveLength(1);
});

test('nothing is taken away where it can’t be kept, can’t be read back, or the vault waits', async () => {
  const untouched = async () => {
    expect(await query('select count(*)::int as n from invoice')).toEqual([{ n: 2 }]);
    expect(await ports.migrator.version('main')).toBe(2);
  };
  const { restorePoints } = ports;
  const full = { ...bound(restorePoints), take: async () => ({ ok: false, code: 'transient', why: 'no room' }) };
  expect(await execute(unmigrate(), context('a'), { ...ports, restorePoints: full } as Ports)).toMatchObject({
    ...{ kind: 'failed', code: 'transient', why: 'no room' },
  });
  await untouched();
  const vault = { required: true, keep: async () => ({ kind: 'waits', why: 'the vault is full' }) };
  expect(await execute(unmigrate(), context('b'), { ...ports, vault } as unknown as Ports)).toMatchObject({
    ...{ kind: 'waiting', reason: 'the vault is full' },
  });
  await untouched();
  const [[id] = []] = await kept();
  await writeFile(join(backed.restorePointsDir, String(id), 'data', 'PG_VERSION'), '16\n');
  expect(await back('b')).toMatchObject({ kind: 'failed', code: 'check-failed' });
  await untouched();
  await writeFile(join(backed.restorePointsDir, String(id), 'manifest.json'), '{}');
  expect(await back('b')).toMatchObject({
    kind: 'failed',
    why: expect.stringContaining('can’t be read'.replace('’', "'")),
  });
  await untouched();
});

test('where nothing is to be taken back, nothing is kept', async () => {
  await back('undo.w1.migrate.main');
  const before = await kept();
  expect(await back('undo.w2.migrate.main')).toMatchObject({ kind: 'done', result: { schemaVersion: 1 } });
  expect(await kept()).toEqual(before);
});

function unmigrate() {
  return { kind: 'unmigrate', store: 'main', from: 2, to: 1, migrations: [DOWN] } as const;
}

function bound(points: Ports['restorePoints']): Ports['restorePoints'] {
  return {
    take: (...args) => points.take(...args),
    verify: (...args) => points.verify(...args),
    list: (...args) => points.list(...args),
    restore: (...args) => points.restore(...args),
  };
}
