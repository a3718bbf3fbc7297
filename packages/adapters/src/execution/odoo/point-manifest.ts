import { z } from 'zod';
import { KeptManifest } from '../kept-points/kept-manifest.ts';

/** What a tenant's restore point holds: every file of the dump and of the filestore, and where the tenant stood. */
export const PointManifest = KeptManifest.extend({
  /** Versions of all installed modules, for whoever looks at it later. */
  modules: z.record(z.string(), z.string()),
  /** Attachments whose file was missing already: a restore can't have fewer, and must not have more. */
  danglingAttachments: z.int().min(0),
  /** Which of the modules its schema version stands for in the cell; those from before don't say. */
  declared: z.record(z.string(), z.string()).exactOptional(),
  /** The decision by which it was taken: nothing older acts on what comes back. Those from before don't say. */
  fence: z.strictObject({ epoch: z.int().min(0), n: z.int().min(0) }).exactOptional(),
});
export type PointManifest = z.output<typeof PointManifest>;
