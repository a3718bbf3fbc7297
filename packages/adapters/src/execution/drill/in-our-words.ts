import type { DrilledWal } from '@headgate/domain';
import { ObjectStoreTrouble } from '@headgate/execution';

/** Why a drill doesn't go on, in words that hold nothing of what customers wrote. */
export class InOurWords extends Error {}

/** The log has a gap. `wal`: what lies before it; absent: nothing does. */
export class LogHasGap extends InOurWords {
  readonly wal: DrilledWal | undefined;

  constructor(words: string, wal: DrilledWal | undefined) {
    super(words);
    this.wal = wal;
  }
}

export function isOurs(error: unknown): boolean {
  return error instanceof InOurWords || error instanceof ObjectStoreTrouble;
}
