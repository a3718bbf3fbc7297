import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { digestOf } from '@headgate/documents/digest';
import type {
  ArtifactFile,
  Component,
  Digest,
  Migration,
  MigrationPhase,
  ReleaseManifest,
  SchemaRange,
} from '@headgate/domain';
import { rolldown } from 'rolldown';
import { edition as edition100 } from './app/releases/1.0.0/edition.ts';
import { edition as edition110 } from './app/releases/1.1.0/edition.ts';
import { edition as edition120 } from './app/releases/1.2.0/edition.ts';

const ROOT = path.dirname(fileURLToPath(import.meta.url));

export const PSA_VERSIONS = ['1.0.0', '1.1.0', '1.2.0'] as const;
export type PsaVersion = (typeof PSA_VERSIONS)[number];

interface ReleaseSource {
  readonly schemaRange: SchemaRange;
  readonly migration: {
    readonly id: string;
    readonly from: number;
    readonly to: number;
    readonly phase: MigrationPhase;
    readonly undo: Migration['undo'];
  };
  readonly notes: string;
}

/** What stands about each release beside its source. */
const SOURCES: Readonly<Record<PsaVersion, ReleaseSource>> = {
  '1.0.0': {
    schemaRange: edition100.schemaRange,
    migration: { id: '0001-initial', from: 0, to: 1, phase: 'expand', undo: 'restore' },
    notes: 'Time, approvals, and invoices that a worker posts to the ledger.',
  },
  '1.1.0': {
    schemaRange: edition110.schemaRange,
    migration: { id: '0002-discounts', from: 1, to: 2, phase: 'expand', undo: 'keep' },
    notes: 'A project may have a discount, and each line of its invoices shows it.',
  },
  '1.2.0': {
    schemaRange: edition120.schemaRange,
    migration: { id: '0003-tax-by-line', from: 2, to: 3, phase: 'expand', undo: 'keep' },
    notes: "The ledger gets each invoice's tax by code, and the customer's own document reference.",
  },
};

/** Node's heap is kept small: each process serves a few requests a second, and many stand on one machine. */
const NODE = ['${node}', '--max-semi-space-size=2', '--max-old-space-size=96'] as const;

export interface BuiltRelease {
  readonly version: PsaVersion;
  readonly components: readonly Component[];
  readonly migrations: readonly Migration[];
  readonly schemaRange: SchemaRange;
  /** Every file that the components and migrations name, by digest. */
  readonly files: ReadonlyMap<Digest, Uint8Array>;
}

/**
 * Builds one release into `outDir`: `web.mjs` and `worker.mjs`, which need nothing but Node, and `migrations/`. The
 * same source gives the same bytes, wherever it is built.
 */
export async function buildRelease(version: PsaVersion, outDir: string): Promise<BuiltRelease> {
  const built = await bundle(version);
  for (const [name, bytes] of built.named) {
    const file = path.join(outDir, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, bytes);
  }
  return built.release;
}

/**
 * The unsigned manifest of a release, and the bytes of every file that it names. 1.0.0 is the baseline: it ran before
 * Headgate came, so it is adopted and never promoted.
 */
export async function psaManifest(
  version: PsaVersion,
  authors: readonly string[] = ['usr_dana'],
): Promise<{ manifest: ReleaseManifest; files: Map<Digest, Uint8Array> }> {
  const { release } = await bundle(version);
  const manifest: ReleaseManifest = {
    apiVersion: 'headgate/v1',
    kind: 'Release',
    application: 'psa',
    version,
    authors: version === '1.0.0' ? [] : authors,
    components: release.components,
    schemaRange: release.schemaRange,
    migrations: release.migrations,
    configuration: {},
    rollbackConditions: ['a business transaction fails for any tenant of the wave'],
    notes: SOURCES[version].notes,
    origin: version === '1.0.0' ? 'adopted' : 'built',
  };
  return { manifest, files: new Map(release.files) };
}

/** Builds the ERP service into one file in `outDir` and answers its path. */
export async function buildErp(outDir: string): Promise<string> {
  await mkdir(outDir, { recursive: true });
  const file = path.join(outDir, 'erp.mjs');
  await writeFile(file, await bundleFile('erp/main.ts'));
  return file;
}

async function bundle(version: PsaVersion): Promise<{ release: BuiltRelease; named: ReadonlyMap<string, Uint8Array> }> {
  const source = SOURCES[version];
  const named = new Map<string, Uint8Array>();
  const files = new Map<Digest, Uint8Array>();
  const add = (name: string, bytes: Uint8Array): ArtifactFile => {
    const digest = digestOf(bytes);
    named.set(name, bytes);
    files.set(digest, bytes);
    return { name, digest, size: bytes.length };
  };

  const folder = `app/releases/${version}`;
  const web = add('web.mjs', await bundleFile(`${folder}/web.ts`));
  const worker = add('worker.mjs', await bundleFile(`${folder}/worker.ts`));
  const sql = async (direction: 'up' | 'down'): Promise<ArtifactFile> => {
    const name = `migrations/${source.migration.id}.${direction}.sql`;
    return add(name, await readFile(path.join(ROOT, folder, name)));
  };
  const release: BuiltRelease = {
    version,
    components: [
      {
        name: 'web',
        role: 'web',
        recovery: 'stateless',
        files: [web],
        command: [...NODE, '${dir}/web.mjs'],
        healthPath: '/healthz',
      },
      {
        name: 'worker',
        role: 'worker',
        recovery: 'stateful',
        files: [worker],
        command: [...NODE, '${dir}/worker.mjs'],
      },
    ],
    migrations: [{ ...source.migration, up: await sql('up'), down: await sql('down') }],
    schemaRange: source.schemaRange,
    files,
  };
  return { release, named };
}

async function bundleFile(entry: string): Promise<Uint8Array> {
  const build = await rolldown({
    cwd: ROOT,
    input: `./${entry}`,
    platform: 'node',
    // The driver's optional halves: native bindings, and another runtime's sockets.
    external: ['pg-native', 'pg-cloudflare', 'cloudflare:sockets'],
    plugins: [sqlAsText],
  });
  try {
    const { output } = await build.generate({ format: 'esm', minify: { compress: false, mangle: false } });
    const [chunk, ...rest] = output;
    if (rest.length > 0) throw new Error(`${entry} was not built into a single file`);
    return Buffer.from(chunk.code);
  } finally {
    await build.close();
  }
}

/** Puts an SQL file's text in the place of the call that reads it, so that a built file stands alone. */
const sqlAsText = {
  name: 'sql-as-text',
  async transform(code: string, id: string) {
    const call = /readFileSync\(new URL\('(\.\/[\w-]+\.sql)', import\.meta\.url\), 'utf8'\)/g;
    const names = [...code.matchAll(call)].map((match) => match[1]!);
    if (names.length === 0) return null;
    const texts = new Map<string, string>();
    for (const name of names) texts.set(name, await readFile(path.join(path.dirname(id), name), 'utf8'));
    return { code: code.replace(call, (_, name: string) => JSON.stringify(texts.get(name))) };
  },
};
