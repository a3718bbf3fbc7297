import type { LogStore } from '@headgate/control';
import { SpoiltTree } from '@headgate/control/ports/errors';
import { type NoteSigner, signTreeHead } from '@headgate/documents';

/** Entries that are placed in one transaction at most. */
const BATCH = 1_000;

/** Between two rounds. A round costs a commit and a signature, however few entries it places. Milliseconds. */
export const SEQUENCER_REST_MS = 25;

/**
 * One round of the sequencer: gives waiting entries their places and signs the head of the tree that came of it. With no
 * signer (a further server that doesn't hold the log's key) it only places.
 */
export async function sequence(log: LogStore, signer: NoteSigner | undefined, onPlaced: () => void): Promise<boolean> {
  const placed = await log.place(BATCH);
  if (placed > 0) onPlaced();
  if (signer !== undefined && placed < BATCH) {
    await log.publishHead((size, root) => signTreeHead({ origin: signer.name, size, root: Buffer.from(root) }, signer));
  }
  return placed === BATCH;
}

/** So many nodes are named; as many more are counted. */
const MOST_NAMED = 20;

/**
 * A round as {@link sequence}, which mends the tree's nodes when they aren't those of its leaves, and says which they were: they
 * are derived, and whoever put them there must not keep acts off the log. What can't be mended so stops the log, rightly.
 */
export async function sequenceMending(
  log: LogStore,
  signer: NoteSigner | undefined,
  onPlaced: () => void,
  tell: (mended: { readonly nodes: string; readonly because: string }) => void,
): Promise<boolean> {
  try {
    return await sequence(log, signer, onPlaced);
  } catch (error) {
    if (!(error instanceof SpoiltTree)) throw error;
    const mended = await log.mend();
    // Then it is no node's fault, and the error says what is wrong.
    if (mended.length === 0) throw error;
    const named = mended.slice(0, MOST_NAMED).map(({ level, index }) => `${level}/${index}`);
    const more = mended.length > MOST_NAMED ? ` and ${mended.length - MOST_NAMED} more` : '';
    tell({ nodes: `${named.join(', ')}${more}`, because: error.message });
    return true;
  }
}
