import { NewValues } from './new-values.ts';

/** What takes back each change since a transaction began, so that after a rollback nothing is believed that isn't there. */
export class Journal {
  readonly #undo: { readonly of: string; readonly undo: () => void }[] = [];
  readonly #savepoints: { readonly name: string; readonly at: number }[] = [];

  /** Of enums, until the transaction has committed. */
  readonly values = new NewValues();

  /** From here on a rollback takes back what is changed; what was before stays. */
  begin(): void {
    this.#undo.length = 0;
    this.#savepoints.length = 0;
    this.values.clear();
  }

  /** `of`: what is changed, so that whoever asks later is told. */
  note(of: string, undo: () => void): void {
    this.#undo.push({ of, undo });
  }

  savepoint(name: string): void {
    this.#savepoints.push({ name, at: this.#undo.length });
  }

  /** RELEASE: the last savepoint of the name and those after it are gone, and what was changed since stays. One that it hasn't ends the transaction. */
  release(name: string): void {
    const last = this.#savepoints.findLastIndex((each) => each.name === name);
    if (last < 0) this.rollBack();
    else this.#savepoints.length = last;
  }

  /** What was changed since the transaction began. */
  get changed(): readonly string[] {
    return [...new Set(this.#undo.map(({ of }) => of))];
  }

  /** Takes back what was changed since the transaction began, or since its last savepoint of a name; of a name that it hasn't, all. */
  rollBack(to?: string): void {
    const last = to === undefined ? -1 : this.#savepoints.findLastIndex(({ name }) => name === to);
    const at = this.#savepoints[last]?.at ?? 0;
    while (this.#undo.length > at) this.#undo.pop()?.undo();
    this.#savepoints.length = last + 1;
  }
}

/** Leaves a map as it was: with a value, or without the key. */
export function setOrDelete<T>(map: Map<string, T>, key: string, value: T | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}
