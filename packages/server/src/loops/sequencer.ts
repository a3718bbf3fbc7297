import type { LogStore } from '@headgate/control';
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
