import type { CallGuard, GuardedCall } from '../router/call-guard.ts';
import { jsonRpcCall } from './json-rpc-call.ts';
import { type NamedDatabase, unreadable } from './named-database.ts';
import { xmlRpcCall } from './xml-rpc-call.ts';

/**
 * Odoo's older RPC takes the database from a call's parameters: without this, one tenant's host leads to another's
 * database, also while that one is held and checked. Only calls that name the host's own database pass.
 */
export const refuseForeignDatabase: CallGuard = (call) => {
  const at = rpcAt(call.target);
  if (at === undefined) return undefined;
  const named = databaseOf(call, at);
  if (named.kind === 'none') return undefined;
  if (named.kind === 'unreadable')
    return {
      title: 'Unreadable call',
      detail: `${named.why} Nothing was carried out; JSON-2 (/json/2/) has no such rule.`,
    };
  if (named.name === call.tenantValue) return undefined;
  return {
    title: 'Another database',
    detail: `The call names the database ${JSON.stringify(named.name.slice(0, 63))}, which isn't this host's. Nothing was carried out; ask the host of that database.`,
  };
};

function databaseOf({ headers, body }: GuardedCall, [kind, ...rest]: readonly string[]): NamedDatabase {
  if (headers['content-encoding'] !== undefined)
    return unreadable("The body is compressed, so the database that it names can't be read.");
  if (body === undefined) return unreadable('There is no call in the body.');
  if (kind === 'jsonrpc') return rest.length === 0 ? jsonRpcCall(body) : unreadable(`/jsonrpc has nothing below it.`);
  const [service, ...more] = rest[0] === '2' ? rest.slice(1) : rest;
  if ((service !== 'object' && service !== 'common') || more.length > 0)
    return unreadable('Only the services object and common are served here.');
  return xmlRpcCall(body, service);
}

/**
 * The path's segments from Odoo's RPC on, as Odoo's own routing reads them: percent-decoded once, empty ones left out, and
 * whatever stands before (a language, which Odoo takes away when nothing else is found).
 */
function rpcAt(target: string): readonly string[] | undefined {
  const path = (target.split('?', 1)[0] as string).replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  const segments = path.split('/').filter((segment) => segment !== '');
  const at = segments.findIndex((segment) => segment === 'xmlrpc' || segment === 'jsonrpc');
  return at < 0 ? undefined : segments.slice(at);
}
