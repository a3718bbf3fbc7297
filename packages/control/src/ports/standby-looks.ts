/**
 * What agents saw of their stores' standbys, the last look of each cell: kept beside the log, since it changes with every look.
 * What rests on it stands on the log with its words: the verdict with which a wave was opened.
 */
import type { Instant, PrincipalId, SeenStandby, ToldStandby } from '@headgate/domain';

export interface StandbyLooks {
  /**
   * Takes the place of what was told of the cell before, unless that was told later. The store's clock dates it: as of now, or
   * as of `notAfter`, where that is earlier. Answers what that clock says.
   */
  tell(cell: string, by: PrincipalId, told: readonly ToldStandby[], notAfter?: Instant): Promise<Instant>;
  /** What was told last of each of these cells; of those of which nothing was told: nothing. */
  of(cells: readonly string[]): Promise<ReadonlyMap<string, readonly SeenStandby[]>>;
}
