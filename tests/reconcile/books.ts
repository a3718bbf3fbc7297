/**
 * An independent look into both databases, by SQL of its own and through nobody else's code: what truly is the case with
 * one request, and whether a tenant's books are in order.
 */
import type { TransactionClass } from '@headgate/domain';
import type pg from 'pg';

export interface Databases {
  readonly store: pg.Pool;
  readonly ledger: pg.Pool;
}

/** One customer's wish: an invoice of a project, under a key. */
export interface Wish {
  readonly tenant: string;
  readonly key: string;
  readonly project: string;
}

export interface Truth {
  /** In words, for the report and for counting which situations came up. */
  readonly what: string;
  /** The class that it must be given; `none`: nothing is caught between the two sides. */
  readonly must: TransactionClass | 'none';
  readonly invoice: string | undefined;
}

/** What the databases hold of a wish. Throws where that can't be, whatever crashed. */
export async function truthOf({ store, ledger }: Databases, { tenant, key, project }: Wish): Promise<Truth> {
  const { rows: requests } = await store.query(
    `SELECT status, body ->> 'number' AS number FROM request WHERE tenant_id = $1 AND key = $2`,
    [tenant, key],
  );
  const { rows: invoices } = await store.query(
    'SELECT number::text AS number, state FROM invoice WHERE tenant_id = $1 AND project_id = $2',
    [tenant, project],
  );
  if (requests.length !== invoices.length || invoices.length > 1 || requests[0]?.number !== invoices[0]?.number)
    throw new Error(`half a transaction in the store: ${JSON.stringify({ requests, invoices })}`);
  const [invoice] = invoices;
  if (invoice === undefined) return { what: 'nothing', must: 'never-happened', invoice: undefined };
  const { rows: jobs } = await store.query(
    `SELECT state FROM job WHERE tenant_id = $1 AND kind = 'post-invoice' AND payload ->> 'invoice' = $2`,
    [tenant, invoice.number],
  );
  const { rows: entries } = await ledger.query('SELECT key FROM ledger_entry WHERE tenant = $1 AND invoice = $2', [
    tenant,
    invoice.number,
  ]);
  if (jobs.length > 1 || entries.length > 1)
    throw new Error(`one thing twice: ${JSON.stringify({ invoice, jobs, entries })}`);
  const job = jobs[0]?.state === 'done' ? 'finished job' : jobs[0] === undefined ? 'no job' : `${jobs[0].state} job`;
  const entry = entries.length === 1 ? 'entry' : 'no entry';
  const what = `invoice ${invoice.state}, ${job}, ${entry}`;
  const working = jobs[0] !== undefined && jobs[0].state !== 'done';
  if (invoice.state === 'acknowledged') {
    if (entries.length === 0) throw new Error(`acknowledged without an entry: ${what}`);
    return { what, must: 'none', invoice: invoice.number };
  }
  return { what, must: working ? 'in-doubt' : 'half-done', invoice: invoice.number };
}

/** What is wrong with a tenant's books, once everything should have come to its end; empty: nothing is. */
export async function findings(databases: Databases, tenant: string, wishes: readonly Wish[]): Promise<string[]> {
  const { store, ledger } = databases;
  const found: string[] = [];
  const { rows: invoices } = await store.query(
    `SELECT i.number::text AS number, i.project_id AS project, i.state, i.erp_reference AS reference,
            i.net_cents::text AS net, i.tax_cents::text AS tax, i.total_cents::text AS total
     FROM invoice i WHERE tenant_id = $1 ORDER BY i.number`,
    [tenant],
  );
  const { rows: entries } = await ledger.query(
    `SELECT invoice::text AS invoice, 'ERP-' || lpad(id::text, 8, '0') AS reference,
            net_cents::text AS net, tax_cents::text AS tax, total_cents::text AS total
     FROM ledger_entry WHERE tenant = $1`,
    [tenant],
  );
  const { rows: counters } = await store.query('SELECT last::text AS last FROM invoice_counter WHERE tenant_id = $1', [
    tenant,
  ]);
  if (counters[0]?.last !== String(invoices.length))
    found.push(`lost: ${counters[0]?.last} numbers were given and ${invoices.length} invoices are there`);
  for (const { key, project } of wishes) {
    const { rows } = await store.query(
      `SELECT body ->> 'number' AS number, status FROM request WHERE tenant_id = $1 AND key = $2`,
      [tenant, key],
    );
    const made = invoices.filter((invoice) => invoice.project === project);
    if (made.length === 0) found.push(`lost: the request ${key} has no invoice`);
    if (made.length > 1) found.push(`doubled: the request ${key} has ${made.length} invoices`);
    if (made.length === 1 && (rows[0]?.number !== made[0].number || rows[0]?.status !== 201))
      found.push(`the request ${key} names another invoice than ${made[0].number}`);
  }
  for (const { number, state, reference, net, tax, total } of invoices) {
    const of = entries.filter((entry) => entry.invoice === number);
    if (of.length === 0) found.push(`lost: the invoice ${number} has no entry`);
    if (of.length > 1) found.push(`doubled: the invoice ${number} has ${of.length} entries`);
    if (state !== 'acknowledged') found.push(`the invoice ${number} is ${state}`);
    for (const entry of of.slice(0, 1)) {
      if (entry.net !== net || entry.tax !== tax || entry.total !== total)
        found.push(`the invoice ${number} says ${total} and its entry ${entry.total}`);
      if (state === 'acknowledged' && entry.reference !== reference)
        found.push(`the invoice ${number} names the entry ${reference} and has ${entry.reference}`);
    }
  }
  for (const { invoice } of entries)
    if (!invoices.some(({ number }) => number === invoice)) found.push(`lost: an entry of ${invoice} has no invoice`);
  const sum = (rows: readonly { total: string }[]): bigint => rows.reduce((all, { total }) => all + BigInt(total), 0n);
  if (sum(invoices) !== sum(entries)) found.push(`the sums differ: ${sum(invoices)} and ${sum(entries)}`);
  return found;
}

/** Everything that both databases hold of a tenant and that business is made of, as one text: to see whether it changed. */
export async function pictureOf({ store, ledger }: Databases, tenant: string): Promise<string> {
  const parts = await Promise.all([
    ...['invoice', 'invoice_line', 'job', 'request', 'time_entry', 'invoice_counter'].map((table) =>
      store.query(`SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) AS m FROM ${table} t WHERE tenant_id = $1`, [
        tenant,
      ]),
    ),
    ...['ledger_entry', 'attempt'].map((table) =>
      ledger.query(`SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) AS m FROM ${table} t WHERE tenant = $1`, [
        tenant,
      ]),
    ),
  ]);
  return parts.map(({ rows }) => rows[0].m).join(' ');
}
