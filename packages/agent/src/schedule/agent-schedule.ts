import { storesElsewhere, vaultedStores } from '@headgate/adapters/execution/vault/vaulted-stores';
import type { AgentConfig } from '../config.ts';
import { hasVault } from '../vault-cells.ts';
import { ScheduleFile } from './schedule-file.ts';
import { Scheduler, type SchedulerParts } from './scheduler.ts';

/** The schedule of all cells of an agent; of one whose cells have none it does nothing. */
export async function agentSchedule({
  config,
  ...parts
}: Omit<SchedulerParts, 'cells' | 'stores' | 'file'> & { readonly config: AgentConfig }): Promise<Scheduler> {
  return new Scheduler({
    ...parts,
    cells: config.cells
      .filter(hasVault)
      .filter(({ vault }) => vault.schedule !== undefined || vault.drill?.everyMs !== undefined),
    stores: (cell) => [...vaultedStores(cell).keys(), ...storesElsewhere(cell).keys()],
    file: await ScheduleFile.open(config.dataDir),
  });
}
