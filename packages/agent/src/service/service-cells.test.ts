import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CellConfigInput } from '@headgate/adapters/execution/cell-config';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadService, writeServiceCells } from './service-cells.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-service-cells-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const service = async (env: string) => {
  const file = join(dir, 'headgate.yaml');
  await writeFile(
    file,
    `apiVersion: headgate/v1
kind: Service
metadata: {name: shop, owner: team-shop}
spec:
  run: [node, server.mjs]
  files: [server.mjs]
  health: /healthz
  environments:
    - {name: live, env: {KIND: ${env}}, database: {url: {variable: SHOP_URL}, adminUrl: {variable: SHOP_ADMIN_URL}}}
`,
  );
  return loadService(file);
};

test('what a person added to a cell’s file stays when the agent is enrolled again, and what the service says is renewed', async () => {
  const cells = join(dir, 'cells');
  const written = async (env: string) => {
    const [file] = await writeServiceCells(await service(env), ['live'], cells);
    return { file: file!, cell: JSON.parse(await readFile(file!, 'utf8')) as CellConfigInput };
  };
  const { file, cell } = await written('old');
  expect(cell).toMatchObject({ router: { tenantBy: { one: 'shop' } }, tenants: { shop: { ring: 'all' } } });
  const [store] = Object.keys(cell.externalStores!);
  const own = {
    vault: {
      store: { kind: 'folder', dir: '/mnt/elsewhere' },
      recipients: ['age1qqqqqqqqqqqq'],
      keyFile: '/var/lib/key.pem',
    },
    drainMs: 30_000,
    tenants: { shop: { store, ring: 'canary' }, other: { store, ring: 'broad' } },
  };
  await writeFile(file, JSON.stringify({ ...cell, ...own, router: { ...cell.router, tenantBy: 'path' } }));
  const again = (await written('new')).cell;
  expect(again).toEqual({ ...cell, ...own, env: { KIND: 'new' }, router: { ...cell.router, tenantBy: 'path' } });
  expect((await written('new')).cell).toEqual(again);
});
