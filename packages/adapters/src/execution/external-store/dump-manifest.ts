import { z } from 'zod';
import { KeptManifest } from '../kept-points/kept-manifest.ts';

/** What a restore point of an external database holds beside the dump: what a dump of one database leaves out. */
export const DumpManifest = KeptManifest.extend({
  /** Extensions, which only a superuser may make again. */
  extensions: z.array(z.strictObject({ name: z.string(), schema: z.string() })),
  /** Our own record of what brought the schema where it was. */
  migrations: z.array(
    z.strictObject({
      version: z.int(),
      id: z.string(),
      digest: z.string(),
      applied_by: z.string(),
      applied_at: z.string(),
      answer: z.string().nullable(),
    }),
  ),
});
export type DumpManifest = z.output<typeof DumpManifest>;
