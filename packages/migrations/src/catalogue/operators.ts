/** Operators and casts of people's own: PostgreSQL's are as good as known, these stand for functions that may do anything. */
import type { Cast, Catalogue, Operator, Routine } from './catalogue.ts';
import type { Journal } from './journal.ts';
import { type TypeRef, typeRefFrom } from './type-name.ts';

/** Most of one name that are looked at for each expression: nobody has as many, a hostile file may. */
export const MOST_OPERATORS = 1_000;

export class Operators {
  /** Whether those of the database are known, and with them what stands behind its views, domains and keys. */
  readonly known: boolean;
  /** No function of the database changes anything when it is called. */
  readonly quiet: boolean;
  readonly #journal: Journal;
  readonly #operators = new Map<string, Operator[]>();
  /** By the name of the type that it leads to. */
  readonly #casts = new Map<string, Cast[]>();
  readonly #implicit: Cast[] = [];

  constructor(journal: Journal, catalogue: Catalogue | undefined) {
    this.#journal = journal;
    this.known = catalogue?.operators !== undefined && catalogue.casts !== undefined;
    this.quiet = (catalogue?.routines ?? []).every(isQuiet);
    for (const each of catalogue?.operators ?? []) this.put(each);
    for (const each of catalogue?.casts ?? []) this.putCast(each);
  }

  /** Whether there is any of the name, in whichever schema. */
  has(name: string): boolean {
    return this.#operators.has(name);
  }

  /** There are more of the name, or more casts that nobody writes, than are looked at. */
  isCrowded(name?: string): boolean {
    return (name === undefined ? this.#implicit : (this.#operators.get(name) ?? [])).length > MOST_OPERATORS;
  }

  /** Those of a name in these schemas. */
  named(name: string, schemas: readonly string[]): readonly Operator[] {
    return (this.#operators.get(name) ?? []).filter(({ schema }) => schemas.includes(schema));
  }

  /** Casts by a function to a type of this name, in whichever schema. */
  castsTo({ name, array }: TypeRef): readonly Cast[] {
    return (this.#casts.get(name) ?? []).filter(({ to }) => typeRefFrom(to).array === array);
  }

  /** Casts by a function that PostgreSQL uses wherever one fits. */
  get implicit(): readonly Cast[] {
    return this.#implicit;
  }

  /** One that a file makes, or moves; what it drops isn't followed, since it may be made again. */
  put(operator: Operator): void {
    this.#add(this.#operators, operator.name, operator);
  }

  putCast(cast: Cast): void {
    this.#add(this.#casts, typeRefFrom(cast.to).name, cast);
    if (cast.applies !== 'implicit') return;
    this.#implicit.push(cast);
    this.#journal.note('an implicit cast', () => this.#implicit.pop());
  }

  #add<Value>(map: Map<string, Value[]>, key: string, value: Value): void {
    const all = map.get(key) ?? [];
    all.push(value);
    map.set(key, all);
    this.#journal.note(`operator or cast ${key}`, () => {
      all.pop();
      if (all.length === 0) map.delete(key);
    });
  }
}

/** It says so of itself, or only a trigger can call it. */
function isQuiet({ volatility, source }: Routine): boolean {
  return volatility !== 'volatile' || (source !== undefined && /\breturns\s+(event_)?trigger\b/i.test(source));
}
