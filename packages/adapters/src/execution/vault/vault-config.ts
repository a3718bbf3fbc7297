import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { ObjectStoreConfig } from '../object-store/object-store-config.ts';

/** Where a cell's restore points are copied to, and by whom they can be opened. */
export const VaultConfig = z.strictObject({
  store: ObjectStoreConfig,
  /** age's recipients: the public halves of identities that aren't kept on the agent's machine. */
  recipients: z
    .array(z.string().regex(/^age1[0-9a-z]{10,4000}$/, 'a recipient of age, age1…'))
    .min(1)
    .max(20),
  /** 0600, the key that signs manifests; made when it isn't there, with its public half beside it as `.pub`. */
  keyFile: z.string().max(4_096).refine(isAbsolute, 'an absolute path'),
  /** Whether a restore point counts only once it is sealed there. */
  required: z.boolean().default(true),
  /** What the store must say of itself, each time; `another-device`: a folder on another disk than the restore points. */
  demands: z
    .array(z.enum(['versioning', 'replication', 'another-device'], 'versioning, replication or another-device'))
    .max(3)
    .default([]),
  /** How much may be lost: the list complains when the newest restore point is older. Milliseconds. */
  rpoMs: z.int().min(1_000).optional(),
  keep: z
    .strictObject({
      last: z.int().min(1).max(10_000).default(10),
      days: z.int().min(0).max(10_000).default(14),
      weeks: z.int().min(0).max(10_000).default(8),
    })
    .prefault({}),
  /** Size of the parts, before encryption. */
  partMiB: z.int().min(1).max(4_096).default(64),
});
export type VaultConfig = z.output<typeof VaultConfig>;
