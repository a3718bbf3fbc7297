import { CHECK_HEADER } from './check-pass.ts';
import type { ProxyConfig } from './proxy.ts';

/**
 * A request's headers as its slot gets them: with ours about the tenant, whatever the request said, and without what was
 * meant for us. Names that CGI and WSGI take for one of ours (they read `_` and `-` alike) go as well.
 */
export function toSlot<H extends Record<string, unknown>>(
  headers: H,
  tenant: string,
  header: ProxyConfig['tenantHeader'],
): H {
  const ours = new Set([CHECK_HEADER, ...(header === null ? [] : [alike(header.name)])]);
  // Who expects to be told to go on was told so by us, when the body came.
  const rest = Object.entries(headers).filter(([name]) => name !== 'expect' && !ours.has(alike(name)));
  const value = header !== null && Object.hasOwn(header.values, tenant) ? header.values[tenant] : undefined;
  const told = header === null || value === undefined ? [] : [[header.name, value] as const];
  return Object.fromEntries([...rest, ...told]) as H;
}

function alike(name: string): string {
  return name.toLowerCase().replaceAll('_', '-');
}
