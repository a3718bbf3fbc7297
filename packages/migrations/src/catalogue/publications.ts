/** Publications of logical replication as they stand between two statements, and which tables' UPDATE and DELETE PostgreSQL refuses for them. */
import type { Publication, Published } from './catalogue.ts';
import { type Journal, setOrDelete } from './journal.ts';
import type { TableState } from './table-state.ts';

/** Most publications that files make and that are followed: each table is held against all of them. */
export const MOST_PUBLICATIONS = 100;

/** Most looks at all tables for one run over files: every one costs as much as there are tables. */
const MOST_LOOKS = 100;

/** Changes of rows that are told to subscribers by the row's identity. */
type Told = 'update' | 'delete';

/** Why PostgreSQL refuses to change rows of a published table. */
export interface Refusal {
  readonly events: readonly Told[];
  readonly why: string;
}

export class Publications {
  readonly #journal: Journal;
  readonly #all = new Map<string, Publication>();
  #looks = 0;
  #made = 0;
  /** Whether the catalogue holds them. */
  readonly known: boolean;

  constructor(journal: Journal, given: readonly Publication[] | undefined) {
    this.#journal = journal;
    this.known = given !== undefined;
    for (const each of given ?? []) this.#all.set(each.name, each);
  }

  get any(): boolean {
    return this.#all.size > 0;
  }

  get isFull(): boolean {
    return this.#made >= MOST_PUBLICATIONS;
  }

  get(name: string): Publication | undefined {
    return this.#all.get(name);
  }

  put(publication: Publication): void {
    if (!this.#all.has(publication.name)) this.#made += 1;
    this.#set(publication.name, publication);
  }

  remove(name: string): void {
    this.#set(name, undefined);
  }

  /** Whether all tables may be looked at once more. */
  mayLook(): boolean {
    this.#looks += 1;
    return this.#looks <= MOST_LOOKS;
  }

  /** What publishes a table itself, or with a partitioned table that it is a partition of. */
  of(table: TableState, above: (key: string) => TableState | undefined): readonly (Publication & Partial<Published>)[] {
    if (this.#all.size === 0 || table.kind !== 'table' || table.unlogged || table.schema === 'pg_temp') return [];
    const chain = [table];
    for (const each of chain)
      for (const parent of each.parents) {
        const state = above(parent);
        if (state?.kind === 'partitioned' && !chain.includes(state)) chain.push(state);
      }
    const named = new Map(chain.flatMap(({ published }) => published.map((each) => [each.by, each])));
    const schemas = new Set(chain.map(({ schema }) => schema));
    return [...this.#all.values()].flatMap((each) => {
      const own = named.get(each.name);
      const whole = each.allTables === true || each.schemas?.some((schema) => schemas.has(schema)) === true;
      return own === undefined && !whole ? [] : [{ ...each, ...own }];
    });
  }

  #set(name: string, publication: Publication | undefined): void {
    const before = this.#all.get(name);
    this.#journal.note(`publication ${name}`, () => setOrDelete(this.#all, name, before));
    setOrDelete(this.#all, name, publication);
  }
}

/** Columns by which a row is told apart; `all`; `none`; or that isn't known. */
function identityOf({
  replicaIdentity,
  constraints,
  indexes,
  known,
}: TableState): readonly string[] | 'all' | 'none' | 'unknown' {
  if (replicaIdentity === 'full') return 'all';
  if (replicaIdentity === 'nothing') return 'none';
  if (typeof replicaIdentity === 'object') {
    const index = indexes.find(({ name }) => name === replicaIdentity.index);
    return index?.columns ?? (known ? 'none' : 'unknown');
  }
  const primary = constraints.find(({ kind }) => kind === 'primary');
  if (primary !== undefined) return primary.columns;
  return known && replicaIdentity === 'key' ? 'none' : 'unknown';
}

/** What PostgreSQL refuses for a table that is published as `by` says; `unknown`: it may. */
export function refusalOf(
  table: TableState,
  by: readonly (Publication & Partial<Published>)[],
): Refusal | 'unknown' | undefined {
  const told = (['update', 'delete'] as const).filter((event) => by.some(({ publishes }) => publishes.includes(event)));
  if (told.length === 0) return undefined;
  const identity = identityOf(table);
  if (identity === 'unknown') return 'unknown';
  if (identity === 'none') return { events: told, why: whyNone(table) };
  for (const { name, publishes, columns, filters } of by) {
    const events = told.filter((event) => publishes.includes(event));
    if (events.length === 0) continue;
    const covered = columns === undefined || (identity !== 'all' && identity.every((each) => columns.includes(each)));
    if (!covered) return { events, why: `${name} publishes too few of its columns to tell its rows apart` };
    const other = identity === 'all' ? undefined : filters?.find((each) => !identity.includes(each));
    if (other !== undefined)
      return { events, why: `${name} chooses rows by ${other}, which isn’t of its replica identity` };
  }
  return undefined;
}

function whyNone({ replicaIdentity }: TableState): string {
  if (replicaIdentity === 'nothing') return 'its replica identity is NOTHING';
  return typeof replicaIdentity === 'object'
    ? `the index of its replica identity (${replicaIdentity.index}) isn’t there`
    : 'it has no primary key, and no other replica identity';
}
