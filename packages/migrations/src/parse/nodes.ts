import type { A_Const, Node, RangeVar } from 'libpg-query';

type KindOf<N> = N extends N ? keyof N : never;
/** The name of a node of PostgreSQL's parse tree: `ColumnDef`, `AlterTableStmt` … */
export type NodeKind = KindOf<Node>;
type Inner<N, K> = N extends N ? (K extends keyof N ? N[K] : never) : never;
/** What stands inside of a node of one kind. */
export type NodeOf<K extends NodeKind> = Inner<Node, K>;

/** What stands in a node if it is of the kind. */
export function as<K extends NodeKind>(node: Node | undefined, kind: K): NodeOf<K> | undefined {
  return node === undefined ? undefined : ((node as Partial<Record<NodeKind, unknown>>)[kind] as NodeOf<K> | undefined);
}

/** A node's kind and content; a parse tree wraps each node in an object of one key. */
export function opened(node: Node): readonly [NodeKind, unknown] {
  const [kind] = Object.keys(node);
  return [kind as NodeKind, (node as Record<string, unknown>)[kind as string]];
}

/** The texts of a list of string nodes. */
export function strings(nodes: readonly Node[] | undefined): readonly string[] {
  return (nodes ?? []).flatMap((node) => as(node, 'String')?.sval ?? []);
}

/** A name that may be qualified. */
export interface Name {
  readonly schema?: string | undefined;
  readonly name: string;
}

/** The last two parts of a dotted name. */
export function nameFrom(nodes: readonly Node[] | undefined): Name {
  const parts = strings(nodes);
  return { schema: parts.at(-2), name: parts.at(-1) ?? '' };
}

/** A relation's name. */
export function nameOf(range: RangeVar | undefined): Name {
  return { schema: range?.schemaname, name: range?.relname ?? '' };
}

/** As people write it. */
export function written({ schema, name }: Name): string {
  return schema === undefined ? quoted(name) : `${quoted(schema)}.${quoted(name)}`;
}

/** An identifier, in quotes where PostgreSQL needs them. */
export function quoted(identifier: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(identifier) ? identifier : `"${identifier.replaceAll('"', '""')}"`;
}

/** A constant's value; `undefined` when the node is no constant. Null is `null`. */
export function constant(node: Node | undefined): string | number | boolean | null | undefined {
  const value: A_Const | undefined = as(node, 'A_Const');
  if (value === undefined) return undefined;
  if (value.isnull === true) return null;
  if (value.ival !== undefined) return value.ival.ival ?? 0;
  if (value.fval !== undefined) return Number(value.fval.fval ?? Number.NaN);
  if (value.boolval !== undefined) return value.boolval.boolval ?? false;
  return value.sval?.sval ?? value.bsval?.bsval ?? '';
}

/** The value of an option such as `WITH (fillfactor = 70)`, by its name. */
export function option(options: readonly Node[] | undefined, name: string): Node | undefined {
  return (options ?? []).flatMap((node) => {
    const def = as(node, 'DefElem');
    return def?.defname === name ? [def.arg ?? { Boolean: { boolval: true } }] : [];
  })[0];
}

/** Whether an option is given and isn't said to be off. */
export function isOn(options: readonly Node[] | undefined, name: string): boolean {
  const value = option(options, name);
  if (value === undefined) return false;
  const text = as(value, 'String')?.sval ?? as(value, 'Boolean')?.boolval ?? as(value, 'Integer')?.ival ?? true;
  return !['false', 'off', '0', 0, false].includes(text);
}

/** Calls back for every node below (and with) this value, whatever it is nested in. */
export function walk(value: unknown, visit: (kind: NodeKind, content: Record<string, unknown>) => void): void {
  if (Array.isArray(value)) {
    for (const each of value) walk(each, visit);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  for (const [key, content] of Object.entries(value)) {
    if (typeof content !== 'object' || content === null) continue;
    // Kinds of nodes begin with a capital; fields don't.
    if (/^[A-Z]/.test(key) && !Array.isArray(content)) visit(key as NodeKind, content as Record<string, unknown>);
    walk(content, visit);
  }
}
