import type { LogEntry } from '@headgate/documents/log/entry';
import { entryWords, type Instant } from '@headgate/domain';

/** An entry in words. */
export interface Told {
  readonly at: Instant;
  readonly by: string;
  readonly stream: string;
  readonly type: string;
  readonly words: string;
}

export function toldOf({ at, by, stream, type, data }: LogEntry): Told {
  return { at, by, stream, type, words: entryWords(type, data) };
}
