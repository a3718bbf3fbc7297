import type { Refusal } from '@headgate/domain';

/**
 * Bytes of uploads that are in memory at once, of people and of agents, each: one blob of the largest size, and some small
 * ones beside it. While they are stored they are there twice.
 */
const MOST_BYTES = 72 * 1024 * 1024;

/** Counts what uploads under way may take of the memory. */
export class UploadBytes {
  readonly #most: number;
  readonly #taken = { people: 0, agents: 0 };

  constructor(most = MOST_BYTES) {
    this.#most = most;
  }

  /** Takes room for an upload of so many bytes; `end` must be called once when it is over. */
  begin(kind: 'people' | 'agents', bytes: number): { readonly end: () => void } | { readonly refusal: Refusal } {
    if (this.#taken[kind] + bytes > this.#most) {
      const why = `uploads of ${kind} that are under way take ${this.#taken[kind]} of ${this.#most} bytes of memory`;
      return {
        refusal: { code: 'too-busy', what: 'take a blob', where: 'uploads', why, unblock: 'try again in a moment' },
      };
    }
    this.#taken[kind] += bytes;
    let ended = false;
    return {
      end: () => {
        if (!ended) this.#taken[kind] -= bytes;
        ended = true;
      },
    };
  }
}
