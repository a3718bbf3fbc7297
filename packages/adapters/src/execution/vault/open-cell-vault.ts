import type { Vault } from '@headgate/execution';
import { openObjectStore } from '../object-store/open-object-store.ts';
import { CellVault, type StoreElsewhere, type VaultedStore } from './cell-vault.ts';
import type { VaultConfig } from './vault-config.ts';
import { vaultKey } from './vault-key.ts';

const MIB = 1024 * 1024;

/** A cell's vault, if it has one. Nobody is asked anything yet: one that is away keeps no cell from being opened. */
export async function openCellVault(
  config: VaultConfig | undefined,
  stores: ReadonlyMap<string, VaultedStore>,
  elsewhere: ReadonlyMap<string, StoreElsewhere> = new Map(),
): Promise<Vault | undefined> {
  if (config === undefined) return undefined;
  const [store, key] = [await openObjectStore(config.store), await vaultKey(config.keyFile)];
  return new CellVault({ config, store, key, stores, elsewhere, partBytes: config.partMiB * MIB });
}
