/** Whether a value that stands there as it is can be one of a type. Only what certainly can’t be is said. */
import type { Node } from 'libpg-query';
import type { TypeRef } from '../catalogue/type-name.ts';
import { typeText } from '../catalogue/type-name.ts';
import type { WorkingSchema } from '../catalogue/working-schema.ts';
import { constant } from '../parse/nodes.ts';
import { standsOn } from './domains.ts';

/** With what servers from 16 on take, too: digits in groups, and other bases. */
const WHOLE = /^\s*[+-]?(\d[\d_]*|0x[\da-f_]+|0o[0-7_]+|0b[01_]+)\s*$/i;
const NUMBER = /^\s*[+-]?((\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(e[+-]?\d+)?|0[xob][\da-f_]+|nan|inf(inity)?)\s*$/i;
const BOOLEAN = /^\s*(t|tr|tru|true|f|fa|fal|fals|false|y|ye|yes|n|no|on|of|off|1|0)\s*$/i;
const UUID = /^\{?[\da-f]{4}(-?[\da-f]{4}){7}\}?$/i;

const FORMS: Readonly<Record<string, RegExp>> = {
  int2: WHOLE,
  int4: WHOLE,
  int8: WHOLE,
  numeric: NUMBER,
  float4: NUMBER,
  float8: NUMBER,
  bool: BOOLEAN,
  uuid: UUID,
};

const MOST: Readonly<Record<string, number>> = { int2: 32_767, int4: 2_147_483_647, int8: 2 ** 63 };

/** Why PostgreSQL doesn't read a text as a value of the type: a statement that says it fails. `undefined`: it may. */
export function isNoneOf(value: Node | undefined, type: TypeRef, schema: WorkingSchema): string | undefined {
  const text = constant(value);
  const { base } = standsOn(type, schema);
  if (typeof text !== 'string' || base.array) return undefined;
  const form = base.schema === undefined ? FORMS[base.name] : undefined;
  const own = schema.type(base);
  const none = form !== undefined ? !form.test(text) : own?.values !== undefined && !own.values.includes(text);
  return none ? `'${short(text)}' is no ${typeText(base)}` : undefined;
}

/** Why a value isn't taken when it is written: it is too long, or too large. `undefined`: it may be taken. */
export function isTooLarge(value: Node | undefined, type: TypeRef, schema: WorkingSchema): string | undefined {
  const given = constant(value);
  const { base } = standsOn(type, schema);
  if (base.array || base.schema !== undefined) return undefined;
  const [limit, scale = 0] = base.mods;
  if (typeof given === 'string' && (base.name === 'varchar' || base.name === 'bpchar')) {
    const most = limit ?? (base.name === 'bpchar' ? 1 : undefined);
    const characters = [...given.trimEnd()].length;
    return most !== undefined && characters > most
      ? `'${short(given)}' has ${characters} characters, and ${typeText(base)} takes ${most}`
      : undefined;
  }
  if (typeof given !== 'number') return undefined;
  const most =
    base.name === 'numeric' && limit !== undefined ? 10 ** (limit - scale) - 0.5 * 10 ** -scale : MOST[base.name];
  return most !== undefined && Math.abs(given) > most + (base.name === 'numeric' ? 0 : 1)
    ? `${given} is too large for ${typeText(base)}`
    : undefined;
}

function short(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
