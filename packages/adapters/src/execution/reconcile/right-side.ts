import type { ReconciliationContent } from '@headgate/documents/kinds/reconciliation';
import { readSecret } from '../../machine/durable-file.ts';
import { pointed } from '../http-checks/evaluate.ts';
import { httpCall } from '../http-checks/http-call.ts';

/** The other system: its address, and the file with our token for it. */
export interface Connection {
  readonly url: string;
  readonly tokenFile: string;
}

export type Row = Readonly<Record<string, unknown>>;
export interface TenantRow {
  readonly tenant: string;
  readonly row: Row;
}

const MAX_PAGE_BYTES = 16 * 1024 * 1024;
const PAGE_TIMEOUT_MS = 15_000;
/** Tenants that are asked for at the same time. */
const AT_ONCE = 4;

/** Where another system's facts are, as a document says it. */
type Source = ReconciliationContent['spec']['right'];

/** Reads all facts that another system has of these tenants, page by page. Throws where it lists somebody else's. */
export async function readRightSide(
  right: Source,
  tenantField: string | undefined,
  connection: Connection,
  tenants: readonly string[],
  signal: AbortSignal,
): Promise<TenantRow[]> {
  const token = await readSecret(connection.tokenFile);
  const waiting = [...tenants];
  const asked = new Set(tenants);
  const rows: TenantRow[] = [];
  const worker = async (): Promise<void> => {
    for (let tenant = waiting.shift(); tenant !== undefined; tenant = waiting.shift()) {
      for await (const row of pages(right, connection, token, tenant, signal)) {
        const said = tenantField === undefined ? tenant : (row[tenantField] ?? tenant);
        if (!asked.has(String(said)))
          throw new Error(`${right.connection} lists a fact of no tenant that was asked for`);
        rows.push({ tenant: String(said), row });
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, tenants.length) }, worker));
  return rows;
}

async function* pages(
  right: Source,
  connection: Connection,
  token: string,
  tenant: string,
  signal: AbortSignal,
): AsyncGenerator<Row> {
  const { paging } = right;
  let next: string | undefined;
  for (let page = 0; page < (paging?.maxPages ?? 1); page++) {
    // Joined as texts: the document's path begins with one slash, so it can't name another host.
    const url = new URL(
      connection.url.replace(/\/$/, '') + right.path.replaceAll('{tenant}', encodeURIComponent(tenant)),
    );
    if (next !== undefined) url.searchParams.set(paging!.parameter, next);
    const answer = await httpCall({
      method: 'GET',
      url,
      headers: { accept: 'application/json', authorization: `Bearer ${token}` },
      timeoutMs: PAGE_TIMEOUT_MS,
      maxBytes: MAX_PAGE_BYTES,
      signal,
    }).catch((error: Error) => {
      throw new Error(`${right.connection} can't be asked: ${error.message}`, { cause: error });
    });
    if (answer.status !== 200) throw new Error(`${right.connection} answered ${answer.status} to GET ${url.pathname}`);
    const items = pointed(answer.json(), right.items);
    if (!Array.isArray(items))
      throw new Error(`${right.connection} has no list at "${right.items}" of GET ${url.pathname}`);
    for (const item of items) {
      if (typeof item !== 'object' || item === null) throw new Error(`${right.connection} lists what is no object`);
      yield item as Row;
    }
    const after = paging && pointed(answer.json(), paging.next);
    if (after === undefined || after === null) return;
    next = String(after);
  }
  // An end that wasn't reached would look like facts that are missing.
  if (paging) throw new Error(`${right.connection} has more than ${paging.maxPages} pages of the tenant ${tenant}`);
}
