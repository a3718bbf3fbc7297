/**
 * The schema while a file is read: begins as the catalogue says (or as nothing known), and every statement leaves it as
 * the database would be after it. What a file makes itself is `fresh`: empty, and nobody uses it yet.
 */
import type { Name } from '../parse/nodes.ts';
import type { Catalogue, RelationKind, Use } from './catalogue.ts';
import { either, eitherType, perhapsGone } from './either.ts';
import { GoneNames } from './gone-names.ts';
import { Journal, setOrDelete } from './journal.ts';
import { changeOf, type Links, link, owner, read, referred } from './links.ts';
import { NextNumbers } from './next-numbers.ts';
import { Operators } from './operators.ts';
import { Publications } from './publications.ts';
import { SessionSettings } from './session-settings.ts';
import { sameSignature } from './signature.ts';
import { blank, type Holder, type RoutineState, stateOf, type TableState, type TypeState } from './table-state.ts';

export class WorkingSchema {
  /** Whether what isn't listed isn't there. */
  readonly complete: boolean;
  readonly server: number;
  readonly settings: SessionSettings;
  /** Of the names that it chooses, as PostgreSQL does: of relations and indexes by schema, of constraints by table. */
  readonly numbers = new NextNumbers();
  readonly binaryCasts: ReadonlySet<string>;
  readonly #relations = new Map<string, TableState>();
  /** What the file at hand changed. */
  readonly #changed = new Set<string>();
  readonly #freshTypes = new Set<string>();
  readonly #freshRoutines = new Set<string>();
  readonly #types = new Map<string, TypeState>();
  readonly #routines = new Map<string, RoutineState[]>();
  /** Names of types and routines, in whichever schema. */
  readonly #named = new Set<string>();
  #tried = false;
  #perhaps = false;
  #version = 0;
  /** Functions that something runs without being asked (a default, a CHECK, an operator …), by `schema.name`. */
  readonly behind = new Set<string>();
  /** What takes back each change of the transaction at hand. */
  readonly journal = new Journal();
  readonly gone = new GoneNames();
  readonly publications: Publications;
  readonly operators: Operators;
  /** Children by parent, who refers to whom, which view reads what: kept up with every change, never searched for. */
  readonly #children: Links = new Map();
  readonly #incoming: Links = new Map();
  readonly #readers: Links = new Map();
  readonly #owned: Links = new Map();
  /** Tables by their indexes' names, `schema.name`: an index stands in its table's schema. */
  readonly #indexed = new Map<string, string>();

  constructor(catalogue: Catalogue | undefined) {
    this.complete = catalogue !== undefined;
    this.server = catalogue?.server ?? 15;
    this.settings = new SessionSettings(catalogue);
    this.binaryCasts = new Set(catalogue?.binaryCasts ?? []);
    this.publications = new Publications(this.journal, catalogue?.publications);
    this.operators = new Operators(this.journal, catalogue);
    const whole = this.publications.known;
    for (const relation of catalogue?.relations ?? []) this.put(stateOf(relation, whole, this.operators.known));
    for (const type of catalogue?.types ?? []) this.putType(type);
    for (const routine of catalogue?.routines ?? []) this.putRoutine(routine);
    this.#changed.clear();
    this.journal.begin();
  }

