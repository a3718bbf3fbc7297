import type { IncomingHttpHeaders } from 'node:http';
import { type AskedFor, METHODS } from '@headgate/domain/model/operation';
import type { TenantBy } from './tenant-of.ts';

/** Headers that applications take a request's method from instead of the method itself. */
const HEADER = /^(x-)?(http-)?method(-override)?$/;
/** The same in the query: `_method` as PHP, Rack and their like read names, and the headers' names, as ASP.NET does. */
const PARAMETER = /^(-method|x-(http-)?method(-override)?)(-|$)/;

const KNOWN: ReadonlySet<string> = new Set(METHODS);

/**
 * A request as an operation is judged by: without the tenant's own prefix, with every method that it may be taken for. There are
 * no more of them than there are methods, so all are looked at, however often and in whichever place they stand.
 */
export function askedFor(by: TenantBy, method: string, target: string, headers: IncomingHttpHeaders): AskedFor {
  const [whole = '', query = ''] = target.split(/\?(.*)/s, 2) as [string, string?];
  const path = by === 'path' ? whole.replace(/^\/t\/[^/]*/, '') : whole;
  const methods = new Set([method]);
  for (const [name, value = ''] of Object.entries(headers))
    if (HEADER.test(alike(name))) for (const each of named(String(value))) methods.add(each);
  // What isn't encoded says its name in letters.
  if (/method|%/i.test(query))
    for (const [name, value] of new URLSearchParams(query.replaceAll(';', '&')))
      if (PARAMETER.test(alike(name))) for (const each of named(value)) methods.add(each);
  return { methods: [...methods], path };
}

/** The methods that stand in a value: one of a list, or one among blanks and quotes. */
function named(value: string): readonly string[] {
  return (value.toUpperCase().match(/[A-Z]+/g) ?? []).filter((word) => KNOWN.has(word));
}

/** CGI and WSGI read `_` and `-` alike, and PHP dots, blanks and brackets in a parameter's name as `_`. */
function alike(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]+/g, '-');
}
