/**
 * What agents saw of their stores' restore points and logs, where they lie, the last look of each cell: kept beside the log, since it
 * changes with every look. What rests on it stands on the log with its words: the verdict with which a wave was opened.
 */
import type { Instant, PrincipalId, SeenVault, ToldVault } from '@headgate/domain';

export interface VaultLooks {
  /** Takes the place of what was told of the cell before, dated by the store's clock. Answers what that clock says. */
  tell(cell: string, by: PrincipalId, told: readonly ToldVault[]): Promise<Instant>;
  /** What was told last of these cells. */
  of(cells: readonly string[]): Promise<readonly SeenVault[]>;
}
