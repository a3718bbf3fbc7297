/** Values of enums that the transaction at hand added: until it has committed, PostgreSQL refuses whoever uses one. */
export class NewValues {
  /** Types, `schema.name`, by value; false: it may not have been added. */
  readonly #types = new Map<string, Map<string, boolean>>();
  /** How many new values a type has. */
  readonly #counts = new Map<string, number>();

  get any(): boolean {
    return this.#types.size > 0;
  }

  /** Takes back what it did when it is called again. */
  add(type: string, value: string, sure: boolean): () => void {
    const of = this.#types.get(value) ?? new Map<string, boolean>();
    this.#types.set(value, of);
    const before = of.get(type);
    of.set(type, sure);
    if (before === undefined) this.#counts.set(type, (this.#counts.get(type) ?? 0) + 1);
    return () => {
      if (before !== undefined) {
        of.set(type, before);
        return;
      }
      of.delete(type);
      if (of.size === 0 && this.#types.get(value) === of) this.#types.delete(value);
      const left = (this.#counts.get(type) ?? 1) - 1;
      if (left <= 0) this.#counts.delete(type);
      else this.#counts.set(type, left);
    };
  }

  /** Whether a value of a type is new: surely, perhaps, or not at all. */
  has(type: string, value: string): 'surely' | 'perhaps' | undefined {
    const sure = this.#types.get(value)?.get(type);
    return sure === undefined ? undefined : sure ? 'surely' : 'perhaps';
  }

  /** Whether a type has any. */
  isOf(type: string): boolean {
    return this.#counts.has(type);
  }

  /** The types to which a value is new. */
  typesOf(value: string): readonly string[] {
    return [...(this.#types.get(value)?.keys() ?? [])];
  }

  clear(): void {
    this.#types.clear();
    this.#counts.clear();
  }
}
