import type { IncomingHttpHeaders } from 'node:http';
import type pg from 'pg';
import { listCustomers } from './customers.ts';
import { type Database, inTransaction } from './database.ts';
import type { Edition } from './edition.ts';
import { Fields } from './fields.ts';
import { type Answer, once } from './idempotency.ts';
import { createInvoice, listInvoices, readInvoice } from './invoices.ts';
import { badRequest, Problem } from './problem.ts';
import { createProject, listProjects, summarise } from './projects.ts';
import { approveTime, listTime, recordTime } from './time-entries.ts';
import { bearerToken } from './tokens.ts';

export interface Call {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

interface Context {
  readonly database: Database;
  readonly edition: Edition;
  readonly tenant: string;
  /** The path's parts after the collection: an id, a number. */
  readonly id: string;
  readonly query: URLSearchParams;
  readonly body: unknown;
}

type Handler = (context: Context) => Promise<Answer>;

const ok = (body: unknown): Answer => ({ status: 200, body });

/** Everything that the API can do. `:` stands for one part of the path, after `/t/<tenant>`. */
const READS: Readonly<Record<string, Handler>> = {
  customers: async (c) => ok({ customers: await listCustomers(c.database, c.tenant) }),
  projects: async (c) =>
    ok({ projects: await listProjects(c.database, c.tenant, c.query.get('after') ?? '', limitOf(c.query)) }),
  'projects/:/summary': async (c) => ok(await summarise(c.database, c.tenant, c.id)),
  'time-entries': async (c) => {
    const entries = await listTime(
      c.database,
      c.tenant,
      c.query.get('project') ?? '',
      c.query.get('after') ?? '',
      limitOf(c.query),
    );
    return ok({ timeEntries: entries });
  },
  invoices: async (c) =>
    ok({ invoices: await listInvoices(c.database, c.tenant, numberOf(c.query.get('after') ?? '0'), limitOf(c.query)) }),
  'invoices/:': async (c) => ok(await readInvoice(c.database, c.tenant, numberOf(c.id))),
};

const WRITES: Readonly<Record<string, Handler>> = {
  projects: (c) => createProject(c.database, c.edition, c.tenant, new Fields(c.body)),
  'time-entries': (c) => recordTime(c.database, c.tenant, new Fields(c.body)),
  'time-entries/:/approve': (c) => approveTime(c.database, c.tenant, c.id, new Fields(c.body)),
  invoices: (c) => createInvoice(c.database, c.edition, c.tenant, new Fields(c.body)),
};

/** The tenants' API: finds the handler, checks the tenant's token, and runs a write once for its Idempotency-Key. */
export function tenantApi(edition: Edition, pool: pg.Pool, tokenBelongs: (tenant: string, token: string) => boolean) {
  return async (call: Call): Promise<Answer> => {
    const [, prefix, tenant, collection, id, verb, ...rest] = call.url.pathname.split('/').map(decode);
    if (prefix !== 't' || tenant === undefined || collection === undefined || rest.length > 0) {
      throw new Problem(404, 'Not found', 'paths are /t/<tenant>/<collection>');
    }
    // Before anything is said about what exists.
    if (!tokenBelongs(tenant, bearerToken(call.headers.authorization))) {
      throw new Problem(401, 'Unauthorized', 'a bearer token of this tenant is needed');
    }
    const name = [collection, ...(id === undefined ? [] : [':']), ...(verb === undefined ? [] : [verb])].join('/');
    const table = call.method === 'GET' ? READS : call.method === 'POST' ? WRITES : {};
    const handler = Object.hasOwn(table, name) ? table[name] : undefined;
    if (handler === undefined)
      throw new Problem(404, 'Not found', `${call.method} ${call.url.pathname} is not part of this API`);

    const context = { edition, tenant, id: id ?? '', query: call.url.searchParams, body: call.body };
    if (call.method === 'GET') return handler({ ...context, database: pool as unknown as Database });
    const key = keyOf(call.headers['idempotency-key']);
    return inTransaction(pool, (database) => {
      const write = () => handler({ ...context, database });
      return key === undefined
        ? write()
        : once(database, { tenant, key, target: name.replace(':', context.id), body: call.body }, write);
    });
  };
}

function keyOf(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (typeof header !== 'string' || header.length === 0 || header.length > 200) {
    throw badRequest('the header Idempotency-Key must have 1 to 200 characters');
  }
  return header;
}

function limitOf(query: URLSearchParams): number {
  const limit = Number(query.get('limit') ?? '100');
  if (!Number.isInteger(limit) || limit < 1 || limit > 500)
    throw badRequest('"limit" must be a whole number from 1 to 500');
  return limit;
}

function numberOf(text: string): bigint {
  if (!/^\d{1,15}$/.test(text)) throw badRequest('an invoice number must be a whole number');
  return BigInt(text);
}

function decode(part: string): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(part);
  } catch {
    throw badRequest('the path is not valid percent-encoding');
  }
  if (decoded.includes('\0')) throw badRequest('the path holds a NUL character');
  return decoded;
}
