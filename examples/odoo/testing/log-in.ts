/** For tests only: a person with a browser. */
import http from 'node:http';
import { join } from 'node:path';
import type { BroughtUpCell } from '../bring-up/cell.ts';
import { peopleIn, Session } from '../load/session.ts';

/**
 * Logs in at the tenant's login page through the router, opens the client and asks as whom by the session's cookie.
 * Throws when any of that is refused.
 */
export async function logIn(cell: BroughtUpCell, tenant: string): Promise<string> {
  const person = peopleIn(join(cell.stores.dir, 'tenant-access.json'))[tenant]!;
  const agent = new http.Agent();
  try {
    const session = new Session(agent, { url: cell.url, host: cell.host(tenant), timeLimitMs: 30_000 });
    for (const asked of [() => session.logIn(person), () => session.openClient()]) {
      const answer = await asked();
      if (answer.kind !== 'ok') throw new Error(answer.kind === 'failed' ? answer.why : 'under maintenance');
    }
    const answer = await session.call('res.users', 'search_read', [[['login', '=', person.login]], ['login']]);
    if (answer.kind !== 'ok') throw new Error(answer.kind === 'failed' ? answer.why : 'under maintenance');
    const said = JSON.parse(answer.text) as { readonly result?: readonly { readonly login: string }[] };
    if (said.result?.[0] === undefined) throw new Error(`refused: ${answer.text.slice(0, 300)}`);
    return said.result[0].login;
  } finally {
    agent.destroy();
  }
}
