import { expect, test } from 'vitest';
import { parseOdooCellConfig } from '../odoo/odoo-cell-config.ts';
import { odooElsewhere } from './cell-elsewhere.ts';

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
