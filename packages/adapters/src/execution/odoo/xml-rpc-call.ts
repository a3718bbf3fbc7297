import { NAMES_NONE, type NamedDatabase, unreadable } from './named-database.ts';

/** How far a call is read: its declaration, its method, its first parameter. Bytes. */
const HEAD_BYTES = 4_096;

/**
 * The beginning of a call, exactly: Odoo's reader (Python's) takes the first value that stands anywhere in the document
 * for the first parameter and ignores elements that it doesn't know, so nothing may stand before that value. No document
 * type, no comment, no reference fits in here.
 */
const HEAD =
  /^(?:\xef\xbb\xbf)?(?:<\?xml\s+([^?<>]{0,200})\?>)?\s*<methodCall(?:\s[^<>]{0,500})?>\s*<methodName>([A-Za-z0-9_.]{1,64})<\/methodName>\s*(.*)$/s;
const FIRST = /^<params>\s*<param>\s*<value>(?:([^<&]{0,200})|\s*<string>([^<&]{0,200})<\/string>\s*)<\/value>/;
const NO_PARAMS = /^(?:<params\s*\/>|<params>\s*<\/params>)?\s*<\/methodCall>\s*$/;
/** Encodings in which every character above is the same byte. */
const LIKE_ASCII: ReadonlySet<string> = new Set(['utf-8', 'utf8', 'us-ascii', 'ascii', 'iso-8859-1', 'iso-8859-15']);

/** The database that an XML-RPC call to Odoo names. Reads no more of the body than its beginning. */
export function xmlRpcCall(body: Buffer, service: 'object' | 'common'): NamedDatabase {
  const head = HEAD.exec(body.toString('latin1', 0, HEAD_BYTES));
  if (head === null) return unreadable("The body doesn't begin as an XML-RPC call does.");
  const [, declared = '', method = '', rest = ''] = head;
  const encoding = /encoding\s*=\s*["']([^"']*)["']/.exec(declared)?.[1]?.toLowerCase();
  if (encoding !== undefined && !LIKE_ASCII.has(encoding)) return unreadable('The call has to be written in UTF-8.');
  // Whole, since a second method's name further down would be the one that counts.
  if (service === 'common' && NAMES_NONE.has(method) && body.length <= HEAD_BYTES && NO_PARAMS.test(rest))
    return { kind: 'none' };
  const first = FIRST.exec(rest);
  if (first === null) return unreadable("The call's first parameter has to be the name of a database.");
  return { kind: 'database', name: first[1] ?? first[2] ?? '' };
}
