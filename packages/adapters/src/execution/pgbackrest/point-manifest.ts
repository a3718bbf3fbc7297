import type { RestorePoint } from '@headgate/domain';
import { z } from 'zod';
import { KeptManifest } from '../kept-points/kept-manifest.ts';
import type { KeptPoint } from '../kept-points/kept-points.ts';

const segment = z.string().regex(/^[0-9A-F]{24}$/);

/**
 * What is kept beside the store of a restore point that lies in pgBackRest's repository. It names the backup by the SHA-256 of
 * pgBackRest's own manifest, which has the checksum of each file: who reported this one's digest reported them all.
 */
export const PointManifest = KeptManifest.extend({
  pgbackrest: z.strictObject({
    stanza: z.string(),
    label: z.string(),
    /** SHA-256 of pgBackRest's manifest of the backup, decrypted. */
    manifest: z.string().regex(/^[0-9a-f]{64}$/),
    /** The name by which the store's log knows the restore point's moment, and its place. */
    moment: z.string(),
    lsn: z.string(),
    /** Of the log, what is needed to get there. */
    firstWal: segment,
    lastWal: segment,
    /** Of the whole cluster, as PostgreSQL keeps it. */
    bytes: z.int().min(0),
  }),
});
export type PointManifest = z.output<typeof PointManifest>;

/** Its size is the backup's: no file of it lies here. */
export function sized({ point, manifest }: KeptPoint<PointManifest>): RestorePoint {
  return { ...point, bytes: manifest.pgbackrest.bytes };
}

/** Annotations of a backup in the repository: what it was taken for, told also when nothing is left but the repository. */
export const ANNOTATIONS = {
  id: 'headgate-id',
  store: 'headgate-store',
  rollout: 'headgate-rollout',
  step: 'headgate-step',
  schemaVersion: 'headgate-schema-version',
} as const;

/** The name of a restore point's moment in the log. */
export function momentOf(id: string): string {
  return `headgate ${id}`;
}
