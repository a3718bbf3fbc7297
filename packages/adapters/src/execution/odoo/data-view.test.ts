import { mkdir, mkdtemp, readdir, readlink, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { prepareDataView } from './data-view.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-view-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

test('Odoo gets its filestores and sessions, and no modules that lie beside them', async () => {
  const dataDir = join(dir, 'data');
  await mkdir(join(dataDir, 'addons', '19.0', 'headgate_ps'), { recursive: true });
  const odoo = { dir, python: '/usr/bin/python3', dataDir, dataView: join(dir, 'own', 'view'), user: undefined };
  await prepareDataView(odoo);
  await prepareDataView(odoo);
  expect((await readdir(odoo.dataView)).sort()).toEqual(['addons', 'filestore', 'sessions']);
  expect(await readdir(join(odoo.dataView, 'addons'))).toEqual([]);
  expect((await stat(join(odoo.dataView, 'addons'))).mode & 0o222).toBe(0);
  expect(await readlink(join(odoo.dataView, 'filestore'))).toBe(join(dataDir, 'filestore'));
  const moved = { ...odoo, dataDir: join(dir, 'elsewhere') };
  await prepareDataView(moved);
  expect(await readlink(join(odoo.dataView, 'sessions'))).toBe(join(dir, 'elsewhere', 'sessions'));
});
