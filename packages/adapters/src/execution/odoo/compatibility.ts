import type { InstalledModule } from './installed-modules.ts';
import type { Addons, ModuleManifest } from './module-manifest.ts';
import type { UpgradeDocument } from './upgrade-document.ts';

/**
 * What stands against upgrading a tenant, found before anything is touched, in words for who administers Odoo; empty:
 * nothing does. Odoo itself loads on without a module whose dependency is missing, and ends with success.
 */
export function incompatibilities(
  upgrade: UpgradeDocument,
  addons: Addons,
  installed: ReadonlyMap<string, InstalledModule>,
): readonly string[] {
  const own = new Map(addons.own.map((manifest) => [manifest.name, manifest]));
  return [
    ...upgrade.modules.flatMap((module) => ofUpgraded(module, own.get(module.name), addons, installed)),
    ...addons.own.flatMap((manifest) => ofManifest(manifest, addons)),
    ...addons.inDataDir
      .filter((name) => addons.available.has(name))
      .map((name) => `Odoo's data folder has a module ${name} of its own in addons/${addons.series}; take it away`),
    ...[...installed.keys()]
      .filter((name) => !addons.available.has(name))
      .map((name) => `the module ${name} is installed in this database and isn't in the release's addons path`),
  ];
}

function ofUpgraded(
  { name, from, to }: UpgradeDocument['modules'][number],
  manifest: ModuleManifest | undefined,
  { series }: Addons,
  installed: ReadonlyMap<string, InstalledModule>,
): string[] {
  const found = installed.get(name);
  const wrong: string[] = [];
  if (!manifest) wrong.push(`the module ${name} isn't in the release's addons path`);
  else if (manifest.wrong === undefined) {
    const version = fullVersion(manifest.version, series);
    if (version !== to)
      wrong.push(`the module ${name} of the release is version ${version ?? manifest.version}, not ${to}`);
  }
  if (!found) wrong.push(`the module ${name} isn't installed in this database`);
  else if (found.version !== from && found.version !== to)
    wrong.push(`the module ${name} of this database is at ${found.version}; the upgrade goes from ${from} to ${to}`);
  return wrong;
}

function ofManifest(manifest: ModuleManifest, { series, available }: Addons): string[] {
  const { name, version, depends, installable, missing, wrong } = manifest;
  if (wrong !== undefined) return [`the manifest of the module ${name} can't be read: ${wrong}`];
  return [
    ...(fullVersion(version, series) === undefined
      ? [
          `the module ${name} has the version ${version}; Odoo ${series} takes x.y, x.y.z, ${series}.x.y or ${series}.x.y.z`,
        ]
      : []),
    ...(installable ? [] : [`the module ${name} says that it can't be installed`]),
    ...depends
      .filter((each) => !available.has(each))
      .map((each) => `the module ${name} needs the module ${each}, which isn't in the addons path`),
    ...missing.map((each) => `the module ${name} needs ${each}, which this machine doesn't have`),
  ];
}

/** A version as Odoo stores it: two or three numbers after its series. `undefined`: Odoo doesn't take it. */
export function fullVersion(version: string, series: string): string | undefined {
  if (!/^\d+(\.\d+){1,4}$/.test(version)) return undefined;
  const parts = version.split('.').length;
  if (version.startsWith(`${series}.`)) return parts >= 4 ? version : undefined;
  return parts <= 3 && !version.startsWith(series) ? `${series}.${version}` : undefined;
}
