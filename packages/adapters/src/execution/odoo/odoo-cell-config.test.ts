import { describe, expect, it, test } from 'vitest';
import { serveCommand } from './command.ts';
import { type OdooCellConfigInput, parseOdooCellConfig } from './odoo-cell-config.ts';

const config = (
  tenants: readonly string[],
  serving?: 'shared' | 'dedicated',
  stores = tenants,
): OdooCellConfigInput => ({
  kind: 'odoo',
  cell: 'solo',
  environment: 'production',
  application: 'odoo',
  dir: '/cells/solo',
  odoo: { dir: '/odoo', dataDir: '/data', ...(serving && { serving }) },
  postgresql: { clusterDir: '/cluster', port: 5001, programsDir: '/programs' },
  slots: { blue: 5002, green: 5003 },
  stores: Object.fromEntries(stores.map((name) => [name, name])),
  tenants: Object.fromEntries(tenants.map((name) => [name, { store: name, ring: 'broad' }])),
  router: { listenPort: 5004, adminPort: 5005, tokenFile: '/token' },
});

describe('an Odoo cell', () => {
  it('is shared unless it says otherwise', () => {
    expect(parseOdooCellConfig(config(['acme', 'globex'])).odoo.serving).toBe('shared');
    expect(parseOdooCellConfig(config(['acme'], 'dedicated')).odoo.serving).toBe('dedicated');
  });

  test.each([
    ['two tenants', config(['acme', 'globex'], 'dedicated'), /tenants: a dedicated Odoo has exactly one, not 2/],
    ['no tenant', config([], 'dedicated'), /tenants: a dedicated Odoo has exactly one, not 0/],
    [
      'a store too many',
      config(['acme'], 'dedicated', ['acme', 'old']),
      /stores: a dedicated Odoo has exactly one, not 2/,
    ],
  ])('is refused as a dedicated one with %s', (_, input, why) => {
    expect(() => parseOdooCellConfig(input)).toThrow(why);
  });
});

describe('a tenant’s database', () => {
  const named = (serving: 'shared' | 'dedicated', tenant: string, database: string): OdooCellConfigInput => ({
    ...config([tenant], serving),
    stores: { [tenant]: database },
  });

  it('is named as its tenant where it is found by the host, and as one likes where there is one alone', () => {
    expect(parseOdooCellConfig(named('shared', 'acme', 'acme')).stores).toEqual({ acme: 'acme' });
    expect(parseOdooCellConfig(named('dedicated', 'acme', 'acme_prod')).stores).toEqual({ acme: 'acme_prod' });
    expect(() => parseOdooCellConfig(named('shared', 'acme', 'acme_prod'))).toThrow(
      /stores.acme: the database of the tenant acme is acme_prod; .*first label of its host, so it has to be named acme, or/,
    );
  });

  it('can’t be found by a host that Odoo reads otherwise', () => {
    expect(() => parseOdooCellConfig(named('shared', 'www', 'www'))).toThrow(/tenants.www: /);
  });
});

describe('what serves', () => {
  const command = (database: string | undefined) =>
    serveCommand({
      odoo: { dir: '/odoo', python: '/usr/bin/python3', dataDir: '/data', user: undefined, dataView: '/view' },
      addons: ['/addons'],
      httpPort: 5002,
      workers: 0,
      websocketPort: undefined,
      database,
    });

  it('knows one database alone where it is dedicated, and lists none either way', () => {
    expect(command('acme-1')).toEqual(
      expect.arrayContaining(['-d', 'acme-1', '--db-filter=^acme\\-1$', '--no-database-list']),
    );
    expect(command(undefined)).toEqual(expect.arrayContaining(['--db-filter=^%d$', '--no-database-list']));
    expect(command(undefined)).not.toContain('-d');
  });

  it('takes no list of databases for one', () => {
    expect(() => command('acme,globex')).toThrow(/plain name/);
  });
});

describe('the log of its PostgreSQL', () => {
  const logged = (clusterDir: string, more = {}): OdooCellConfigInput => ({
    ...config(['acme']),
    postgresql: {
      ...{ clusterDir, port: 5001, programsDir: '/programs' },
      pgbackrest: {
        ...{ stanza: 'erp', repository: { kind: 'folder', dir: '/mnt/erp' }, passphraseFile: '/secret', ...more },
      },
    },
  });

  it('goes nowhere unless it says so, and then a backup is taken each day', () => {
    expect(parseOdooCellConfig(config(['acme'])).postgresql.pgbackrest).toBeUndefined();
    expect(parseOdooCellConfig(logged('/cluster')).postgresql.pgbackrest).toMatchObject({
      ...{ backupEveryMs: 86_400_000, fullEveryMs: 7 * 86_400_000, keep: { full: 2 } },
    });
  });

  it('is refused where pgBackRest could not reach the server, or would speak without TLS', () => {
    expect(() => parseOdooCellConfig(logged(`/${'x'.repeat(90)}`))).toThrow(/postgresql.clusterDir: .*107 bytes/);
    const repository = { kind: 's3', endpoint: 'http://127.0.0.1:1', region: 'r', bucket: 'b' };
    const secrets = { accessKeyId: { file: '/a' }, secretAccessKey: { file: '/b' } };
    expect(() => parseOdooCellConfig(logged('/cluster', { repository: { ...repository, ...secrets } }))).toThrow(
      /https:/,
    );
  });
});
