/** The schema of a database as a fact: what the reader of a real one fills, and what a file can hold as JSON. */
export interface Catalogue {
  /** PostgreSQL's major version. */
  readonly server: number;
  /** Of a session that migrates: between `timestamp` and `timestamptz` it decides about a rewrite. */
  readonly timeZone: string;
  /** Schemas that an unqualified name is looked for in, in order. */
  readonly searchPath: readonly string[];
  readonly relations: readonly Relation[];
  readonly types: readonly UserType[];
  readonly routines: readonly Routine[];
  /** Casts that change no byte, beyond PostgreSQL's own: `citext>text`. */
  readonly binaryCasts: readonly string[];
  /**
   * Absent in catalogues of before. Only where they are given are the tables' replica identities, rules and policies, the
   * types' values and attributes, and when a trigger fires, known as well.
   */
  readonly publications?: readonly Publication[];
  /**
   * Operators and casts of people's own; absent in catalogues of before. Only where they are given are the domains' defaults,
   * what views and domains call, and what foreign keys do, known as well.
   */
  readonly operators?: readonly Operator[];
  readonly casts?: readonly Cast[];
  /** When it was read, by the database's clock; absent in files of before. Milliseconds since 1970. */
  readonly readAt?: number;
  /** The version that Headgate's own record says that it is at; absent: there is no record, or it may not be read. */
  readonly schemaVersion?: number;
}

export type RelationKind = 'table' | 'partitioned' | 'view' | 'materialized-view' | 'foreign' | 'sequence';

export interface Relation {
  readonly schema: string;
  readonly name: string;
  readonly kind: RelationKind;
  /** PostgreSQL's own estimate; null: not known (never analysed). */
  readonly rows: number | null;
  /** Of the table and its TOAST; null: not known. */
  readonly bytes: number | null;
  readonly indexBytes: number | null;
  readonly columns: readonly Column[];
  readonly constraints: readonly Constraint[];
  readonly indexes: readonly Index[];
  readonly triggers: readonly Trigger[];
  /** Tables that it inherits from, or is a partition of: `schema.name`. */
  readonly parents: readonly string[];
  /** It is its parent's default partition. */
  readonly defaultPartition?: boolean;
  /** Of a view: what it reads, and which columns of it. */
  readonly uses?: readonly Use[];
  /** Of a view: the functions that its query calls, by operators, casts and domains, too: `schema.name`. */
  readonly calls?: readonly string[];
  /** Of a sequence: the column that it goes with. */
  readonly ownedBy?: Use;
  readonly rowSecurity?: boolean;
  readonly unlogged?: boolean;
  readonly replicaIdentity?: ReplicaIdentity;
  readonly published?: readonly Published[];
  readonly rules?: readonly string[];
  readonly policies?: readonly string[];
}

/** What logical replication publishes. */
export interface Publication {
  readonly name: string;
  /** FOR ALL TABLES. */
  readonly allTables?: true;
  /** FOR TABLES IN SCHEMA. */
  readonly schemas?: readonly string[];
  readonly publishes: readonly TriggerEvent[];
}

/** A table that a publication names. */
export interface Published {
  /** The publication. */
  readonly by: string;
  /** Only these columns. */
  readonly columns?: readonly string[];
  /** Columns by which it chooses rows. */
  readonly filters?: readonly string[];
}

/** By what an UPDATE or DELETE that is published names its row; absent: by the primary key. */
export type ReplicaIdentity = 'full' | 'nothing' | { readonly index: string };

export type TriggerEvent = 'insert' | 'update' | 'delete' | 'truncate';

export interface Trigger {
  readonly name: string;
  /** Absent in catalogues of before: what it runs isn't known. */
  readonly fires?: {
    /** The function: `schema.name`. */
    readonly calls: string;
    readonly events: readonly TriggerEvent[];
    /** Of an UPDATE OF: only these. */
    readonly columns?: readonly string[];
    readonly each: 'row' | 'statement';
    /** Before or instead of the change: what the function returns decides about it. */
    readonly decides?: true;
    /** It has a WHEN condition. */
    readonly conditional?: true;
    /** It is disabled. */
    readonly off?: true;
  };
}

