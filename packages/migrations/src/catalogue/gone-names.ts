/** Names that a file took away from relations, by DROP or RENAME: without a catalogue nothing else says that they mean nothing now. */
export class GoneNames {
  readonly #keys = new Set<string>();

  /** `gone`: it surely is, from here on. Returns what takes that back. */
  change(key: string, gone: boolean): () => void {
    const before = this.#keys.has(key);
    this.#leave(key, gone);
    return () => this.#leave(key, before);
  }

  has({ schema, name }: { readonly schema: string; readonly name: string }): boolean {
    return this.#keys.has(`${schema}.${name}`);
  }

  /** The next file. */
  clear(): void {
    this.#keys.clear();
  }

  /** A temporary table's name may be a lasting one's, too. */
  #leave(key: string, gone: boolean): void {
    if (gone && !key.startsWith('pg_temp.')) this.#keys.add(key);
    else this.#keys.delete(key);
  }
}
