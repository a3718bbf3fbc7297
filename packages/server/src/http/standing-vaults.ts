/** What could be brought back in each environment, counted for a scrape. */
import type { Counted } from '@headgate/adapters/control/postgres/index';
import { lostNowMs, seenVault, VAULT_STATES, type VaultState, vaultState } from '@headgate/domain';

export interface EnvironmentVaults {
  readonly environment: string;
  readonly counts: Readonly<Record<VaultState, number>>;
  /** Of the store of which most would be lost now. Milliseconds; undefined: of none it is known. */
  readonly lostMs: number | undefined;
}

const counted = new WeakMap<Counted['vaults'], readonly EnvironmentVaults[]>();

/** One line an environment whose agents tell of any. */
export function vaultsOf({ vaults }: Pick<Counted, 'vaults'>): readonly EnvironmentVaults[] {
  const known = counted.get(vaults) ?? count(vaults);
  counted.set(vaults, known);
  return known;
}

function count(rows: Counted['vaults']): readonly EnvironmentVaults[] {
  const found = new Map<string, { counts: Record<VaultState, number>; lostMs: number | undefined }>();
  for (const { environment, cell, at, now, vaults } of rows)
    for (const told of vaults) {
      const seen = seenVault(cell, told, at);
      const none = Object.fromEntries(VAULT_STATES.map((state) => [state, 0])) as Record<VaultState, number>;
      const so = found.get(environment) ?? { counts: none, lostMs: undefined };
      so.counts[vaultState(seen, now)] += 1;
      // It grows while nobody looks, which is as it is.
      const lostMs = lostNowMs(seen, now);
      if (lostMs !== undefined) so.lostMs = Math.max(so.lostMs ?? 0, lostMs);
      found.set(environment, so);
    }
  return [...found].map(([environment, so]) => ({ environment, ...so }));
}
