/**
 * What changing a column's type does: whether the table is written again, whether its indexes are, and whether values that
 * were allowed before no longer are. PostgreSQL decides it in ATColumnChangeRequiresRewrite and CheckIndexCompatible; the
 * oracle's test holds these rules against a server.
 */
import type { TypeRef } from '../catalogue/type-name.ts';
import type { WorkingSchema } from '../catalogue/working-schema.ts';
import { BINARY_CASTS } from './binary-casts.ts';
import { isConstrained, type Stands, standsOn } from './domains.ts';

export interface TypeChange {
  readonly rewrite: boolean;
  /** Indexes of the column are built again although the table isn't. */
  readonly reindex: boolean;
  /** Values that were allowed before are refused or cut now. */
  readonly narrows: boolean;
}

const SAME: TypeChange = { rewrite: false, reindex: false, narrows: false };
const REWRITE: TypeChange = { rewrite: true, reindex: true, narrows: false };

/** Types whose operators text and varchar share, so that indexes stay. */
const TEXTS = new Set(['text', 'varchar']);
/** Whose one modifier is a number of digits after the seconds, 6 when nobody says it. */
const TIMES = new Set(['timestamp', 'timestamptz', 'time', 'timetz']);
const WIDER: ReadonlySet<string> = new Set([
  'int2>int4',
  'int2>int8',
  'int4>int8',
  'int2>numeric',
  'int4>numeric',
  'int8>numeric',
  'float4>float8',
  'int2>float4',
  'int2>float8',
  'int4>float8',
  'date>timestamp',
  'date>timestamptz',
  'json>jsonb',
]);

/** `using`: an expression is given that isn't just the column, cast to the new type. */
export function typeChange(from: TypeRef, to: TypeRef, schema: WorkingSchema, using: boolean): TypeChange {
  const [before, after] = [standsOn(from, schema), standsOn(to, schema)];
  const [old, next] = [before.base, after.base];
  const narrows = isNarrower(old, next);
  if (using) return { ...REWRITE, narrows };
  if (isConstrained(after) && !same(from, to)) return { ...REWRITE, narrows: true };
  // What a domain's base is limited to, the server doesn't look up: a limit is held against every value.
  if (isDomain(before) && !same(from, to) && next.mods.length > 0) return { ...REWRITE, narrows };
  if (old.array || next.array) return same(old, next) ? SAME : { ...REWRITE, narrows };
  if (old.name === next.name && sameSchema(old, next)) return { ...sameName(old, next), narrows };
  if (utcTimes(old, next, schema)) return { rewrite: false, reindex: true, narrows };
  if (!isBinary(old, next, schema)) return { ...REWRITE, narrows };
  // The bytes stay, but a length that the new type has must be looked at.
  if (next.mods.length > 0) return { ...REWRITE, narrows };
  return { rewrite: false, reindex: !(TEXTS.has(old.name) && TEXTS.has(next.name)), narrows };
}

function same(one: TypeRef, other: TypeRef): boolean {
  return (
    one.name === other.name &&
    sameSchema(one, other) &&
    one.array === other.array &&
    one.mods.join() === other.mods.join()
  );
}

/** A name without its schema means the one that the path finds. */
function sameSchema(one: TypeRef, other: TypeRef): boolean {
  return one.schema === other.schema || one.schema === undefined || other.schema === undefined;
}

function sameName(old: TypeRef, next: TypeRef): TypeChange {
  if (old.mods.join() === next.mods.join()) return SAME;
  const [from, fromScale = 0] = old.mods;
  const [to, toScale = 0] = next.mods;
  if (old.name === 'varchar' || old.name === 'varbit')
    return to === undefined || (from !== undefined && to >= from) ? SAME : REWRITE;
  if (old.name === 'numeric')
    return to === undefined || (from !== undefined && to >= from && toScale === fromScale) ? SAME : REWRITE;
  if (TIMES.has(old.name)) return (to ?? 6) >= (from ?? 6) ? SAME : REWRITE;
  if (old.name === 'interval' && to === undefined) return SAME;
  return REWRITE;
}

/** `timestamp` and `timestamptz` have the same bytes where the session's time zone is UTC. */
function utcTimes(old: TypeRef, next: TypeRef, schema: WorkingSchema): boolean {
  const pair = `${old.name}>${next.name}`;
  if (pair !== 'timestamp>timestamptz' && pair !== 'timestamptz>timestamp') return false;
  const precision = next.mods[0];
  if (precision !== undefined && precision < 6 && precision !== old.mods[0]) return false;
  if (precision !== undefined && precision < 6) return false;
  const { timeZone } = schema.settings;
  return timeZone !== undefined && /^(utc|etc\/utc|gmt|etc\/gmt|uct|etc\/uct|zulu|etc\/zulu)$/i.test(timeZone);
}

function isBinary(old: TypeRef, next: TypeRef, schema: WorkingSchema): boolean {
  const cast = `${old.name}>${next.name}`;
  if (schema.binaryCasts.has(cast)) return true;
  return old.schema === undefined && next.schema === undefined && BINARY_CASTS.has(cast);
}

/** Whether a value of the old type may be none of the new one. What isn't known to be wider may be narrower. */
function isNarrower(old: TypeRef, next: TypeRef): boolean {
  if (old.array !== next.array) return true;
  if (old.name === next.name) {
    if (old.mods.join() === next.mods.join() || next.mods.length === 0) return false;
    const [from, fromScale = 0] = old.mods;
    const [to, toScale = 0] = next.mods;
    if (to === undefined) return false;
    if (old.name === 'numeric') return from === undefined || to - toScale < from - fromScale || toScale < fromScale;
    return TIMES.has(old.name) ? to < (from ?? 6) : from === undefined || to < from;
  }
  if (next.name === 'text') return false;
  if (TEXTS.has(old.name) && next.name === 'varchar') {
    const [to] = next.mods;
    const [from] = old.mods;
    return to !== undefined && (from === undefined || to < from);
  }
  return !WIDER.has(`${old.name}>${next.name}`) || next.mods.length > 0;
}

function isDomain({ domains }: Stands): boolean {
  return domains.length > 0;
}
