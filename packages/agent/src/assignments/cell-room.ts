/** Room in a cell for what a person at the machine asks for: waited for where that may be short, told where it isn't. */
import type { CellWorker } from './cell-worker.ts';

/** How long somebody who comes early waits until the cell was opened. Milliseconds. */
const OPEN_MS = 60_000;
const LOOK_MS = 100;
/** How long something short of the agent's own is waited for. Milliseconds. */
const ASIDE_MS = 10_000;

/** False: it couldn't be opened yet. */
export async function opened(held: CellWorker): Promise<boolean> {
  for (const ends = performance.now() + OPEN_MS; held.cell === undefined; ) {
    if (performance.now() >= ends) return false;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return true;
}

/** Waits while nothing but work of the agent's own is in the way, which may be short. What comes then is tried. */
export async function room(held: CellWorker): Promise<void> {
  const ends = performance.now() + ASIDE_MS;
  while (held.atWork !== undefined && !held.busy && performance.now() < ends)
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
}

/** What is at work there, and until when at the latest, in words. */
export function busyWords({ atWork }: CellWorker): string {
  const { words = 'something is at work there', leftMs } = atWork ?? {};
  return leftMs === undefined ? words : `${words}, until ${new Date(Date.now() + leftMs).toISOString()} at the latest`;
}
