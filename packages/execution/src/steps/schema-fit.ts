import { fits, type SchemaRange } from '@headgate/domain';
import type { Ports } from '../ports/ports.ts';

/**
 * The invariant that holds whatever a plan says: the schema range of everything that runs contains its store's version.
 * Looked up at the target itself, right before a step that could break it. Returns what stands against it, in words.
 */
export async function misfitOfStore(ports: Ports, store: string, version: number): Promise<string | undefined> {
  for (const slot of ports.target.slots) {
    const seen = await ports.target.observe(slot);
    if (seen.phase === 'empty' || !seen.schemaRange || !seen.release) continue;
    if (!fits(seen.schemaRange, version)) {
      return `release ${seen.release.version} in slot ${slot} runs on schema ${say(seen.schemaRange)}, and the store ${store} would be at ${version}`;
    }
  }
  return undefined;
}

/** The same from the code's side: whether this release may run beside the cell's stores as they are. */
export async function misfitOfRelease(ports: Ports, version: string, range: SchemaRange): Promise<string | undefined> {
  for (const store of ports.migrator.stores) {
    const at = await ports.migrator.version(store);
    if (!fits(range, at)) return `release ${version} runs on schema ${say(range)}, and the store ${store} is at ${at}`;
  }
  return undefined;
}

function say(range: SchemaRange): string {
  return `${range.min} to ${range.max}`;
}