  /** The relation that a name means; `undefined`: none that is known. */
  find({ schema, name }: Name): TableState | undefined {
    for (const each of schema === undefined ? this.settings.forRelation(name) : [schema]) {
      const found = this.#relations.get(`${each}.${name}`);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Whether there is another of the name further along the path. */
  hides({ key }: TableState, { schema, name }: Name): boolean {
    if (schema !== undefined) return false;
    return this.settings
      .forRelation(name)
      .some((each) => `${each}.${name}` !== key && this.#relations.has(`${each}.${name}`));
  }

  /** The same, or a relation of which nothing is known, in use and of any size. */
  findOrAssume(name: Name, kind: RelationKind = 'table'): TableState {
    return (
      this.find(name) ?? {
        ...blank(this.qualified(name), kind),
        ...{ known: false, fresh: false, rows: null, bytes: null, indexBytes: null },
        ...{ replicaIdentity: 'unknown', rules: undefined, policies: undefined },
      }
    );
  }

  /** The name with its schema: the given one, or where it would be made. */
  qualified({ schema, name }: Name): Required<Name> & { readonly schema: string } {
    return { schema: schema ?? this.settings.along(name)[0] ?? 'public', name };
  }

  byKey(key: string): TableState | undefined {
    return this.#relations.get(key);
  }

  /** Reads something that won't happen now: what it would change isn't. */
  tried<T>(work: () => T): T {
    const before = this.#tried;
    this.#tried = true;
    try {
      return this.settings.tried(work);
    } finally {
      this.#tried = before;
    }
  }

  get isTrying(): boolean {
    return this.#tried;
  }

  /** What changes meanwhile may not happen, or be undone: what was stays, too, and nothing becomes fresh. */
  perhaps<T>(unsure: boolean, work: () => T): T {
    const before = this.#perhaps;
    this.#perhaps = unsure;
    try {
      return work();
    } finally {
      this.#perhaps = before;
    }
  }

  /** Another one after whatever changes how a statement is read. */
  get version(): string {
    return `${this.#version} ${this.settings.version}`;
  }

  put(state: TableState): void {
    if (this.#tried) return;
    this.#set(state.key, this.#perhaps ? either(this.#relations.get(state.key), state) : state);
    this.#changed.add(state.key);
  }

  remove(key: string): void {
    if (this.#tried) return;
    const before = this.#relations.get(key);
    this.#set(key, this.#perhaps && before !== undefined ? perhapsGone(before) : undefined);
  }

  /** A transaction may have ended either way: neither that what it did is there is believed, nor that it isn't. */
  doubt(): void {
    const relations = this.journal.changed.map((key) => [key, this.#relations.get(key)] as const);
    const [types, routines] = [[...this.#types.values()], [...this.#routines.values()].flat()];
    const changed = new Set(this.journal.changed);
    this.journal.rollBack();
    this.perhaps(true, () => {
      for (const [key, state] of relations)
        if (state !== undefined) this.put(state);
        else if (this.#relations.has(key)) this.remove(key);
      for (const type of types) if (changed.has(`type ${type.schema}.${type.name}`)) this.putType(type);
      for (const each of routines) if (changed.has(`routine ${each.schema}.${each.name}`)) this.putRoutine(each);
    });
  }

  #set(key: string, state: TableState | undefined): void {
    const before = this.#relations.get(key);
    this.journal.note(key, () => this.#leave(key, before));
    this.journal.note(key, this.gone.change(key, state === undefined && !this.#perhaps));
    this.#leave(key, state);
  }

  #leave(key: string, state: TableState | undefined): void {
    this.#version += 1;
    this.#relink(this.#relations.get(key), state);
    if (state === undefined) this.#relations.delete(key);
    else this.#relations.set(key, state);
  }

  /** Gives a relation another name; what refers to it, stands below it or reads it follows. */
  rename(key: string, schema: string, name: string): void {
    const state = this.#relations.get(key);
    if (state === undefined || this.#tried) return;
    const next = `${schema}.${name}`;
    if (this.#perhaps) {
      this.put({ ...state, schema, name, key: next });
      this.remove(key);
      return;
    }
    const renamed = (each: string): string => (each === key ? next : each);
    this.remove(key);
    this.put({ ...state, schema, name, key: next });
    const pointing = [this.#children, this.#incoming, this.#readers, this.#owned].flatMap((links) => [
      ...(links.get(key) ?? []),
    ]);
    for (const other of this.#states(pointing)) {
      const owned = other.ownedBy?.relation === key;
      this.put({
        ...other,
        ...(owned ? { ownedBy: { ...other.ownedBy, relation: next } as Use } : {}),
        parents: other.parents.map(renamed),
        uses: other.uses.map((use) => ({ ...use, relation: renamed(use.relation) })),
        constraints: other.constraints.map((each) =>
          each.references === undefined
            ? each
            : { ...each, references: { ...each.references, relation: renamed(each.references.relation) } },
        ),
      });
    }
  }

  /** All relations of a schema. */
  within(schema: string): readonly TableState[] {
    return [...this.#relations.values()].filter((each) => each.schema === schema);
  }

  all(): readonly TableState[] {
    return [...this.#relations.values()];
  }

  /** The partitions and heirs of a table, theirs too. */
  descendants(key: string): readonly TableState[] {
    const found: TableState[] = [];
    const queue = [key];
    const seen = new Set(queue);
    for (let parent = queue.pop(); parent !== undefined; parent = queue.pop())
      for (const child of this.#children.get(parent) ?? []) {
        if (seen.has(child)) continue;
        seen.add(child);
        const state = this.#relations.get(child);
        if (state !== undefined) found.push(state);
        queue.push(child);
      }
    return found;
  }

  /** Tables with a foreign key to this one (itself not among them). */
  referrers(key: string): readonly TableState[] {
    return this.#states(this.#incoming.get(key)).filter((each) => each.key !== key);
  }

  /** Views that read a relation, and the views that read those. */
  viewsOn(key: string, column?: string): readonly TableState[] {
    const direct = this.#states(this.#readers.get(key)).filter(
      ({ uses }) => column === undefined || uses.some((use) => use.relation === key && use.columns.includes(column)),
    );
    const all = new Map(direct.map((view) => [view.key, view]));
    for (const view of all.values())
      for (const further of this.#states(this.#readers.get(view.key))) all.set(further.key, further);
    return [...all.values()];
  }

  /** Sequences that go with a table, or with one column of it. */
  sequencesOf(key: string, column?: string): readonly TableState[] {
    const all = this.#states(this.#owned.get(key));
    return column === undefined ? all : all.filter(({ ownedBy }) => ownedBy?.columns.includes(column) === true);
  }

  /** The table of an index, which is looked for as a relation is. */
  tableOfIndex({ schema, name }: Name): TableState | undefined {
    for (const each of schema === undefined ? this.settings.forRelation(name) : [schema]) {
      const key = this.#indexed.get(`${each}.${name}`);
      if (key !== undefined) return this.#relations.get(key);
    }
    return undefined;
  }

  isTaken(schema: string, name: string): boolean {
    const key = `${schema}.${name}`;
    return this.#relations.has(key) || this.#indexed.has(key);
  }

  /** What has a name already that a new relation or index would have: they share them within a schema. */
  holderOf({ schema, name }: Pick<TableState, 'schema' | 'name'>): Holder | undefined {
    const key = `${schema}.${name}`;
    const relation = this.#relations.get(key);
    if (relation !== undefined) return { kind: relation.kind, relation };
    const table = this.#relations.get(this.#indexed.get(key) ?? '');
    const index = table?.indexes.find((each) => each.name === name);
    return table === undefined || index === undefined ? undefined : { kind: 'index', relation: table, index };
  }

  type({ schema, name }: Name): TypeState | undefined {
    const schemas = schema === undefined ? this.#along(name) : [schema];
    return schemas.flatMap((each) => this.#types.get(`${each}.${name}`) ?? [])[0];
  }

  putType(type: TypeState): void {
    if (this.#tried) return;
    this.#named.add(type.name);
    this.#version += 1;
    const key = `${type.schema}.${type.name}`;
    const before = this.#types.get(key);
    this.journal.note(`type ${key}`, () => setOrDelete(this.#types, key, before));
    this.#types.set(key, this.#perhaps ? eitherType(before, type) : type);
    if (type.fresh === true) this.#freshTypes.add(key);
  }

  /**
   * Functions and procedures of a name, in all schemas of the path: which of them a call means is told by its arguments, whose
   * types nobody works out here.
   */
  routines({ schema, name }: Name): readonly RoutineState[] {
    const schemas = schema === undefined ? this.#along(name) : [schema];
    return schemas.flatMap((each) => this.#routines.get(`${each}.${name}`) ?? []);
  }

  putRoutine(routine: RoutineState): void {
    if (this.#tried) return;
    const key = `${routine.schema}.${routine.name}`;
    this.#named.add(routine.name);
    this.#version += 1;
    const before = this.#routines.get(key) ?? [];
    this.journal.note(`routine ${key}`, () => setOrDelete(this.#routines, key, before));
    // Where it may not come to it, each body may be the one that is called.
    const others = before.filter((each) =>
      this.#perhaps ? each !== routine : sameSignature(each, routine) !== 'same',
    );
    this.#routines.set(key, [...others, this.#perhaps ? { ...routine, fresh: false } : routine]);
    if (routine.fresh === true) this.#freshRoutines.add(key);
  }

  removeRoutine(routine: RoutineState): void {
    if (this.#tried || this.#perhaps) return;
    const key = `${routine.schema}.${routine.name}`;
    const before = this.#routines.get(key) ?? [];
    this.#version += 1;
    this.journal.note(`routine ${key}`, () => setOrDelete(this.#routines, key, before));
    this.#routines.set(
      key,
      before.filter((each) => each !== routine),
    );
  }

  /** Temporary relations are gone: the session ends, or drops them. */
  dropTemporary(): void {
    for (const key of [...this.#changed]) if (isTemporary(key)) this.remove(key);
    for (const key of this.#freshTypes) if (isTemporary(key)) this.#types.delete(key);
    for (const key of this.#freshRoutines) if (isTemporary(key)) this.#routines.delete(key);
  }

  /** The next file, in a session of its own: what the one before made is there, and may be in use and full by then. */
  settle(): void {
    this.dropTemporary();
    this.settings.begin();
    for (const key of this.#changed) {
      const state = this.#relations.get(key);
      if (state === undefined) continue;
      this.#relations.set(key, {
        ...state,
        ...(state.fresh ? { fresh: false, rows: null, bytes: null, indexBytes: null } : {}),
        columns: state.columns.map(({ fresh: _, ...column }) => column),
      });
    }
    for (const key of this.#freshTypes) {
      const type = this.#types.get(key);
      if (type !== undefined) this.#types.set(key, { ...type, fresh: false });
    }
    for (const key of this.#freshRoutines)
      this.#routines.set(
        key,
        (this.#routines.get(key) ?? []).map((each) => ({ ...each, fresh: false })),
      );
    this.gone.clear();
    this.#changed.clear();
    this.#freshTypes.clear();
    this.#freshRoutines.clear();
    this.journal.begin();
  }

  /** A type or a routine that no schema has is PostgreSQL's own, whatever the path. */
  #along(name: string): readonly string[] {
    return this.#named.has(name) ? this.settings.along(name) : [];
  }

  #states(keys: Iterable<string> | undefined): readonly TableState[] {
    return [...new Set(keys ?? [])].flatMap((key) => this.#relations.get(key) ?? []);
  }

  #relink(before: TableState | undefined, after: TableState | undefined): void {
    const key = before?.key ?? after?.key ?? '';
    if (before?.parents !== after?.parents) link(this.#children, key, before?.parents, after?.parents);
    const constraints = changeOf(before?.constraints, after?.constraints);
    if (constraints.gone.length === 0) link(this.#incoming, key, [], referred(constraints.come));
    else link(this.#incoming, key, referred(before?.constraints), referred(after?.constraints));
    for (const { name } of constraints.gone)
      for (const scope of [key, before?.schema ?? '']) this.numbers.release(scope, name);
    if (before?.uses !== after?.uses) link(this.#readers, key, read(before), read(after));
    if (before?.ownedBy !== after?.ownedBy) link(this.#owned, key, owner(before), owner(after));
    const indexes = changeOf(before?.indexes, after?.indexes);
    for (const { name } of indexes.gone) {
      const of = `${before?.schema}.${name}`;
      if (this.#indexed.get(of) === key) this.#indexed.delete(of);
      this.numbers.release(before?.schema ?? '', name);
    }
    for (const { name } of indexes.come) this.#indexed.set(`${after?.schema}.${name}`, key);
    if (before !== undefined && after === undefined) this.numbers.release(before.schema, before.name);
  }
}

function isTemporary(key: string): boolean {
  return key.startsWith('pg_temp.');
}
