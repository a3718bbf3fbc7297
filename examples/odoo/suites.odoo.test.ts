/** What every adapter of these kinds holds, held by Odoo's against the real one. */
import { createHash } from 'node:crypto';
import { appendFile, mkdir, open, readdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { filestoreDir, findStore, OdooMigrator, OdooRestorePoints } from '@headgate/adapters/execution/odoo/index';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import type { Digest } from '@headgate/domain';
import { afterAll, describe } from 'vitest';
import { migratorSuite, once } from '../../packages/testkit/src/execution/migrator-suite.ts';
import { restorePointsSuite } from '../../packages/testkit/src/execution/restore-points-suite.ts';
import { odooMissing } from './testing/required.ts';
import { stand } from './testing/stand.ts';
import { upgradeOf } from './testing/upgrades.ts';

const missing = await odooMissing();
const POINTS = 'points';

describe.skipIf(missing)('Odoo', () => {
  const at = once(() => stand(['acme', POINTS]));
  afterAll(async () => (await at()).remove());

  migratorSuite('its own upgrade', async () => {
    const { stores, door } = await at();
    const second = await upgradeOf({ from: 1, to: 2 }, { from: '19.0.1.0.1', to: '19.0.2.0.0' }, '19.0.2');
    const third = await upgradeOf({ from: 2, to: 3 }, { from: '19.0.2.0.0', to: '19.0.3.0.0' }, '19.0.3');
    const blobs = new Map<Digest, Uint8Array>([...second.blobs, ...third.blobs]);
    const until = performance.now() + 300_000;
    return {
      migrator: new OdooMigrator(stores, door),
      store: 'acme',
      up: [second.text, third.text],
      down: undefined,
      begins: 1,
      context: {
        remainingMs: () => until - performance.now(),
        async blob(digest) {
          const bytes = blobs.get(digest);
          if (!bytes) throw new Error(`this test gives no ${digest}`);
          return bytes;
        },
      },
    };
  });

  restorePointsSuite('database and filestore of a tenant', async () => {
    const { stores, door } = await at();
    const store = findStore(stores, POINTS);
    const query = async (sql: string, values: unknown[] = []) =>
      withClient(await stores.cluster.connection(POINTS), async (client) => (await client.query(sql, values)).rows);
    const fileOf = (mark: string): string => {
      const digest = createHash('sha1').update(mark).digest('hex');
      return join(filestoreDir(stores, store), digest.slice(0, 2), digest);
    };
    const folder = (id: string): string => join(stores.dir, POINTS, 'restore-points', id);
    return {
      restorePoints: new OdooRestorePoints(stores, door),
      store: POINTS,
      // In both halves, so that one without the other shows.
      async write(mark) {
        await query('create table if not exists public.mark(id serial primary key, name text)');
        await query('alter table public.mark owner to odoo');
        await query('insert into public.mark(name) values ($1)', [mark]);
        await mkdir(dirname(fileOf(mark)), { recursive: true });
        await writeFile(fileOf(mark), mark);
      },
      async marks() {
        const rows = await query('select name as mark from public.mark order by id');
        const there = await Promise.all(rows.map(({ mark }) => stat(fileOf(mark)).catch(() => undefined)));
        return rows.map(({ mark }, i) => (there[i] ? mark : `${mark} without its file`));
      },
      async spoil(id) {
        const [name] = (await readdir(join(folder(id), 'dump'))).filter((each) => each.endsWith('.dat.gz'));
        const file = await open(join(folder(id), 'dump', name!), 'r+');
        await file.write(Buffer.from('x'), 0, 1, 20);
        await file.close();
      },
      async spoilManifest(id) {
        await appendFile(join(folder(id), 'manifest.json'), ' ');
      },
    };
  });
});
