/**
 * What the last exercise of a cell came to, as a signed statement in the cell's vault: there it is found from another place, when the
 * machine that carried it out is gone.
 */
import { MAX_BUNDLE_BYTES, openRebuildExercise, type SignedBundle, type Trust } from '@headgate/documents';
import type { ObjectStore } from '@headgate/execution';

interface OfCell {
  readonly environment: string;
  readonly cell: string;
}

function keyOf({ environment, cell }: OfCell): string {
  return `exercises/${environment}/${cell}/last.json`;
}

/** Puts it there, in the place of the one before. */
export async function keepExercise(
  vault: ObjectStore,
  of: OfCell,
  bundle: SignedBundle,
  signal: AbortSignal,
): Promise<void> {
  const text = Buffer.from(JSON.stringify(bundle));
  await vault.put(
    keyOf(of),
    (async function* () {
      yield text;
    })(),
    signal,
  );
}

/** How long each step took then that was done, by its id. Milliseconds. One that isn't right says nothing. */
export async function lastExercise(
  vault: ObjectStore,
  of: OfCell,
  trust: Pick<Trust, 'signers'>,
  signal: AbortSignal,
): Promise<Readonly<Record<string, number>>> {
  const content = await vault.get(keyOf(of), signal);
  if (content === undefined) return {};
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of content) {
    size += chunk.length;
    if (size > MAX_BUNDLE_BYTES) return {};
    chunks.push(chunk);
  }
  const opened = openRebuildExercise(Buffer.concat(chunks).toString('utf8'), trust);
  if (!opened.ok || opened.facts.cell !== of.cell || opened.facts.environment !== of.environment) return {};
  const { steps } = opened.facts;
  return Object.fromEntries(steps.flatMap(({ id, tookMs, failed }) => (failed === undefined ? [[id, tookMs]] : [])));
}
