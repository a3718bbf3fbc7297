import { NAMES_NONE, type NamedDatabase, unreadable } from './named-database.ts';

/** A string that is looked at at all is no longer than this. Bytes. */
const STRING_BYTES = 1_000;

/**
 * The database that a JSON-RPC call to Odoo names. A key that is there twice would count the second time, wherever it
 * stands, so the body is looked through to its end: once, by its brackets and quotes, without making anything of it.
 */
export function jsonRpcCall(body: Buffer): NamedDatabase {
  const params = entriesOf(body, 0)?.get('params');
  const call = params === undefined ? undefined : entriesOf(body, params);
  if (call === undefined) return unreadable("The body isn't a JSON-RPC call with named params.");
  const [service, method] = [stringAt(body, call.get('service')), stringAt(body, call.get('method'))];
  const args = call.get('args');
  if (args === undefined || body[args] !== BRACKET) return unreadable('The call has no list of args.');
  const first = spaceEnd(body, args + 1);
  if (service === 'common' && method !== undefined && NAMES_NONE.has(method) && body[first] === BRACKET_END)
    return { kind: 'none' };
  if (service !== 'object' && service !== 'common')
    return unreadable('Only the services object and common are served here.');
  const name = stringAt(body, first);
  return name === undefined
    ? unreadable("The call's first argument has to be the name of a database.")
    : { kind: 'database', name };
}

const [QUOTE, BACKSLASH, BRACE, BRACE_END, BRACKET, BRACKET_END, COLON, COMMA] = Buffer.from(
  '"\\{}[]:,',
) as unknown as [number, number, number, number, number, number, number, number];

/** Where the values of an object's keys begin. `undefined`: it isn't an object, or a key is there twice or can't be told. */
function entriesOf(body: Buffer, from: number): ReadonlyMap<string, number> | undefined {
  let i = spaceEnd(body, from);
  if (body[i] !== BRACE) return undefined;
  const entries = new Map<string, number>();
  i = spaceEnd(body, i + 1);
  while (i < body.length && body[i] !== BRACE_END) {
    const key = stringAt(body, i);
    const end = stringEnd(body, i);
    if (key === undefined || end === undefined || entries.has(key) || entries.size >= 100) return undefined;
    i = spaceEnd(body, end);
    if (body[i] !== COLON) return undefined;
    i = spaceEnd(body, i + 1);
    entries.set(key, i);
    const after = valueEnd(body, i);
    if (after === undefined) return undefined;
    i = after;
    if (body[i] === COMMA) i = spaceEnd(body, i + 1);
  }
  return i < body.length ? entries : undefined;
}

/** The comma or bracket after a value. */
function valueEnd(body: Buffer, from: number): number | undefined {
  let depth = 0;
  for (let i = from; i < body.length; i++) {
    const byte = body[i];
    if (byte === QUOTE) {
      const end = stringEnd(body, i);
      if (end === undefined) return undefined;
      i = end - 1;
    } else if (byte === BRACE || byte === BRACKET) depth++;
    else if (byte === BRACE_END || byte === BRACKET_END) {
      if (depth === 0) return i;
      depth--;
    } else if (byte === COMMA && depth === 0) return i;
  }
  return undefined;
}

/** The place after a string's closing quote. */
function stringEnd(body: Buffer, from: number): number | undefined {
  for (let i = body.indexOf(QUOTE, from + 1); i >= 0; i = body.indexOf(QUOTE, i + 1)) {
    let slashes = 0;
    while (body[i - 1 - slashes] === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return i + 1;
  }
  return undefined;
}

function stringAt(body: Buffer, from: number | undefined): string | undefined {
  if (from === undefined || body[from] !== QUOTE) return undefined;
  const end = stringEnd(body, from);
  if (end === undefined || end - from > STRING_BYTES) return undefined;
  try {
    const text: unknown = JSON.parse(body.toString('utf8', from, end));
    return typeof text === 'string' ? text : undefined;
  } catch {
    return undefined;
  }
}

function spaceEnd(body: Buffer, from: number): number {
  let i = from;
  while (body[i] === 0x20 || body[i] === 0x09 || body[i] === 0x0a || body[i] === 0x0d) i++;
  return i;
}
