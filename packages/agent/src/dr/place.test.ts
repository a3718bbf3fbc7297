import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseCellConfig } from '@headgate/adapters/execution/cell-config';
import { parseOdooCellConfig } from '@headgate/adapters/execution/odoo/odoo-cell-config';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { inTheWay, type RebuildRecord } from './place.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-place-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const target = () =>
  parseCellConfig({
    ...{ cell: 'shared', environment: 'production', application: 'psa', dir: join(dir, 'new', 'cell') },
    slots: { blue: { web: 1 }, green: { web: 2 } },
    stores: {
      main: {
        ...{
          clusterDir: join(dir, 'new', 'main'),
          port: 5,
          database: 'app',
          user: 'app',
          passwordFile: join(dir, 'p'),
        },
        ...{ archiveDir: join(dir, 'new', 'archive'), restorePointsDir: join(dir, 'new', 'points') },
        files: [{ name: 'attachments', dir: join(dir, 'new', 'attachments') }],
      },
    },
    tenants: { ada: { store: 'main', ring: 'internal' } },
    router: { listenPort: 3, adminPort: 4, tokenFile: join(dir, 'token') },
  });
const needing = (bytes: number) => ({
  stores: [
    {
      name: 'main',
      point: {
        ...{ id: 'rp-1', takenAt: 0, manifest: `sha256:${'a'.repeat(64)}` as const, schemaVersion: 0, major: 15 },
        ...{ bytes, promisesRows: true },
      },
    },
  ],
});
const why = async (bytes: number, record?: RebuildRecord) =>
  (await inTheWay(target(), needing(bytes), record)).map((each) => `${each.where}: ${each.why}`);

test('an empty place is none that anything stands in, and looking leaves nothing there', async () => {
  expect(await why(1)).toEqual([]);
  expect(await readdir(dir)).toEqual([]);
});

test('a disk without room is named with what is needed', async () => {
  expect(await why(2 ** 60)).toEqual([
    expect.stringMatching(/^stores\.main\.clusterDir: .*new has room for \d+ bytes, \d+ are needed$/),
  ]);
});

test('what lies in a folder of the cell’s, or of a store’s, is in the way; what an earlier attempt wrote down isn’t', async () => {
  for (const name of ['cell', 'main', 'archive', 'attachments']) {
    await mkdir(join(dir, 'new', name), { recursive: true });
    await writeFile(join(dir, 'new', name, 'x'), '');
  }
  expect(await why(1)).toEqual([
    expect.stringMatching(/^dir: .*cell isn’t empty/),
    expect.stringMatching(/^stores\.main\.clusterDir: /),
    expect.stringMatching(/^stores\.main\.archiveDir: /),
    expect.stringMatching(/^stores\.main\.files\.attachments: /),
  ]);
  const record = { plan: 'sha256:x', by: 'usr_ann', because: 'fire', startedAt: 0 };
  expect(await why(1, { ...record, done: { 'store/main': { at: 1, point: 'rp-1' } } })).toEqual([]);
  expect(await why(1, { ...record, done: {} })).toHaveLength(3);
});

test('of a cell of Odoo, its PostgreSQL and each tenant’s filestore have to be empty, until they were about to be made', async () => {
  const at = (...path: string[]): string => join(dir, 'new', ...path);
  const erp = parseOdooCellConfig({
    ...{ kind: 'odoo', cell: 'erp', environment: 'production', application: 'odoo', dir: at('cell') },
    odoo: { dir: '/odoo', dataDir: at('data') },
    postgresql: { clusterDir: at('postgresql'), port: 5, programsDir: '/pg' },
    ...{ slots: { blue: 1, green: 2 }, stores: { main: 'ada' }, tenants: { ada: { store: 'main', ring: 'internal' } } },
    router: { listenPort: 3, adminPort: 4, tokenFile: at('token') },
  });
  const found = async (record?: RebuildRecord): Promise<readonly string[]> =>
    (await inTheWay(erp, needing(1), record)).map(({ where }) => where);
  expect(await found()).toEqual([]);
  expect(await readdir(dir)).toEqual([]);
  for (const taken of [at('postgresql'), at('data', 'filestore', 'ada')]) {
    await mkdir(taken, { recursive: true });
    await writeFile(join(taken, 'theirs'), '');
  }
  expect(await found()).toEqual(['postgresql.clusterDir', 'stores.main']);
  const record = { plan: 'p', by: 'ann', because: 'x', startedAt: 0 };
  expect(await found({ ...record, done: { server: { at: 1 } } })).toEqual(['stores.main']);
  expect(await found({ ...record, done: { server: { at: 1 }, 'store/main': { at: 2 } } })).toEqual([]);
  const much = await inTheWay(erp, needing(2 ** 60), { ...record, done: { server: { at: 1 } } });
  expect(much.map(({ why: each }) => each)).toContainEqual(expect.stringMatching(/has room for/));
});
