import { measureSequencer } from '@headgate/adapters/control/postgres/bench';
import { type Figure, figure } from './figure.ts';
import { withControlDatabase } from './scratch.ts';

/** How fast waiting entries get their places on the tree. */
export async function sequencerFigure(): Promise<readonly Figure[]> {
  return withControlDatabase(async ({ databaseUrl }) => [figure('sequencer', await measureSequencer(databaseUrl))]);
}
