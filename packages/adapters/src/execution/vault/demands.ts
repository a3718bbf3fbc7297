import { stat } from 'node:fs/promises';
import type { ObjectStore } from '@headgate/execution';
import type { ObjectStoreConfig } from '../object-store/object-store-config.ts';
import type { VaultConfig } from './vault-config.ts';

/**
 * What of the demands isn't met, in words; each is asked now and never remembered. What a store can't say isn't met.
 * `restorePointsDir`: where the restore points lie that are to be copied.
 */
export async function unmetDemands(
  { demands, store: config }: { readonly demands: VaultConfig['demands']; readonly store: ObjectStoreConfig },
  store: ObjectStore,
  restorePointsDir: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const unmet: string[] = [];
  if (demands.includes('another-device') && config.kind === 'folder') {
    const [there, here] = await Promise.all([config.dir, restorePointsDir].map(deviceOf));
    if (there === undefined || here === undefined)
      unmet.push(`another-device: ${there === undefined ? config.dir : restorePointsDir} isn't there to be compared`);
    else if (there === here) unmet.push(`another-device: ${config.dir} is on the same device as ${restorePointsDir}`);
  }
  const asked = demands.filter((each) => each !== 'another-device');
  if (asked.length === 0) return unmet;
  const protections = await store.protections(signal);
  for (const demand of asked) {
    const { state, detail } = protections[demand];
    if (state !== 'on') unmet.push(`${demand} is ${state}: ${detail}`);
  }
  return unmet;
}

/** Whether a store that is a folder stands on the disk of another one: what takes that disk takes both. An object store doesn't. */
export async function onSameDevice(config: ObjectStoreConfig, folder: string): Promise<boolean> {
  if (config.kind !== 'folder') return false;
  const [there, here] = await Promise.all([config.dir, folder].map(deviceOf));
  return there !== undefined && there === here;
}

async function deviceOf(folder: string): Promise<number | undefined> {
  return (await stat(folder).catch(() => undefined))?.dev;
}
