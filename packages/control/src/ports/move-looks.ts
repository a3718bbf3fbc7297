/**
 * What agents told of data that is being moved in their stores, the last of each cell: kept beside the log, since it changes
 * with every comparison. What rests on it stands on the log with its words: the verdict with which a wave was opened.
 */
import type { Instant, PrincipalId, SeenMove, ToldMove } from '@headgate/domain';

export interface MoveLooks {
  /** Takes the place of what was told of the cell before, dated by the store's clock. Answers what that clock says. */
  tell(cell: string, by: PrincipalId, told: readonly ToldMove[]): Promise<Instant>;
  /** What was told last of these cells. */
  of(cells: readonly string[]): Promise<readonly SeenMove[]>;
}
