import { join } from 'node:path';
import type { Component, Digest, ReleaseManifest, ReleaseRef, SchemaRange } from '@headgate/domain';
import { z } from 'zod';
import { readIfThere, writeDurably } from '../../machine/durable-file.ts';

const digest = z.custom<Digest>(
  (value) => typeof value === 'string' && /^sha256:[0-9a-f]{64}$/.test(value),
  'a sha256 digest',
);

const StoredSlot = z.strictObject({
  phase: z.enum(['deploying', 'running', 'retiring']),
  release: z.strictObject({ digest, version: z.string() }),
  schemaRange: z.strictObject({ min: z.int(), max: z.int() }),
  components: z.array(
    z.strictObject({
      name: z.string(),
      role: z.enum(['web', 'worker', 'connector', 'infrastructure']),
      recovery: z.enum(['stateless', 'stateful', 'system-of-record']),
      files: z.array(z.strictObject({ name: z.string(), digest, size: z.int() })),
      command: z.array(z.string()).min(1),
      healthPath: z.string().optional(),
    }),
  ),
  configuration: z.record(z.string(), z.record(z.string(), z.string())),
});

/** What a slot holds: enough of the verified manifest to check and restart it without asking anybody. */
export interface SlotRecord {
  readonly phase: 'deploying' | 'running' | 'retiring';
  readonly release: ReleaseRef;
  readonly schemaRange: SchemaRange;
  readonly components: readonly Component[];
  readonly configuration: ReleaseManifest['configuration'];
}

export function slotDir(cellDir: string, slot: string): string {
  return join(cellDir, 'slots', slot);
}

export async function readSlot(dir: string): Promise<SlotRecord | undefined> {
  const text = await readIfThere(join(dir, 'release.json'));
  return text === undefined ? undefined : (StoredSlot.parse(JSON.parse(text)) as SlotRecord);
}

/** 0600, because the supervisor starts what it says. */
export async function writeSlot(dir: string, record: SlotRecord): Promise<void> {
  await writeDurably(join(dir, 'release.json'), `${JSON.stringify(record, null, 2)}\n`, 0o600);
}
