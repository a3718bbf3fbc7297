import { z } from 'zod';
import { KeptManifest } from '../kept-points/kept-manifest.ts';
import { Likeness } from './likeness.ts';

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
  /** What the database itself is; those from before don't say, nor what follows. */
  likeness: Likeness.exactOptional(),
  /** Its owner, the application's login. */
  owner: z.string().exactOptional(),
  /** Roles beside its owner that its rights, policies and settings name. */
  roles: z.array(z.string()).exactOptional(),
  /** Where it was: the cluster's own number, and the database's in it. */
  place: z.string().exactOptional(),
  /** The decision by which it was taken: nothing older acts on what comes back. */
  fence: z.strictObject({ epoch: z.int().min(0), n: z.int().min(0) }).exactOptional(),
});
export type DumpManifest = z.output<typeof DumpManifest>;