export interface Use {
  /** `schema.name`. */
  readonly relation: string;
  readonly columns: readonly string[];
}

export interface Column {
  readonly name: string;
  /** As PostgreSQL's format_type says it. */
  readonly type: string;
  readonly nullable: boolean;
  /** The expression of the default. */
  readonly default?: string;
  readonly generated?: 'stored' | 'virtual';
  /** Columns that a generated one is computed from. */
  readonly from?: readonly string[];
  readonly identity?: boolean;
}

export interface Constraint {
  readonly name: string;
  readonly kind: 'check' | 'primary' | 'unique' | 'foreign' | 'exclude' | 'not-null';
  readonly columns: readonly string[];
  readonly validated: boolean;
  /** Of a check. */
  readonly expression?: string;
  /** Of a foreign key. */
  readonly references?: Use;
  /** Of a foreign key: what becomes of the rows that refer, when what they refer to changes, or goes; absent: nothing. */
  readonly onUpdate?: KeyAction;
  readonly onDelete?: KeyAction;
  /** Of a check: heirs don't have it. */
  readonly noInherit?: true;
}

export type KeyAction = 'cascade' | 'set null' | 'set default';

export interface Index {
  readonly name: string;
  /** Its columns, without expressions; those that it only includes come last. */
  readonly columns: readonly string[];
  /** Columns that its expressions and its condition read, too. */
  readonly reads: readonly string[];
  readonly unique: boolean;
  /** It has an expression or a condition. */
  readonly computed: boolean;
  readonly valid: boolean;
  /** `btree` and its like; absent in catalogues of before, with all that follows. */
  readonly method?: string;
  /** How many of its columns it only includes. */
  readonly included?: number;
  /** Order, comparison, collation and nulls are those that an index has when its statement names none. */
  readonly plain?: boolean;
}

export interface UserType {
  readonly schema: string;
  readonly name: string;
  readonly kind: 'enum' | 'domain' | 'composite' | 'range' | 'other';
  /** Of a domain: what it stands on. */
  readonly base?: string;
  /** Of a domain: it has a CHECK or NOT NULL. */
  readonly constrained?: boolean;
  /** Of a domain: the expression of its default. */
  readonly default?: string;
  /** Of a domain: the functions that its CHECKs call, and those of the domain that it stands on: `schema.name`. */
  readonly calls?: readonly string[];
  /** Another type is turned into it, or it into another, as a text by a function that is volatile. */
  readonly volatileText?: true;
  /** Of an enum. */
  readonly values?: readonly string[] | undefined;
  /** Of a composite type. */
  readonly attributes?: readonly Pick<Column, 'name' | 'type'>[];
}

export interface Routine {
  readonly schema: string;
  readonly name: string;
  readonly arguments: number;
  readonly volatility: 'immutable' | 'stable' | 'volatile';
  readonly language: string;
  /** Its definition, CREATE FUNCTION and all, for languages that are read here. */
  readonly source?: string;
}

/** An operator of somebody's own: other than PostgreSQL's it may do anything. */
export interface Operator {
  readonly schema: string;
  readonly name: string;
  /** The function that it stands for: `schema.name`. */
  readonly calls: string;
  /** Its operands' types; a prefix operator has no left one. */
  readonly left?: string;
  readonly right?: string;
  readonly volatility: Routine['volatility'];
}

/** A cast by a function. */
export interface Cast {
  readonly from: string;
  readonly to: string;
  readonly calls: string;
  /** Where nobody writes it: in an assignment, or anywhere. */
  readonly applies: 'explicit' | 'assignment' | 'implicit';
  readonly volatility: Routine['volatility'];
}
