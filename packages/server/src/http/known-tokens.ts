import { hashToken } from '@headgate/control';

/** Tokens that are kept: who was away longest is forgotten first, and is looked up as a stranger's the next time. */
const MOST = 10_000;

/**
 * Tokens that were valid when they came last, by their hashes, and whose they were. It admits nobody: each request's token
 * is looked up in the database. It only says whose calls are not to be counted among strangers' before that.
 */
export class KnownTokens {
  readonly #owners = new Map<string, string>();

  /** Whose it was; undefined: it never was anybody's, or was refused since. */
  ownerOf(token: string): string | undefined {
    return this.#owners.get(hashToken(token));
  }

  remember(token: string, owner: string): void {
    const hash = hashToken(token);
    this.#owners.delete(hash);
    if (this.#owners.size >= MOST) this.#owners.delete(this.#owners.keys().next().value as string);
    this.#owners.set(hash, owner);
  }

  forget(token: string): void {
    this.#owners.delete(hashToken(token));
  }
}
