/** Where drills bring back what they throw away, and what a killed agent left there. */
import { readdir, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AnyCellConfig } from '@headgate/adapters/execution/cell-kinds';
import type { Logger } from '../log.ts';

/** The folder in which a cell's drills work. */
export function drillFolder({ vault }: Pick<AnyCellConfig, 'vault'>): string {
  return vault?.drill?.workDir ?? join(tmpdir(), `headgate-drills-${process.getuid?.() ?? 0}`);
}

/**
 * Ends and removes what drills of a killed agent left: a PostgreSQL that nobody asks any more holds memory, a port and a copy
 * of what production holds. A drill that is under way stays. Never throws: what can't be removed is told, and is for the
 * next drill.
 */
export async function sweepDrills(cells: readonly Pick<AnyCellConfig, 'vault'>[], log: Logger): Promise<void> {
  for (const folder of new Set(cells.map(drillFolder))) {
    try {
      const there = await stat(folder).catch(() => undefined);
      // Whom a folder names as a server to be ended is believed only where nobody else may write.
      if (there === undefined || there.uid !== process.getuid?.() || (there.mode & 0o022) !== 0) continue;
      if ((await readdir(folder)).length === 0) continue;
      const { sweepClusters } = await import('@headgate/adapters/execution/rehearsal/throw-away-cluster');
      const gone = await sweepClusters(folder);
      if (gone.length > 0) log.info({ gone }, 'what a killed drill left is ended and removed');
    } catch (error) {
      log.warn({ folder, why: (error as Error).message }, 'what a killed drill left can’t be removed');
    }
  }
}
