/**
 * Every field of a JSON Schema, found by walking it: properties, items of lists, keys and values of mappings, and every
 * branch of a union. What is generated is measured against this list, so that a field without a case is seen.
 */

/** As much of JSON Schema (2020-12) as ours are made of. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly pattern?: string;
  readonly format?: string;
  readonly contentEncoding?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: JsonSchema | boolean;
  readonly prefixItems?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema | boolean;
  readonly propertyNames?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
}

export type Path = readonly (string | number)[];

/** A field: how it is called in the schema, whatever value it stands in. */
export interface Field {
  /** `spec.gates[]|3.params.count`: `[]` an item, `{}` a mapping's value, `{key}` its key, `|3` a union's fourth branch. */
  readonly id: string;
  readonly schema: JsonSchema;
}

/** A field in a value. */
export interface Standing extends Field {
  readonly path: Path;
  /** Set for the key of a mapping: it is the last part of the path, and what is mutated. */
  readonly key?: true;
}

/** A schema with what it refers to put in its place. Ours don't refer to themselves. */
export function inlined(schema: JsonSchema): JsonSchema {
  const { $defs = {} } = schema as { readonly $defs?: Readonly<Record<string, unknown>> };
  const put = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(put);
    if (typeof value !== 'object' || value === null) return value;
    const { $ref, ...rest } = value as { readonly $ref?: string };
    const own = Object.fromEntries(Object.entries(rest).map(([key, each]) => [key, put(each)]));
    return $ref === undefined ? own : { ...(put($defs[$ref.replace('#/$defs/', '')]) as object), ...own };
  };
  const { $defs: _, ...whole } = put(schema) as { readonly $defs?: unknown };
  return whole;
}

/** The branches of a union that tell mappings or lists apart; null and other scalars are alternatives of one field. */
export function branchesOf(schema: JsonSchema): readonly JsonSchema[] {
  const all = schema.anyOf ?? schema.oneOf ?? [];
  return all.filter((branch) => branch.type !== 'null').flatMap((b) => ((b.anyOf ?? b.oneOf) ? branchesOf(b) : [b]));
}

/** A schema with its nullability and single branches taken off. */
export function bare(schema: JsonSchema): JsonSchema {
  const branches = branchesOf(schema);
  return branches.length === 1 ? bare(branches[0] as JsonSchema) : schema;
}

/** All fields below a schema, itself left out. */
export function fieldsOf(given: JsonSchema, at = ''): Field[] {
  const schema = bare(given);
  const branches = branchesOf(schema);
  if (branches.length > 1) return branches.flatMap((branch, i) => fieldsOf(branch, `${at}|${i}`));
  const found: Field[] = [];
  const add = (id: string, inner: JsonSchema) => found.push({ id, schema: inner }, ...fieldsOf(inner, id));
  for (const [name, inner] of Object.entries(schema.properties ?? {})) add(at === '' ? name : `${at}.${name}`, inner);
  for (const [i, inner] of (schema.prefixItems ?? []).entries()) add(`${at}[${i}]`, inner);
  if (typeof schema.items === 'object') add(`${at}[]`, schema.items);
  if (isMapping(schema)) {
    if (schema.propertyNames?.pattern !== undefined) found.push({ id: `${at}{key}`, schema: schema.propertyNames });
    add(`${at}{}`, schema.additionalProperties as JsonSchema);
  }
  return found;
}

/** Whether a schema is of a mapping whose values have a form of their own. */
export function isMapping({ additionalProperties: values }: JsonSchema): boolean {
  return typeof values === 'object' && Object.keys(values).length > 0;
}

/** The fields of a schema that a value has, with their paths. */
export function fieldsIn(given: JsonSchema, value: unknown, at = '', path: Path = []): Standing[] {
  const schema = bare(given);
  const branches = branchesOf(schema);
  if (branches.length > 1)
    return branches.flatMap((branch, i) => (fits(branch, value) ? fieldsIn(branch, value, `${at}|${i}`, path) : []));
  const found: Standing[] = [];
  const add = (id: string, inner: JsonSchema, part: string | number) => {
    const below = [...path, part];
    found.push({ id, schema: inner, path: below });
    found.push(...fieldsIn(inner, (value as Record<string | number, unknown>)[part], id, below));
  };
  if (Array.isArray(value)) {
    for (const [i, inner] of (schema.prefixItems ?? []).entries()) if (i < value.length) add(`${at}[${i}]`, inner, i);
    if (typeof schema.items === 'object') for (const i of value.keys()) add(`${at}[]`, schema.items, i);
    return found;
  }
  if (typeof value !== 'object' || value === null) return found;
  const properties = schema.properties ?? {};
  for (const name of Object.keys(value)) {
    const inner = Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (inner !== undefined) add(at === '' ? name : `${at}.${name}`, inner, name);
    else if (isMapping(schema)) {
      if (schema.propertyNames?.pattern !== undefined)
        found.push({ id: `${at}{key}`, schema: schema.propertyNames, path: [...path, name], key: true });
      add(`${at}{}`, schema.additionalProperties as JsonSchema, name);
    }
  }
  return found;
}

/** Whether a value was meant for a branch: it has the branch's type, its required fields and its constants. */
export function fits(branch: JsonSchema, value: unknown): boolean {
  if (branch.type === 'array' || branch.items !== undefined) return Array.isArray(value);
  if (branch.properties === undefined && branch.type !== 'object')
    return typeof value !== 'object' && (branch.const === undefined || branch.const === value);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const has = value as Record<string, unknown>;
  return (
    (branch.required ?? []).every(
      (name) => Object.hasOwn(has, name) || branch.properties?.[name]?.default !== undefined,
    ) && Object.entries(branch.properties ?? {}).every(([name, s]) => s.const === undefined || s.const === has[name])
  );
}

/** `spec.gates[1].params`, as problems name a place of a document. */
export function dotted(path: Path): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`))
    .join('')
    .replace(/^\./, '');
}
