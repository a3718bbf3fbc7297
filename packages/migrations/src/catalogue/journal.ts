/** What takes back each change since a transaction began, so that after a rollback nothing is believed that isn't there. */
export class Journal {
  readonly #undo: (() => void)[] = [];
  #savepoints: readonly { readonly name: string; readonly at: number }[] = [];

  /** From here on a rollback takes back what is changed; what was before stays. */
  begin(): void {
    this.#undo.length = 0;
    this.#savepoints = [];
  }

  note(undo: () => void): void {
    this.#undo.push(undo);
  }

  savepoint(name: string): void {
    this.#savepoints = [...this.#savepoints, { name, at: this.#undo.length }];
  }

  /** Takes back what was changed since the transaction began, or since its last savepoint of a name; of a name that it hasn't, all. */
  rollBack(to?: string): void {
    const last = this.#savepoints.findLastIndex(({ name }) => name === to);
    const at = this.#savepoints[last]?.at ?? 0;
    while (this.#undo.length > at) this.#undo.pop()?.();
    this.#savepoints = this.#savepoints.slice(0, last + 1);
  }
}

/** Leaves a map as it was: with a value, or without the key. */
export function setOrDelete<T>(map: Map<string, T>, key: string, value: T | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}
