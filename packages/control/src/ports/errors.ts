import type { Refusal } from '@headgate/domain/model/refusal';

/**
 * The store can't be reached, or couldn't finish in time. Everything may be tried again: reads as they are, a commit with
 * the versions that it was decided on. A commit whose connection broke may have happened; then the retry is a conflict,
 * and loading the streams shows what is true.
 */
export class StoreUnavailable extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'StoreUnavailable';
  }
}

/** An entry that can't go on the log: too large, or not plain JSON under a proper name. A programming error. */
export class EntryRefused extends Error {
  readonly refusal: Refusal;
  constructor(refusal: Refusal) {
    super(`${refusal.what}: ${refusal.why}${refusal.unblock === '' ? '' : `; ${refusal.unblock}`}`);
    this.name = 'EntryRefused';
    this.refusal = refusal;
  }
}

/**
 * A row that is to be written, or that a decision rests on, was written by a newer Headgate in a way that this one can't
 * decide on. Nothing was changed; a server of that version does it.
 */
export class NewerRow extends Error {
  readonly stream: string;
  constructor(stream: string) {
    super(`${stream} was written by a newer Headgate than this one`);
    this.name = 'NewerRow';
    this.stream = stream;
  }
}

/**
 * The tree's nodes aren't those of its leaves, so nothing is placed on it and nothing of it is signed. Nodes can be made anew
 * (`LogStore.mend`); where that doesn't help, entries or leaves were rewritten.
 */
export class SpoiltTree extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'SpoiltTree';
  }
}
