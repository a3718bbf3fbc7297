import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { ObjectStoreConfig } from '../object-store/object-store-config.ts';

const absolutePath = z.string().max(4_096).refine(isAbsolute, 'an absolute path');

/** How many are kept: the newest, and the last of each of so many days and weeks. */
export const keepForm = z.strictObject({
  last: z.int().min(1).max(10_000).default(10),
  days: z.int().min(0).max(10_000).default(14),
  weeks: z.int().min(0).max(10_000).default(8),
});

/** Where a cell's restore points are copied to, and by whom they can be opened. */
export const VaultConfig = z.strictObject({
  store: ObjectStoreConfig,
  /** age's recipients: the public halves of identities that aren't kept on the agent's machine. */
  recipients: z
    .array(z.string().regex(/^age1[0-9a-z]{10,4000}$/, 'a recipient of age, age1…'))
    .min(1)
    .max(20),
  /** 0600, the key that signs manifests; made when it isn't there, with its public half beside it as `.pub`. */
  keyFile: absolutePath,
  /** Whether a restore point counts only once it is sealed there. */
  required: z.boolean().default(true),
  /** What the store must say of itself, each time; `another-device`: a folder on another disk than the restore points. */
  demands: z
    .array(z.enum(['versioning', 'replication', 'another-device'], 'versioning, replication or another-device'))
    .max(3)
    .default([]),
  /** How much may be lost: the list complains when the newest restore point is older. Milliseconds. */
  rpoMs: z.int().min(1_000).optional(),
  keep: keepForm.prefault({}),
  /** Whether each restore point promises the rows of its tables, which a drill compares: all of them are read once more for it. */
  census: z.boolean().optional(),
  /** Restore points without a promotion; `everyMs` after the one before. */
  schedule: z.strictObject({ everyMs: z.int().min(1_000) }).optional(),
  /**
   * The write-ahead log of stores whose PostgreSQL is ours is copied, too, so often at the least: what would be lost is that much,
   * and a store can be brought back to any moment since its oldest restore point.
   */
  wal: z.strictObject({ everyMs: z.int().min(1_000).max(3_600_000).default(30_000) }).optional(),
  /** How a restore point is brought back in a drill, and how often; without `everyMs` on demand alone. */
  drill: z
    .strictObject({
      everyMs: z.int().min(1_000).optional(),
      /**
       * 0600, age's: it opens what lies in the vault, so a drill's machine must be kept as well as the store's own. Left out only where
       * nothing of the cell's stores lies there.
       */
      identityFile: absolutePath.optional(),
      /** Folder for what is brought back: room for two copies. By default below the system's temporary folder. */
      workDir: absolutePath.optional(),
      /**
       * The application's business transactions: a program that is given the copy's URL in HEADGATE_DRILL_DATABASE_URL, carries
       * them out on it, and ends with 0.
       */
      transactions: z
        .strictObject({
          command: z.array(z.string().min(1).max(4_096)).min(1).max(100),
          timeoutMs: z.int().min(1_000).max(86_400_000).default(300_000),
        })
        .optional(),
    })
    .optional(),
  /** Size of the parts, before encryption. */
  partMiB: z.int().min(1).max(4_096).default(64),
});
export type VaultConfig = z.output<typeof VaultConfig>;

/** Whether restore points promise their rows: where it isn't said, those do that a drill or a schedule is declared for. */
export function promisesRows(vault: VaultConfig | undefined): boolean {
  return vault?.census ?? (vault?.schedule !== undefined || vault?.drill !== undefined);
}

/** What of a vault's configuration doesn't fit its cell. `vaulted`: some of the cell's restore points are copied there. */
export function vaultProblems(vault: VaultConfig | undefined, vaulted: boolean): readonly string[] {
  if (!vaulted || vault?.drill === undefined || vault.drill.identityFile !== undefined) return [];
  return ['vault.drill.identityFile: the path of age’s identity, without which nothing in the vault can be opened'];
}
