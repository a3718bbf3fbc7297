import { z } from 'zod';

/** Whose snapshots a store's restore points are: a program of whoever keeps the disks. */
export const SnapshotConfig = z.strictObject({
  /** An argument vector; the verb is put behind it. `docs/snapshots.md` says what it is asked and what it answers. */
  command: z.array(z.string().min(1).max(4_096)).min(1).max(100),
  /** For each thing that it is asked. Milliseconds. */
  timeoutMs: z.int().min(1_000).max(86_400_000).default(3_600_000),
  /** Rows of each table are counted as one is taken, and counted again as it is verified; that reads all of them on the store. */
  census: z.boolean().default(true),
});
export type SnapshotConfig = z.output<typeof SnapshotConfig>;

interface Declared {
  readonly stores: Readonly<
    Record<
      string,
      {
        readonly files: readonly unknown[];
        readonly pgbackrest?: unknown;
        readonly snapshots?: SnapshotConfig | undefined;
      }
    >
  >;
  readonly vault?: unknown;
}

/** What of a cell's configuration can't be with snapshots, each with its place. */
export function snapshotProblems({ stores, vault }: Declared): readonly string[] {
  return Object.entries(stores).flatMap(([name, { files, pgbackrest, snapshots }]) => {
    if (snapshots === undefined) return [];
    const at = `stores.${name}`;
    return [
      ...(pgbackrest === undefined
        ? []
        : [`${at}.snapshots: pgbackrest keeps its restore points already; leave one of them out`]),
      ...(files.length === 0
        ? []
        : [`${at}.files: a snapshot is of the database’s folder alone; leave files out, or leave snapshots out`]),
      ...(vault === undefined
        ? []
        : [
            `${at}.snapshots: what its program keeps isn’t copied to a vault; leave vault out, or put the store into a cell of its own`,
          ]),
    ];
  });
}
