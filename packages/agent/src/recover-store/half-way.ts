/** Whether a store of a cell is half way back in its place: then nobody but the command that began it acts in that cell. */
import { named } from '@headgate/domain/plan/render-words';
import { StandingFile } from './standing.ts';

/** A cell, with the stores that its agent keeps. */
export interface CellOfStores {
  readonly cell: string;
  readonly stores?: Readonly<Record<string, unknown>>;
}

const STANDS = {
  held: 'its tenants are held',
  pointed: 'its tenants are held, and it is being replaced',
  placed: 'its tenants are held, and what stands there wasn’t checked',
  leaving: 'its tenants are held, and what stood before is coming back',
  opening: 'what stands is there to stay, and its tenants are being opened',
} as const;

/** What of one store, in words; undefined: nothing is. Throws, in words, where what was written down can't be read. */
export async function halfWayOf(dataDir: string, cell: string, store: string): Promise<string | undefined> {
  const standing = await new StandingFile(dataDir, cell, store).read();
  if (standing === undefined) return undefined;
  const since = new Date(standing.startedAt).toISOString();
  return `half done since ${since} (proposal ${standing.proposal}): ${STANDS[standing.phase]}`;
}

/** In words, with what ends it; undefined: none is. Throws, in words, where what was written down can't be read. */
export async function halfWayIn(dataDir: string, { cell, stores = {} }: CellOfStores): Promise<string | undefined> {
  const found: string[] = [];
  for (const store of Object.keys(stores)) {
    const half = await halfWayOf(dataDir, cell, store);
    if (half !== undefined) found.push(`the way back of the store ${store} is ${half}`);
  }
  if (found.length === 0) return undefined;
  return `${named(found)}. The agent leaves this cell alone until that is over: end it (headgate-agent stop --config FILE --agent-only), go on (headgate-agent recover-store apply PROPOSAL --config FILE --as ID), and start it again`;
}
