import { expect, test } from 'vitest';
import { parseCellConfig } from '../cell-config.ts';
import { parseOdooCellConfig } from '../odoo/odoo-cell-config.ts';
import { cellElsewhere, odooElsewhere } from './cell-elsewhere.ts';

test('a cell of Odoo in another place reaches nothing of its own: no vault, no repository of its log, no folder, no port', async () => {
  const config = parseOdooCellConfig({
    kind: 'odoo',
    ...{ cell: 'erp', environment: 'production', application: 'odoo', dir: '/srv/erp' },
    odoo: { dir: '/opt/odoo', workers: 2, python: '/usr/bin/python3', dataDir: '/srv/erp-data' },
    postgresql: {
      ...{ clusterDir: '/srv/erp-pg', port: 5501, programsDir: '/usr/lib/postgresql/15/bin' },
      pgbackrest: { stanza: 'erp', repository: { kind: 'folder', dir: '/mnt/erp' }, passphraseFile: '/etc/erp.pass' },
    },
    slots: { blue: 5502, green: 5503 },
    websocketPorts: { blue: 5507, green: 5508 },
    stores: { ada: 'ada' },
    tenants: { ada: { store: 'ada', ring: 'all' } },
    router: { listenPort: 5504, adminPort: 5505, tokenFile: '/srv/erp-token' },
  });
  const { vault, postgresql, ...rest } = await odooElsewhere(config, '/var/lib/place');
  expect(vault).toBeUndefined();
  expect(postgresql.pgbackrest).toBeUndefined();
  const said = JSON.stringify([postgresql, rest]);
  expect(said).not.toMatch(/550\d/);
  expect(said.match(/"\/(srv|mnt|etc)\/[^"]*"/g)).toBeNull();
});

test('a store on somebody else’s server has another one in an exercise, and no standby', async () => {
  const config = parseCellConfig({
    ...{ cell: 'shared', environment: 'production', application: 'psa', dir: '/srv/cell' },
    slots: { blue: { web: 5501 }, green: { web: 5502 } },
    externalStores: {
      main: {
        ...{ url: { variable: 'SHOP_URL' }, adminUrl: { file: '/etc/admin-url' }, restorePointsDir: '/srv/points' },
        standbys: { near: { file: '/etc/near-url' } },
      },
    },
    tenants: { ada: { store: 'main', ring: 'all' } },
    router: { listenPort: 5503, adminPort: 5504, tokenFile: '/srv/token' },
  });
  const { externalStores } = await cellElsewhere(config, '/var/lib/place');
  expect(externalStores.main).toMatchObject({
    url: { file: '/var/lib/place/servers/main.url' },
    adminUrl: { file: '/var/lib/place/servers/main.admin-url' },
    ...{ standbys: {}, restorePointsDir: '/var/lib/place/restore-points/main' },
  });
  expect(JSON.stringify(externalStores)).not.toMatch(/SHOP_URL|\/etc\/|\/srv\//);
});
