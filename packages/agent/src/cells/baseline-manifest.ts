import { join } from 'node:path';
import type { CellIdentity } from '@headgate/adapters/execution/cell';
import { slotDir } from '@headgate/adapters/execution/process/slot-record';
import { readIfThere } from '@headgate/adapters/machine/durable-file';
import { readManifest } from '@headgate/documents';
import type { CellState, ReleaseManifest } from '@headgate/domain';

/**
 * Manifests of the baselines that run in a cell's slots, as whoever put them there left them: only those whose digest is
 * the one that the slot names. The adoption needs them, since nobody ever registered such a release.
 */
export async function adoptedManifests(
  config: Pick<CellIdentity, 'dir'>,
  state: CellState,
): Promise<readonly ReleaseManifest[]> {
  const found: ReleaseManifest[] = [];
  for (const [slot, { release }] of Object.entries(state.slots)) {
    if (release === undefined) continue;
    const text = await readIfThere(join(slotDir(config.dir, slot), 'manifest.json'));
    if (text === undefined) continue;
    const read = readManifest(Buffer.from(text));
    if (read.ok && read.digest === release.digest && read.manifest.origin === 'adopted') found.push(read.manifest);
  }
  return found;
}
