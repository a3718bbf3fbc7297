import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** The workspace's packages that users run. The simulator and the testkit stay with those who change Headgate. */
export const SHIPPED = [
  'domain',
  'documents',
  'contract',
  'migrations',
  'control',
  'execution',
  'adapters',
  'server',
  'agent',
  'cli',
] as const;

/** Of these only what they are built into is shipped: nothing of them runs in Node. */
export const BUILT = ['web'] as const;

/** What users call, and the module that it starts. */
export const PROGRAMS: Readonly<Record<string, string>> = {
  headgate: '@headgate/cli/main',
  'headgate-server': '@headgate/server/main',
  'headgate-agent': '@headgate/agent/main',
};

type Versions = Readonly<Record<string, string>>;

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly description?: string;
  readonly license: string;
  readonly dependencies?: Versions;
  readonly optionalDependencies?: Versions;
}

/** A package.json below the repository's root. */
export function manifestIn(folder: string): Manifest {
  return JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8')) as Manifest;
}

/**
 * What the published package depends on: everybody else's packages, pinned as here, and ours, which it brings along. Two of
 * ours that pin one package differently can't be published as one. Node itself is the user's.
 */
export function dependencies(): { readonly theirs: Versions; readonly optional: Versions; readonly ours: Versions } {
  const theirs: Record<string, string> = {};
  const ours: Record<string, string> = {};
  for (const name of SHIPPED) {
    const manifest = manifestIn(`packages/${name}`);
    ours[manifest.name] = manifest.version;
    for (const [dependency, version] of Object.entries(manifest.dependencies ?? {})) {
      if (dependency.startsWith('@headgate/')) continue;
      if ((theirs[dependency] ?? version) !== version)
        throw new Error(`${dependency} is pinned to ${theirs[dependency]} and, in packages/${name}, to ${version}`);
      theirs[dependency] = version;
    }
  }
  for (const { name, version } of BUILT.map((each) => manifestIn(`packages/${each}`))) ours[name] = version;
  const optional = Object.entries(manifestIn('.').optionalDependencies ?? {}).filter(
    ([name]) => !name.startsWith('node-'),
  );
  return { theirs: sorted(theirs), optional: Object.fromEntries(optional), ours };
}

function sorted(versions: Versions): Versions {
  return Object.fromEntries(Object.entries(versions).sort(([a], [b]) => (a < b ? -1 : 1)));
}
