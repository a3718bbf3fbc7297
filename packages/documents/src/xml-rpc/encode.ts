/** What XML-RPC can say, as plain data. Dates are texts, written and read as they are. */
export type XmlRpcValue =
  | string
  | number
  | boolean
  | null
  | readonly XmlRpcValue[]
  | { readonly [name: string]: XmlRpcValue };

/** How deep arrays and structs may stand in each other, here and in answers. */
export const MAX_DEPTH = 32;

/**
 * A call as XML. Whole numbers of 32 bits are `int`, larger ones `i8`, others `double`; `null` is `nil`. Throws, naming
 * the place and never the value, where something isn't plain data or is a text that XML can't hold.
 */
export function encodeCall(method: string, params: readonly unknown[]): string {
  if (!/^[A-Za-z0-9_.:/]{1,200}$/.test(method)) throw new Error(`"${method.slice(0, 80)}" isn't a method's name`);
  const written = params.map((each, i) => `<param>${encodeValue(each, `params/${i}`)}</param>`);
  return `<?xml version="1.0"?>\n<methodCall><methodName>${method}</methodName><params>${written.join('')}</params></methodCall>`;
}

/** One value as XML; `where` names its place in errors. */
export function encodeValue(value: unknown, where = 'the value', depth = 0): string {
  if (depth > MAX_DEPTH) throw new Error(`${where}: values nest deeper than ${MAX_DEPTH}`);
  return `<value>${inner(value, where, depth)}</value>`;
}

function inner(value: unknown, where: string, depth: number): string {
  if (value === null) return '<nil/>';
  if (typeof value === 'boolean') return `<boolean>${value ? 1 : 0}</boolean>`;
  if (typeof value === 'number') return number(value, where);
  if (typeof value === 'string') return `<string>${escaped(value, where)}</string>`;
  if (Array.isArray(value)) {
    const items = value.map((item, i) => encodeValue(item, `${where}/${i}`, depth + 1));
    return `<array><data>${items.join('')}</data></array>`;
  }
  if (typeof value === 'object') {
    const members = Object.entries(value).map(
      ([name, item]) =>
        `<member><name>${escaped(name, where)}</name>${encodeValue(item, `${where}/${name.slice(0, 80)}`, depth + 1)}</member>`,
    );
    return `<struct>${members.join('')}</struct>`;
  }
  throw new Error(`${where} has no value`);
}

function number(value: number, where: string): string {
  if (!Number.isFinite(value)) throw new Error(`${where} isn't a finite number`);
  if (!Number.isSafeInteger(value) || Object.is(value, -0))
    return `<double>${Object.is(value, -0) ? '-0.0' : value}</double>`;
  return value === (value | 0) ? `<int>${value}</int>` : `<i8>${value}</i8>`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what XML 1.0 has no way to write
const UNWRITABLE = /[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/;

function escaped(text: string, where: string): string {
  if (UNWRITABLE.test(text) || !text.isWellFormed())
    throw new Error(`${where} holds a text that can't stand in XML (a control character, or half of a surrogate pair)`);
  // A carriage return as itself would be read as a line feed.
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('\r', '&#13;');
}
