import { createHmac } from 'node:crypto';
import type { DigestSeed } from '@headgate/domain/masking/originals';

/** The fewest characters of a key. */
export const LEAST_KEY = 32;

/** Keys that are derived from one: a function's is all that the database is ever given. */
export class MaskKeys {
  readonly #key: string;

  constructor(key: string) {
    this.#key = key;
  }

  /** 32 bytes for a function of masking. */
  of(name: string): Buffer {
    return createHmac('sha256', this.#key).update(`headgate mask ${name}`).digest();
  }

  /** Tells whether a run that goes on has the key that it was begun with. */
  check(): string {
    return this.of('check').subarray(0, 8).toString('hex');
  }

  /** The seed of the leak scan's digests. */
  seed(): DigestSeed {
    const bytes = this.of('leak scan');
    return { low: bytes.readUInt32BE(0), high: bytes.readUInt32BE(4) };
  }
}
