import { CHECK_HEADER } from './check-pass.ts';
import type { ProxyConfig } from './proxy.ts';

/** What we know of a request ourselves, from its connection and its host. */
export interface Arrival {
  /** As the client named it, with a port where it did; a slot gets it in lower case, as tenants are looked up. */
  readonly host: string | undefined;
  readonly address: string | undefined;
  readonly encrypted: boolean;
}

/**
 * A request's headers as its slot gets them: with ours about the tenant and about where it came from, whatever the request
 * said, and without what was meant for us. Names that CGI and WSGI take for one of ours (they read `_` and `-` alike) go
 * as well. Nobody stands in front of us whose word about a client counts, so what is said of forwarding goes too, and so does what
 * would have the slot take the request for one of another path than the one that we judged.
 */
export function toSlot<H extends Record<string, unknown>>(
  headers: H,
  tenant: string,
  header: ProxyConfig['tenantHeader'],
  arrival: Arrival,
): H {
  const ours = new Set([CHECK_HEADER, 'forwarded', ...OTHER_PATHS, ...(header === null ? [] : [alike(header.name)])]);
  const dropped = (name: string): boolean => ours.has(alike(name)) || alike(name).startsWith('x-forwarded-');
  // Who expects to be told to go on was told so by us, when the body came.
  const rest = Object.entries(headers).filter(([name]) => name !== 'expect' && !dropped(name));
  const { host, address, encrypted } = arrival;
  const forwarded = [
    ...(host === undefined ? [] : [['x-forwarded-host', host.toLowerCase()] as const]),
    ...(address === undefined ? [] : [['x-forwarded-for', address] as const]),
    ['x-forwarded-proto', encrypted ? 'https' : 'http'] as const,
  ];
  return Object.fromEntries([...rest, ...forwarded, ...told(headers, tenant, header)]) as H;
}

/** Where some frameworks and WSGI servers take a request's path from, or a part that they leave out of it. */
const OTHER_PATHS = ['x-original-url', 'x-rewrite-url', 'script-name', 'x-script-name', 'path-info'];

function told(
  headers: Record<string, unknown>,
  tenant: string,
  header: ProxyConfig['tenantHeader'],
): readonly (readonly [string, string])[] {
  if (header === null || !Object.hasOwn(header.values, tenant)) return [];
  const bearer = /^bearer\s/i.test(String(headers.authorization ?? ''));
  return header.withBearerOnly && !bearer ? [] : [[header.name, header.values[tenant]!]];
}

function alike(name: string): string {
  return name.toLowerCase().replaceAll('_', '-');
}
