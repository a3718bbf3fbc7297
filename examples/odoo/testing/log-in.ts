/** For tests only: a person at the login page. */
import http from 'node:http';
import { join } from 'node:path';
import { readSecret } from '@headgate/adapters/machine/durable-file';
import type { BroughtUpCell } from '../bring-up/cell.ts';
import type { TenantAccess } from '../bring-up/tenants.ts';
import { odooRequest } from '../load/odoo-client.ts';

/** Logs in with the tenant's password through the router, and answers as whom. Throws when it is refused. */
export async function logIn(cell: BroughtUpCell, tenant: string): Promise<string> {
  const known = JSON.parse(await readSecret(join(cell.stores.dir, 'tenant-access.json'))) as Record<
    string,
    TenantAccess
  >;
  const { login, password } = known[tenant]!;
  const agent = new http.Agent();
  try {
    const answer = await odooRequest(agent, {
      url: cell.url,
      host: cell.host(tenant),
      timeLimitMs: 30_000,
      method: 'POST',
      path: '/web/session/authenticate',
      body: { jsonrpc: '2.0', params: { db: tenant, login, password } },
    });
    if (answer.kind !== 'ok') throw new Error(answer.kind === 'failed' ? answer.why : 'under maintenance');
    const said = JSON.parse(answer.text) as {
      readonly result?: { readonly username?: string };
      readonly error?: object;
    };
    if (said.result?.username === undefined) throw new Error(`refused: ${JSON.stringify(said.error).slice(0, 300)}`);
    return said.result.username;
  } finally {
    agent.destroy();
  }
}
