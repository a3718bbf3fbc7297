/** What a type stands on: a domain has rules and a default, its own and those of the domain below it. */
import type { Node } from 'libpg-query';
import type { TypeState } from '../catalogue/table-state.ts';
import { serialBase, type TypeRef, typeRefFrom } from '../catalogue/type-name.ts';
import type { WorkingSchema } from '../catalogue/working-schema.ts';
import { as, written } from '../parse/nodes.ts';
import { parseOne } from '../parse/parser.ts';
import { OWN_TYPES, TYPES_OF_EXTENSIONS } from './own-types.ts';

/** Domains over domains: beyond this nobody follows. */
const DEEPEST = 64;

export interface Stands {
  /** The domains, from the outermost in. */
  readonly domains: readonly TypeState[];
  readonly base: TypeRef;
  /** Why what it stands on isn't known; absent: it is. */
  readonly unknown?: string;
}

/** A type, all the way down; a serial's integer. */
export function standsOn(type: TypeRef, schema: WorkingSchema): Stands {
  const serial = serialBase(type);
  if (serial !== undefined) return { domains: [], base: { ...type, name: serial } };
  const domains: TypeState[] = [];
  let at = type;
  for (; domains.length < DEEPEST; ) {
    const found = at.array ? undefined : schema.type(at);
    if (found?.kind !== 'domain') {
      const known = at.array || found !== undefined || isNoDomain(at, schema);
      return { domains, base: at, ...(known ? {} : { unknown: `what the type ${written(at)} is isn’t known` }) };
    }
    domains.push(found);
    if (found.base === undefined)
      return { domains, base: at, unknown: `what the domain ${written(found)} stands on isn’t known` };
    at = typeRefFrom(found.base);
  }
  return { domains, base: at, unknown: `what the domain ${written(type)} stands on isn’t followed so far` };
}

/** A type of PostgreSQL's own, of an extension that is known, or a table's row. */
function isNoDomain({ schema: of, name }: TypeRef, schema: WorkingSchema): boolean {
  if (of === undefined && OWN_TYPES.has(name)) return true;
  if (of !== 'information_schema' && TYPES_OF_EXTENSIONS.has(name)) return true;
  return schema.find({ schema: of, name }) !== undefined;
}

/** Whether values are held against a rule of it, or may be. */
export function isConstrained({ domains, unknown }: Stands): boolean {
  return unknown !== undefined || domains.some(({ constrained }) => constrained === true);
}

/**
 * The defaults that a column of it may have when it says none. A domain takes over that of the domain below when it is made,
 * so that only the outermost one's counts. `undefined`: not known.
 */
export function defaultsOf({ domains }: Stands, schema: WorkingSchema): readonly Node[] | undefined {
  const [domain] = domains;
  if (domain === undefined) return [];
  if (domain.fills === undefined && domain.default === undefined && !schema.operators.known) return undefined;
  return [...(domain.fills ?? []), ...(domain.default === undefined ? [] : [expressionOf(domain.default)])].flatMap(
    (each) => each ?? [],
  );
}

/** The functions that hold its rules against a value: `schema.name`. */
export function callsOf({ domains }: Stands): readonly string[] {
  return [...new Set(domains.flatMap(({ calls }) => calls ?? []))];
}

const read = new Map<string, Node | undefined>();

/** An expression as the catalogue says it. */
export function expressionOf(text: string): Node | undefined {
  if (read.has(text)) return read.get(text);
  const select = as(parseOne(`select ${text}`), 'SelectStmt');
  const node = as(select?.targetList?.[0], 'ResTarget')?.val;
  // A database has as many as people wrote; a file of hostile ones must not fill the memory.
  if (read.size < 10_000) read.set(text, node);
  return node;
}
