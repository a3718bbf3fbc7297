import type { Digest } from '@headgate/domain';
import { isDigest } from '@headgate/domain/model/identity';
import { type Answer, denied, granted } from '@headgate/execution';
import { z } from 'zod';
import { plainName } from './command.ts';

const name = z.string().refine((text) => {
  try {
    return plainName(text) === text;
  } catch {
    return false;
  }
}, 'a plain name of a module');
/** As Odoo stores it: its series, then two or three numbers. */
const version = z.string().regex(/^\d+\.\d+\.\d+\.\d+(\.\d+)?$/, 'a full version like 19.0.2.0.0');
const path = z
  .string()
  .max(500)
  .refine(
    (text) => !text.startsWith('/') && text.split('/').every((part) => part !== '' && part !== '.' && part !== '..'),
    'a path below the folder, without ..',
  );

const UpgradeDocument = z.strictObject({
  apiVersion: z.literal('headgate/v1'),
  kind: z.literal('OdooUpgrade'),
  /** The modules that are upgraded, with the versions before and after. */
  modules: z
    .array(z.strictObject({ name, from: version, to: version }))
    .min(1)
    .max(200),
  /** The release's addons folder: every file, by digest. The upgrade runs on these very bytes. */
  addons: z
    .array(z.strictObject({ name: path, digest: z.custom<Digest>(isDigest, 'a digest') }))
    .min(1)
    .max(20_000),
});

/** What an Odoo release's migration file says: which modules go from which version to which, and with which files. */
export type UpgradeDocument = z.output<typeof UpgradeDocument>;

/** Reads it, or says in words what is wrong. */
export function readUpgrade(text: string): Answer<UpgradeDocument> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return denied('rejected', 'the migration is no JSON; for Odoo it is an OdooUpgrade document');
  }
  const read = UpgradeDocument.safeParse(json);
  if (!read.success) {
    return denied('rejected', `the migration is no OdooUpgrade document: ${z.prettifyError(read.error).slice(0, 500)}`);
  }
  return granted(read.data);
}
