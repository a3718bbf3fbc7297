import type { IncomingHttpHeaders } from 'node:http';
import type { AskedFor } from '@headgate/domain/model/operation';
import type { TenantBy } from './tenant-of.ts';

/** What applications take a request's method from instead of the method itself. */
const OVERRIDES = ['x-http-method-override', 'x-http-method', 'x-method-override'];

/** A request as an operation is judged by: without the tenant's own prefix, with the methods that it may be taken for. */
export function askedFor(by: TenantBy, method: string, target: string, headers: IncomingHttpHeaders): AskedFor {
  const [whole = '', query = ''] = target.split(/\?(.*)/s, 2) as [string, string?];
  const path = by === 'path' ? whole.replace(/^\/t\/[^/]*/, '') : whole;
  const methods = [method, ...OVERRIDES.flatMap((name) => headers[name] ?? [])];
  if (query.includes('_method')) methods.push(...new URLSearchParams(query).getAll('_method'));
  return { methods: methods.slice(0, 10), path };
}
