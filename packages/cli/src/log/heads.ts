import type { Client } from '@headgate/contract';
import { ProblemError } from '@headgate/contract';
import { type NoteVerifier, type OpenedTreeHead, openTreeHead, type TreeHeadRefusal } from '@headgate/documents';

/** The server's newest signed head; undefined before its first one. */
export async function currentNote(client: Client): Promise<string | undefined> {
  try {
    return await client.call('logHead');
  } catch (error) {
    if (error instanceof ProblemError && error.status === 404) return undefined;
    throw error;
  }
}

/** Opens a head by the given keys of the log that it names: a log's key is named after its origin. */
export function openHead(note: string, keys: readonly NoteVerifier[]): OpenedTreeHead | TreeHeadRefusal {
  const origin = note.split('\n', 1)[0] ?? '';
  const logKeys = keys.filter((key) => key.kind === 'tree-head' && key.name === origin);
  return openTreeHead(note, { origin, logKeys });
}
