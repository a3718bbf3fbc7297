import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson } from '@headgate/documents/canonical';
import { readManifest } from '@headgate/documents/trust/manifest';
import { type Component, isDigest, type ReleaseManifest, type ReleaseRef, type SchemaRange } from '@headgate/domain';
import { z } from 'zod';
import { readIfThere, syncFolder, writeDurably } from '../../machine/durable-file.ts';
import { KeptReading } from '../../machine/kept-reading.ts';

const Stored = z.strictObject({
  phase: z.enum(['deploying', 'running', 'retiring']),
  release: z.strictObject({ digest: z.custom<ReleaseRef['digest']>(isDigest, 'a sha256 digest'), version: z.string() }),
});

/**
 * What a slot holds: which release, and what its manifest says. The manifest lies beside it, whole, and is only believed
 * while its bytes have the release's digest: then what is started, and how, is what was signed.
 */
export interface SlotRecord {
  readonly phase: 'deploying' | 'running' | 'retiring';
  readonly release: ReleaseRef;
  /** False when the manifest isn't the release's; then the three below are empty. */
  readonly genuine: boolean;
  readonly schemaRange: SchemaRange | undefined;
  readonly components: readonly Component[];
  readonly configuration: ReleaseManifest['configuration'];
}

export function slotDir(cellDir: string, slot: string): string {
  return join(cellDir, 'slots', slot);
}

/** What the slot in this folder holds; `undefined`: nothing. Each slot is looked at several times a second. */
export function readSlot(dir: string): Promise<SlotRecord | undefined> {
  return slots.of(dir);
}

const slots = new KeptReading((dir) => [join(dir, 'release.json'), join(dir, 'manifest.json')], readRecord);

async function readRecord(dir: string): Promise<SlotRecord | undefined> {
  const text = await readIfThere(join(dir, 'release.json'));
  if (text === undefined) return undefined;
  const { phase, release } = Stored.parse(JSON.parse(text));
  const read = readManifest(Buffer.from((await readIfThere(join(dir, 'manifest.json'))) ?? ''));
  if (!read.ok || read.digest !== release.digest) {
    return { phase, release, genuine: false, schemaRange: undefined, components: [], configuration: {} };
  }
  const { schemaRange, components, configuration } = read.manifest;
  return { phase, release, genuine: true, schemaRange, components, configuration };
}

/** The manifest first, so that a record is never without one. */
export async function beginSlot(dir: string, release: ReleaseRef, manifest: ReleaseManifest): Promise<void> {
  await writeDurably(join(dir, 'manifest.json'), canonicalJson(manifest), 0o600);
  await writePhase(dir, release, 'deploying');
}

export async function writePhase(dir: string, release: ReleaseRef, phase: SlotRecord['phase']): Promise<void> {
  const { digest, version } = release;
  await writeDurably(join(dir, 'release.json'), `${JSON.stringify({ phase, release: { digest, version } })}\n`, 0o600);
}

/** The record first, for the same reason. */
export async function clearSlot(dir: string): Promise<void> {
  await rm(join(dir, 'release.json'), { force: true });
  await syncFolder(dir);
  await rm(join(dir, 'manifest.json'), { force: true });
}

/** Names of the components that were started in a slot, by the folders that they work in: no spoiled manifest hides one. */
export async function startedIn(dir: string): Promise<readonly string[]> {
  return readdir(join(dir, 'run')).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
}
