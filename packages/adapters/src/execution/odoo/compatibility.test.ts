import { expect, test } from 'vitest';
import { fullVersion, incompatibilities } from './compatibility.ts';
import type { Addons, ModuleManifest } from './module-manifest.ts';
import type { UpgradeDocument } from './upgrade-document.ts';

test.each([
  ['1.0', '19.0.1.0'],
  ['2.0.1', '19.0.2.0.1'],
  ['19.0.2.0', '19.0.2.0'],
  ['19.0.2.0.0', '19.0.2.0.0'],
  ['19.0', undefined],
  ['19.0.2', undefined],
  ['18.0.1.0.0', undefined],
  ['1', undefined],
  ['1.0a', undefined],
  ['19.0.1.2.3.4', undefined],
])('the version %s is stored as %s', (version, stored) => {
  expect(fullVersion(version, '19.0')).toBe(stored);
});

const manifest = (more: Partial<ModuleManifest> = {}): ModuleManifest => ({
  name: 'ps',
  version: '19.0.2.0.0',
  depends: ['base'],
  installable: true,
  missing: [],
  ...more,
});
const addons = (own: ModuleManifest[]): Addons => ({
  series: '19.0',
  own,
  available: new Set(['base', ...own.map(({ name }) => name)]),
  inDataDir: [],
});
const installed = new Map(
  [
    ['base', '19.0.1.3'],
    ['ps', '19.0.1.0.0'],
  ].map(([name, version]) => [name!, { name: name!, state: 'installed', version: version! }]),
);
const upgrade: UpgradeDocument = {
  apiVersion: 'headgate/v1',
  kind: 'OdooUpgrade',
  modules: [{ name: 'ps', from: '19.0.1.0.0', to: '19.0.2.0.0' }],
  addons: [],
};

test('nothing stands against an upgrade whose modules, versions and dependencies fit', () => {
  expect(incompatibilities(upgrade, addons([manifest()]), installed)).toEqual([]);
});

test.each<[string, ModuleManifest[], RegExp]>([
  ['a missing dependency', [manifest({ depends: ['base', 'nowhere'] })], /needs the module nowhere/],
  ['a missing library', [manifest({ missing: ['the Python library x'] })], /needs the Python library x/],
  ['another version than the release says', [manifest({ version: '19.0.3.0.0' })], /is version 19\.0\.3\.0\.0, not/],
  ['a version of another series', [manifest({ version: '18.0.1.0.0' })], /has the version 18\.0\.1\.0\.0/],
  ['a module that is not there', [manifest({ name: 'other' })], /the module ps isn't in the release's addons path/],
  ['a manifest that cannot be read', [manifest({ wrong: 'SyntaxError' })], /can't be read: SyntaxError/],
])('%s is named before anything is touched', (_, own, why) => {
  expect(incompatibilities(upgrade, addons(own), installed).join('; ')).toMatch(why);
});

test('a database that is at neither version, or has a module that the release lacks, is named', () => {
  const drifted = new Map(installed)
    .set('ps', { name: 'ps', state: 'installed', version: '19.0.1.5.0' })
    .set('customers_own', { name: 'customers_own', state: 'installed', version: '19.0.1.0' });
  const why = incompatibilities(upgrade, addons([manifest()]), drifted).join('; ');
  expect(why).toContain('of this database is at 19.0.1.5.0');
  expect(why).toContain("customers_own is installed in this database and isn't in the release's addons path");
});

test('a module in the data folder that is called like one of the release, or of Odoo, is named, and another is not', () => {
  const why = incompatibilities(upgrade, { ...addons([manifest()]), inDataDir: ['ps', 'base', 'other'] }, installed);
  expect(why).toEqual([
    "Odoo's data folder has a module ps of its own in addons/19.0; take it away",
    "Odoo's data folder has a module base of its own in addons/19.0; take it away",
  ]);
});
