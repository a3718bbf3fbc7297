/** Values of enums that the transaction at hand added: until it has committed, PostgreSQL refuses whoever uses one. */
export class NewValues {
  /** Values by type, `schema.name`; false: it may not have been added. */
  readonly #values = new Map<string, Map<string, boolean>>();

  get any(): boolean {
    return this.#values.size > 0;
  }

  /** Takes back what it did when it is called again. */
  add(type: string, value: string, sure: boolean): () => void {
    const own = this.#values.get(type) ?? new Map<string, boolean>();
    const before = own.get(value);
    own.set(value, sure);
    this.#values.set(type, own);
    return () => {
      if (before === undefined) own.delete(value);
      else own.set(value, before);
      if (own.size === 0) this.#values.delete(type);
    };
  }

  /** Whether a value of a type is new: surely, perhaps, or not at all. */
  has(type: string, value: string): 'surely' | 'perhaps' | undefined {
    const sure = this.#values.get(type)?.get(value);
    return sure === undefined ? undefined : sure ? 'surely' : 'perhaps';
  }

  isOf(type: string): boolean {
    return this.#values.has(type);
  }

  types(): readonly string[] {
    return [...this.#values.keys()];
  }

  clear(): void {
    this.#values.clear();
  }
}
