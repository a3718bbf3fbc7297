import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { digestOf } from '@headgate/documents/digest';
import type { ArtifactFile, Digest, Migration, ReleaseManifest } from '@headgate/domain';

/** The versions of our module, as folders in the repository. */
export const ADDONS = fileURLToPath(new URL('./addons/', import.meta.url));

export const MODULE = 'headgate_ps';

interface ReleaseSource {
  /** Which schema version stands for this module version, in every cell. */
  readonly schema: number;
  readonly module: string;
  /** What the module's version was before; the baseline upgrades nothing. */
  readonly before?: string;
  readonly notes: string;
}

const SOURCES = {
  '19.0.1': { schema: 1, module: '19.0.1.0.1', notes: 'Projects billed by the hour.' },
  '19.0.2': {
    schema: 2,
    module: '19.0.2.0.0',
    before: '19.0.1.0.1',
    notes: 'Time is approved before it is invoiced, and every started increment is billed.',
  },
  '19.0.3': {
    schema: 3,
    module: '19.0.3.0.0',
    before: '19.0.2.0.0',
    notes: 'Invoices name their service period.',
  },
} as const satisfies Readonly<Record<string, ReleaseSource>>;
export type OdooVersion = keyof typeof SOURCES;

/** What runs before Headgate comes. */
export const BASELINE: OdooVersion = '19.0.1';

/** The schema version, and the module version that it stands for. */
export function schemaOf(version: OdooVersion): { readonly schema: number; readonly module: string } {
  return SOURCES[version];
}

export interface BuiltRelease {
  readonly manifest: ReleaseManifest;
  /** The bytes of every file that the manifest names, by digest. */
  readonly files: ReadonlyMap<Digest, Uint8Array>;
}

/**
 * The unsigned manifest of a release and the bytes of its files: our module's folder, and for all but the baseline the
 * upgrade that leads to it, which names the same files. `change` alters them first, as another author would have.
 */
export async function odooRelease(
  version: OdooVersion,
  change: (files: Map<string, Buffer>) => void = () => {},
): Promise<BuiltRelease> {
  const source: ReleaseSource = SOURCES[version];
  const files = new Map<Digest, Uint8Array>();
  const add = (name: string, bytes: Uint8Array): ArtifactFile => {
    const digest = digestOf(bytes);
    files.set(digest, bytes);
    return { name, digest, size: bytes.length };
  };
  const modules: ArtifactFile[] = [];
  const sources = new Map(await filesBelow(join(ADDONS, version)));
  change(sources);
  for (const [name, bytes] of sources) modules.push(add(name, bytes));
  const migrations: Migration[] = [];
  if (source.before !== undefined) {
    const upgrade = {
      apiVersion: 'headgate/v1',
      kind: 'OdooUpgrade',
      modules: [{ name: MODULE, from: source.before, to: source.module }],
      addons: modules.map(({ name, digest }) => ({ name, digest })),
    };
    const up = add(`upgrade-${source.module}.json`, Buffer.from(`${JSON.stringify(upgrade, null, 2)}\n`));
    const { schema: to } = source;
    // Odoo has no way back but the tenant's restore point.
    migrations.push({ id: source.module, from: to - 1, to, phase: 'data', up, undo: 'restore' });
  }
  const manifest: ReleaseManifest = {
    apiVersion: 'headgate/v1',
    kind: 'Release',
    application: 'odoo',
    version,
    authors: version === BASELINE ? [] : ['usr_dana'],
    components: [
      {
        name: 'web',
        role: 'web',
        recovery: 'system-of-record',
        files: modules,
        command: ['odoo'],
        healthPath: '/web/health',
      },
    ],
    schemaRange: { min: source.schema, max: source.schema },
    migrations,
    configuration: {},
    rollbackConditions: ['a business transaction fails for a tenant of the wave'],
    notes: source.notes,
    origin: version === BASELINE ? 'adopted' : 'built',
  };
  return { manifest, files };
}

/** All files below a folder, by their relative path, in order; nothing that Python left behind. */
export async function filesBelow(dir: string): Promise<ReadonlyMap<string, Buffer>> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.pyc'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  return new Map(
    await Promise.all(paths.map(async (path) => [path.slice(dir.length + 1), await readFile(path)] as const)),
  );
}
