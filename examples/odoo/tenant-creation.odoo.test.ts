import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTenant, filestoreDir, installedModules, storeVersion } from '@headgate/adapters/execution/odoo/index';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TEMPLATE } from './bring-up/template.ts';
import type { CreationJob } from './testing/create-tenant.ts';
import { odooMissing } from './testing/required.ts';
import { filesBelow, type Stand, stand } from './testing/stand.ts';

const missing = await odooMissing();

describe.skipIf(missing)('a tenant made out of a template', () => {
  let at: Stand;
  beforeAll(async () => {
    at = await stand(['acme']);
  });
  afterAll(() => at?.remove());

  const storeOf = (name: string) => ({ name, database: name });
  const create = (name: string) => createTenant(at.stores, at.door, { store: storeOf(name), template: TEMPLATE });
  const query = async (database: string, sql: string, values: unknown[] = []) =>
    withClient(await at.stores.cluster.connection(database), async (client) => (await client.query(sql, values)).rows);
  const databases = async (name: string) =>
    (await query('postgres', 'select datname from pg_database where datname like $1 order by 1', [`${name}%`])).map(
      ({ datname }) => datname as string,
    );
  const identity = (database: string) =>
    query(
      database,
      `select key, value from ir_config_parameter where key in ('database.uuid', 'database.secret') order by 1`,
    );
  const filesOf = async (name: string) => [...(await filesBelow(filestoreDir(at.stores, storeOf(name))))];
  const folders = async (name: string) =>
    (await readdir(join(at.stores.odoo.dataDir, 'filestore'))).filter((each) => each.startsWith(name));

  /** The tenant is whole: database, files, identity, a door that is closed, and nothing left of how it was made. */
  const whole = async (name: string) => {
    expect(await databases(name)).toEqual([name]);
    expect(await folders(name)).toEqual([name]);
    expect(await readdir(join(at.stores.dir, name))).toEqual([]);
    expect((await filesOf(name)).length).toBeGreaterThan(5);
    expect(await filesOf(name)).toEqual(await filesOf(TEMPLATE.database));
    expect(await at.door.admitted(storeOf(name))).toEqual([]);
    expect(await query('headgate', 'select * from headgate.login')).toEqual([]);
    const owner = await query(
      'postgres',
      'select pg_get_userbyid(datdba) as owner from pg_database where datname = $1',
      [name],
    );
    expect(owner).toEqual([{ owner: 'odoo' }]);
  };

  test('has its data and files, an identity of its own, and no key or password of anybody else', async () => {
    await query(
      TEMPLATE.database,
      `insert into res_users_apikeys(name, user_id, scope, key, index) values ('left', 2, 'rpc', 'x', '12345678')`,
    );
    await query(TEMPLATE.database, `update res_users set password = 'hash' where id = 2`);
    expect(await create('fresh')).toEqual({ ok: true, value: 'made' });
    await whole('fresh');
    expect((await installedModules(at.stores, 'fresh')).get('headgate_ps')?.version).toBe('19.0.1.0.1');
    expect(await storeVersion(at.stores, storeOf('fresh'))).toEqual({ kind: 'at', version: 1 });
    const [mine, theirs] = [await identity('fresh'), await identity(TEMPLATE.database)];
    expect(mine.map(({ key }) => key)).toEqual(['database.secret', 'database.uuid']);
    for (const { value } of mine) expect(theirs.map((each) => each.value)).not.toContain(value);
    expect(await query('fresh', 'select 1 from res_users_apikeys')).toEqual([]);
    expect(await query('fresh', 'select 1 from res_users where password is not null')).toEqual([]);
    expect(await query('fresh', 'select count(*)::int as n from project_project')).toEqual(
      await query(TEMPLATE.database, 'select count(*)::int as n from project_project'),
    );
  });

  test('is made once, and not over what is there', async () => {
    const before = await identity('fresh');
    expect(await create('fresh')).toEqual({ ok: true, value: 'there' });
    expect(await identity('fresh')).toEqual(before);
    await mkdir(join(at.stores.odoo.dataDir, 'filestore', 'kept'));
    expect(await create('kept')).toMatchObject({
      ok: false,
      code: 'rejected',
      why: expect.stringContaining('move it away'),
    });
    expect(await databases('kept')).toEqual([]);
    const nowhere = { store: storeOf('none'), template: storeOf('nothing') };
    expect(await createTenant(at.stores, at.door, nowhere)).toMatchObject({
      ok: false,
      why: 'there is no database nothing to copy from',
    });
  });

  test('leaves nothing behind when what makes it this tenant’s fails', async () => {
    const fill = () => Promise.reject(new Error('no such company'));
    const failing = createTenant(at.stores, at.door, { store: storeOf('failing'), template: TEMPLATE, fill });
    await expect(failing).rejects.toThrow('no such company');
    expect(await databases('failing')).toEqual([]);
    expect(await folders('failing')).toEqual([]);
    expect(await create('failing')).toEqual({ ok: true, value: 'made' });
    await whole('failing');
  });

  /** The moments at which somebody really was killed before the last word. */
  const halfWay = new Set<string>();
  const appears = (path: string) => () =>
    stat(path).then(
      () => true,
      () => false,
    );
  test.each([
    ['its note was written', (name: string) => appears(join(at.stores.dir, name, 'creation.json'))],
    ['its database is being copied', (name: string) => async () => (await databases(name)).length > 0],
    ['its login was made', () => async () => (await query('headgate', 'select * from headgate.login')).length > 0],
    [
      'its files are being copied',
      (name: string) => appears(join(at.stores.odoo.dataDir, 'filestore', `${name}.making`)),
    ],
    ['its files have their name', (name: string) => appears(join(at.stores.odoo.dataDir, 'filestore', name))],
  ])('is whole or not there after a kill -9 when %s, and whole after the next call', async (moment, when) => {
    const name = `killed${moment.length}`;
    const { cluster, byName: _, ...stores } = at.stores;
    const job: CreationJob = { stores, cluster: cluster.config, programs: cluster.programs, tenant: name };
    const file = join(at.dir, `${name}.json`);
    await writeFile(file, JSON.stringify(job), { mode: 0o600 });
    const program = fileURLToPath(new URL('testing/create-tenant.ts', import.meta.url));
    const child = spawn(process.execPath, [program, file], { stdio: 'inherit' });
    const ended = once(child, 'exit');
    const seen = when(name);
    while (child.exitCode === null && !(await seen()));
    child.kill('SIGKILL');
    await ended;
    if (!(await databases(name)).includes(name)) halfWay.add(moment);
    if ((await databases(name)).includes(name)) await expect.poll(() => folders(name)).toEqual([name]);
    // PostgreSQL may still be copying for the one that was killed; its lock ends with it.
    await expect.poll(async () => (await create(name)).ok, { timeout: 60_000, interval: 200 }).toBe(true);
    await whole(name);
  });

  test('was killed half-way at most of these moments', () => {
    expect(halfWay.size).toBeGreaterThanOrEqual(3);
  });
});
