/**
 * The real parts that the Odoo example stands on, got by the machine's own package manager: Debian 12's PostgreSQL 15 and
 * Python libraries, and Odoo 19 out of Debian's newer suite, unpacked beside the system so that nothing of sid is
 * installed. The second time everything is there and takes a tenth of a second.
 */

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readIfThere, writeDurably } from '@headgate/adapters/machine/durable-file';
import { makeRootFolder, SYSTEM_FOLDER } from '@headgate/adapters/machine/reachable';
import { z } from 'zod';
import { installPackages, postgresqlPrograms } from './debian-packages.ts';
import { exclusively } from './exclusively.ts';
import { requireDebian12 } from './machine.ts';
import { odooPackage } from './odoo-package.ts';
import { unpackOdoo } from './unpack.ts';

export { MissingPart } from './missing-part.ts';

const CACHE = '/var/cache/headgate';
/** How long one process waits while another gets the parts. Milliseconds. */
const INSTALL_MS = 1_800_000;

const Parts = z.strictObject({
  odoo: z.strictObject({
    /** Debian's version of the package, as recorded when it was downloaded. */
    version: z.string(),
    sha256: z.string(),
    /** Folder that the package was unpacked into. */
    dir: z.string(),
  }),
  postgresql: z.strictObject({
    /** Folder of the programs: initdb, postgres, pg_dump, pg_restore … */
    bin: z.string(),
    version: z.string(),
  }),
});
export type OdooParts = z.output<typeof Parts>;

/**
 * Makes sure that all parts are there and says where. `say` gets a line for each thing that takes long. Throws a
 * `MissingPart` that names what is missing and how to get it.
 */
export async function odooParts(say: (line: string) => void = () => {}, cache = CACHE): Promise<OdooParts> {
  const known = await knownParts();
  if (known) return known;
  await requireDebian12();
  await makeRootFolder(SYSTEM_FOLDER);
  // Whoever waited finds all that the other one got.
  return exclusively(
    join(SYSTEM_FOLDER, 'odoo-parts.lock'),
    INSTALL_MS,
    async () => (await knownParts()) ?? get(say, cache),
  );
}

async function get(say: (line: string) => void, cache: string): Promise<OdooParts> {
  say('installing PostgreSQL 15 and the libraries of Odoo from Debian 12, as far as they miss');
  await installPackages();
  say('getting Odoo 19 from Debian');
  const file = await odooPackage(cache);
  say(`unpacking Odoo ${file.version}`);
  const dir = await unpackOdoo(file);
  const parts = { odoo: { version: file.version, sha256: file.sha256, dir }, postgresql: await postgresqlPrograms() };
  await writeDurably(recordFile(), `${JSON.stringify(parts, undefined, 2)}\n`);
  return parts;
}

/** What an earlier call found, as long as it is still there. */
export async function knownParts(): Promise<OdooParts | undefined> {
  const text = await readIfThere(recordFile());
  if (text === undefined) return undefined;
  const parts = Parts.safeParse(JSON.parse(text));
  if (!parts.success) return undefined;
  const { odoo, postgresql } = parts.data;
  const needed = [
    join(odoo.dir, 'usr/bin/odoo'),
    join(odoo.dir, 'usr/share/javascript/jquery/jquery.js'),
    join(postgresql.bin, 'postgres'),
    join(postgresql.bin, 'pg_dump'),
  ];
  const there = await Promise.all(needed.map((path) => stat(path).catch(() => undefined)));
  return there.every(Boolean) ? parts.data : undefined;
}

function recordFile(): string {
  return join(SYSTEM_FOLDER, 'odoo-parts.json');
}
