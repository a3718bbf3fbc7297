import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf } from '@headgate/documents/digest';
import { readManifest } from '@headgate/documents/trust/manifest';
import type { Digest, ReleaseManifest, ReleaseRef } from '@headgate/domain';
import type { CellConfig } from '../../cell-config.ts';
import { componentDir, staysInside } from '../../process/slot-files.ts';
import { readSlot, slotDir } from '../../process/slot-record.ts';
import { RouterClient } from '../../router/router-client.ts';

/** A release, with its files' bytes by their digests. */
export interface ReleaseWithFiles {
  readonly ref: ReleaseRef;
  readonly manifest: ReleaseManifest;
  /** Throws when it has none with that digest. */
  file(digest: Digest): Promise<Uint8Array>;
}

/** Where a cell says what serves in it. */
export type ServingCell = Pick<CellConfig, 'cell' | 'dir'> & {
  readonly slots: Readonly<Record<string, unknown>>;
  readonly router: Pick<CellConfig['router'], 'adminPort' | 'tokenFile'>;
};

/** A release that serves customers of a store. */
export interface ServingRelease extends ReleaseWithFiles {
  readonly slot: string;
}

/**
 * What runs in a cell for these tenants, as its slots hold it: where the router says that they are led, or in every slot that
 * runs when it doesn't answer. Only looks. Throws, in words, where a slot's manifest isn't the one of its release.
 */
export async function servingReleases(
  config: ServingCell,
  tenants: readonly string[],
): Promise<readonly ServingRelease[]> {
  const { dir, slots, router } = config;
  const routes = await new RouterClient(router.adminPort, router.tokenFile).routes().catch(() => undefined);
  const ledTo = (slot: string): boolean =>
    routes === undefined ||
    tenants.some((tenant) => Object.hasOwn(routes, tenant) && (routes[tenant]?.[slot] ?? 0) > 0);
  const found = new Map<Digest, ServingRelease>();
  for (const slot of Object.keys(slots).filter(ledTo)) {
    const folder = slotDir(dir, slot);
    const record = await readSlot(folder);
    if (record?.phase !== 'running') continue;
    const { release: ref } = record;
    const read = readManifest(await readFile(join(folder, 'manifest.json')));
    if (!read.ok || read.digest !== ref.digest)
      throw new Error(`manifest.json of the slot ${slot} isn't the one of ${ref.version}, which runs there`);
    found.set(ref.digest, { slot, ref, manifest: read.manifest, file: filesIn(folder, read.manifest) });
  }
  return [...found.values()];
}

/** The slot's own files, which count by their bytes. */
function filesIn(folder: string, { components, version }: ReleaseManifest): ReleaseWithFiles['file'] {
  const places = new Map<Digest, string>();
  for (const { name, files } of components)
    for (const file of files)
      if (staysInside(name) && staysInside(file.name))
        places.set(file.digest, join(componentDir(folder, name), file.name));
  return async (digest) => {
    const path = places.get(digest);
    const bytes = path === undefined ? undefined : await readFile(path).catch(() => undefined);
    if (bytes === undefined || digestOf(bytes) !== digest)
      throw new Error(`a file of ${version} isn't in its slot as the release names it (${digest})`);
    return bytes;
  };
}
