/** What a relation, a type or a routine is between two statements. What a file makes itself is `fresh`: empty, and nobody uses it yet. */
import type { Node } from 'libpg-query';
import type { Name } from '../parse/nodes.ts';
import type {
  Column,
  Constraint,
  Index,
  Published,
  Relation,
  RelationKind,
  ReplicaIdentity,
  Routine,
  Trigger,
  Use,
  UserType,
} from './catalogue.ts';

export interface ColumnState extends Column {
  /** Added in the same file: no running code writes it. */
  readonly fresh?: boolean;
}

/** A type or a routine; made in the same file, nobody uses it yet. */
export type TypeState = UserType & {
  readonly fresh?: boolean;
  /** Of a domain: defaults that a file gave it, each of which it may have. */
  readonly fills?: readonly Node[];
};
export type RoutineState = Routine & { readonly fresh?: boolean };

/** A relation as it stands between two statements. */
export interface TableState {
  /** `schema.name`; its identity until it is renamed. */
  readonly key: string;
  readonly schema: string;
  readonly name: string;
  readonly kind: RelationKind;
  readonly rows: number | null;
  readonly bytes: number | null;
  readonly indexBytes: number | null;
  readonly fresh: boolean;
  /** Whether columns, constraints and indexes are known; else anything may be there. */
  readonly known: boolean;
  readonly columns: readonly ColumnState[];
  readonly constraints: readonly Constraint[];
  readonly indexes: readonly Index[];
  readonly triggers: readonly Trigger[];
  readonly parents: readonly string[];
  readonly defaultPartition: boolean;
  readonly uses: readonly Use[];
  /** Of a view: the functions that its query calls; absent: not known. */
  readonly calls?: readonly string[] | undefined;
  /** Of a sequence: the column that it goes with. */
  readonly ownedBy?: Use;
  readonly rowSecurity: boolean;
  readonly unlogged: boolean;
  readonly replicaIdentity: ReplicaIdentity | 'key' | 'unknown';
  readonly published: readonly Published[];
  /** Names of its rules and policies; absent: not known. */
  readonly rules?: readonly string[] | undefined;
  readonly policies?: readonly string[] | undefined;
  /** It may not be there: what made, moved or dropped it may not have been reached. */
  readonly perhaps?: boolean;
}

/** What has a name: a relation, or an index and the relation that it is of. */
export interface Holder {
  readonly kind: RelationKind | 'index';
  readonly relation: TableState;
  readonly index?: Index;
}

/** A relation that was just made. */
export function blank({ schema, name }: Required<Name> & { readonly schema: string }, kind: RelationKind): TableState {
  return {
    key: `${schema}.${name}`,
    schema,
    name,
    kind,
    rows: 0,
    bytes: 0,
    indexBytes: 0,
    fresh: true,
    known: true,
    columns: [],
    constraints: [],
    indexes: [],
    triggers: [],
    parents: [],
    defaultPartition: false,
    uses: [],
    rowSecurity: false,
    unlogged: false,
    ...{ calls: [], replicaIdentity: 'key', published: [], rules: [], policies: [] },
  };
}

/**
 * A relation as the catalogue says it. `whole`: the catalogue holds its replica identity, rules and policies, too; `behind`:
 * what views call.
 */
export function stateOf(relation: Relation, whole: boolean, behind: boolean): TableState {
  const { schema, name, kind, rows, bytes, indexBytes, columns, constraints, indexes, triggers, parents } = relation;
  return {
    ...blank({ schema, name }, kind),
    ...{ rows, bytes, indexBytes, columns, constraints, indexes, triggers, parents },
    fresh: false,
    defaultPartition: relation.defaultPartition === true,
    uses: relation.uses ?? [],
    calls: relation.calls ?? (behind ? [] : undefined),
    ...(relation.ownedBy === undefined ? {} : { ownedBy: relation.ownedBy }),
    rowSecurity: relation.rowSecurity === true,
    unlogged: relation.unlogged === true,
    replicaIdentity: relation.replicaIdentity ?? (whole ? 'key' : 'unknown'),
    published: relation.published ?? [],
    rules: relation.rules ?? (whole ? [] : undefined),
    policies: relation.policies ?? (whole ? [] : undefined),
  };
}
