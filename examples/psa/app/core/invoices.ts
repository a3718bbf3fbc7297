import type { BillableEntry, BillingTerms, Draft, TaxCode } from './billing.ts';
import type { Database, Row } from './database.ts';
import type { Edition } from './edition.ts';
import type { Fields } from './fields.ts';
import type { Answer } from './idempotency.ts';
import { centsToJson } from './money.ts';
import { badRequest, conflict, notFound } from './problem.ts';

/** Lines on one invoice at most; what is over comes on the next one. */
const MAX_LINES = 500;

/**
 * Makes an invoice of a project's approved time and queues its posting, all in the caller's transaction: the number is
 * taken from the tenant's counter there, so a rolled back invoice leaves no gap.
 */
export async function createInvoice(
  database: Database,
  edition: Edition,
  tenant: string,
  fields: Fields,
): Promise<Answer> {
  fields.only('project');
  const project = fields.text('project', 64);
  const terms = await lockTerms(database, tenant, project);
  const entries = await database.query<Row & BillableEntry>(
    `SELECT id, person, day, minutes, note FROM time_entry
     WHERE tenant_id = $1 AND project_id = $2 AND state = 'approved' ORDER BY day, id LIMIT ${MAX_LINES} FOR UPDATE`,
    [tenant, project],
  );
  if (entries.rows.length === 0) throw conflict('this project has no approved time that is not on an invoice yet');

  const draft = edition.draft(terms, entries.rows);
  const counter = await database.query<{ last: bigint }>(
    `INSERT INTO invoice_counter AS c (tenant_id, last) VALUES ($1, 1)
     ON CONFLICT (tenant_id) DO UPDATE SET last = c.last + 1 RETURNING last`,
    [tenant],
  );
  const number = counter.rows[0]!.last;
  await insert(database, 'invoice', [
    {
      tenant_id: tenant,
      number,
      project_id: project,
      currency: terms.currency,
      net_cents: draft.net,
      tax_cents: draft.tax,
      total_cents: draft.total,
      ...draft.more,
    },
  ]);
  await insertLines(database, tenant, number, draft);
  await database.query(
    `UPDATE time_entry SET state = 'invoiced', invoice_number = $2 WHERE tenant_id = $1 AND id = ANY($3)`,
    [tenant, number, draft.lines.map((line) => line.entryId)],
  );
  await database.query(`INSERT INTO job (tenant_id, kind, payload) VALUES ($1, 'post-invoice', $2)`, [
    tenant,
    JSON.stringify({ invoice: centsToJson(number) }),
  ]);
  return { status: 201, body: await readInvoice(database, tenant, number) };
}

/** The terms of a project, locked against a second invoice of it at the same time (but not against new time entries). */
async function lockTerms(database: Database, tenant: string, project: string): Promise<BillingTerms> {
  type TermsRow = Row & { rate_per_hour_cents: bigint; currency: string; discount_basis_points?: number };
  const locked = await database.query<TermsRow & { customer_id: string }>(
    `SELECT * FROM project WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE`,
    [tenant, project],
  );
  const row = locked.rows[0];
  if (row === undefined) throw badRequest('"project" must be the id of a project of this tenant');
  const customer = await database.query<{ tax_code: TaxCode; purchase_order: string | null }>(
    `SELECT tax_code, purchase_order FROM customer WHERE tenant_id = $1 AND id = $2`,
    [tenant, row.customer_id],
  );
  return {
    ratePerHour: row.rate_per_hour_cents,
    currency: row.currency,
    taxCode: customer.rows[0]!.tax_code,
    purchaseOrder: customer.rows[0]!.purchase_order,
    discountBasisPoints: row.discount_basis_points ?? 0,
  };
}

async function insertLines(database: Database, tenant: string, number: bigint, draft: Draft): Promise<void> {
  await insert(
    database,
    'invoice_line',
    draft.lines.map((line, index) => ({
      tenant_id: tenant,
      invoice_number: number,
      line: index + 1,
      time_entry_id: line.entryId,
      description: line.description,
      minutes: line.minutes,
      net_cents: line.net,
      ...line.more,
    })),
  );
}

/** Inserts rows of one shape. Table and column names are this system's own, never a request's. */
async function insert(
  database: Database,
  table: string,
  rows: readonly Readonly<Record<string, unknown>>[],
): Promise<void> {
  const columns = Object.keys(rows[0] ?? {});
  const tuples = rows.map(
    (_, row) => `(${columns.map((_, column) => `$${row * columns.length + column + 1}`).join(', ')})`,
  );
  const values = rows.flatMap((row) => columns.map((column) => row[column]));
  await database.query(`INSERT INTO ${table} (${columns.join(', ')}) VALUES ${tuples.join(', ')}`, values);
}

interface InvoiceRow extends Row {
  number: bigint;
  project_id: string;
  currency: string;
  net_cents: bigint;
  tax_cents: bigint;
  total_cents: bigint;
  state: string;
  erp_reference: string | null;
}

const COLUMNS = 'number, project_id, currency, net_cents, tax_cents, total_cents, state, erp_reference';

function toJson(row: InvoiceRow) {
  return {
    number: centsToJson(row.number),
    project: row.project_id,
    currency: row.currency,
    netCents: centsToJson(row.net_cents),
    taxCents: centsToJson(row.tax_cents),
    totalCents: centsToJson(row.total_cents),
    state: row.state,
    erpReference: row.erp_reference,
  };
}

/** One invoice with its lines. */
export async function readInvoice(database: Database, tenant: string, number: bigint) {
  const invoice = await database.query<InvoiceRow>(
    `SELECT ${COLUMNS} FROM invoice WHERE tenant_id = $1 AND number = $2`,
    [tenant, number],
  );
  const row = invoice.rows[0];
  if (row === undefined) throw notFound(`invoice ${number}`);
  const lines = await database.query<
    Row & { time_entry_id: string; description: string; minutes: number; net_cents: bigint }
  >(
    `SELECT time_entry_id, description, minutes, net_cents FROM invoice_line WHERE tenant_id = $1 AND invoice_number = $2 ORDER BY line`,
    [tenant, number],
  );
  return {
    ...toJson(row),
    lines: lines.rows.map((line) => ({
      timeEntry: line.time_entry_id,
      description: line.description,
      minutes: line.minutes,
      netCents: centsToJson(line.net_cents),
    })),
  };
}

/** A page of a tenant's invoices, by number. */
export async function listInvoices(database: Database, tenant: string, after: bigint, limit: number) {
  const { rows } = await database.query<InvoiceRow>(
    `SELECT ${COLUMNS} FROM invoice WHERE tenant_id = $1 AND number > $2 ORDER BY number LIMIT $3`,
    [tenant, after, limit],
  );
  return rows.map(toJson);
}
