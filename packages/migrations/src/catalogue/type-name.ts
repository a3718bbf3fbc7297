import type { TypeName } from 'libpg-query';
import { as, constant, strings } from '../parse/nodes.ts';
import { parseOne } from '../parse/parser.ts';

/** A type with its modifiers, in PostgreSQL's internal spelling: `varchar` and 20, `numeric` and 10, 2. */
export interface TypeRef {
  readonly schema?: string | undefined;
  readonly name: string;
  readonly mods: readonly number[];
  readonly array: boolean;
}

const SERIALS: Readonly<Record<string, string>> = {
  serial: 'int4',
  serial4: 'int4',
  bigserial: 'int8',
  serial8: 'int8',
  smallserial: 'int2',
  serial2: 'int2',
};

/** From a tree. `serial` stays as it is written: it is a default, too. */
export function typeRefOf(type: TypeName | undefined): TypeRef {
  const names = strings(type?.names);
  const schema = names.length > 1 ? names.at(-2) : undefined;
  return {
    schema: schema === 'pg_catalog' ? undefined : schema,
    name: names.at(-1) ?? '',
    mods: (type?.typmods ?? []).flatMap((mod) => {
      const value = constant(mod);
      return typeof value === 'number' ? [value] : [];
    }),
    array: (type?.arrayBounds ?? []).length > 0,
  };
}

const read = new Map<string, TypeRef>();

/** From a text such as `character varying(20)`. What can't be read is a type of that name. */
export function typeRefFrom(text: string): TypeRef {
  const known = read.get(text);
  if (known !== undefined) return known;
  const node = parseOne(`select null::${text}`);
  const target = as(node, 'SelectStmt')?.targetList?.[0];
  const cast = as(as(target, 'ResTarget')?.val, 'TypeCast');
  const ref = cast?.typeName === undefined ? { name: text, mods: [], array: false } : typeRefOf(cast.typeName);
  // A database has as many types as people declared; a file of hostile names must not fill the memory.
  if (read.size < 10_000) read.set(text, ref);
  return ref;
}

/** The type that a serial column has. */
export function serialBase(ref: TypeRef): string | undefined {
  return ref.schema === undefined ? SERIALS[ref.name] : undefined;
}

/** As people read it. */
export function typeText({ schema, name, mods, array }: TypeRef): string {
  return `${schema === undefined ? '' : `${schema}.`}${name}${mods.length > 0 ? `(${mods.join(',')})` : ''}${array ? '[]' : ''}`;
}
