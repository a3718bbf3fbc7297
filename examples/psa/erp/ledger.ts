import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type pg from 'pg';
import { type Database, inTransaction, type Row } from '../app/core/database.ts';
import { Fields } from '../app/core/fields.ts';
import type { Answer } from '../app/core/idempotency.ts';
import { centsToJson } from '../app/core/money.ts';
import { badRequest, conflict } from '../app/core/problem.ts';

const MAX_CENTS = Number.MAX_SAFE_INTEGER;
const COLUMNS =
  'id, key, tenant, invoice, currency, net_cents, tax_cents, total_cents, reference, tax_breakdown, posted_at';

interface EntryRow extends Row {
  id: bigint;
  key: string;
  tenant: string;
  invoice: bigint;
  currency: string;
  net_cents: bigint;
  tax_cents: bigint;
  total_cents: bigint;
  reference: string | null;
  tax_breakdown: unknown;
  posted_at: Date;
}

/** Makes the ledger's tables where they are missing. */
export async function prepareLedger(database: Database): Promise<void> {
  await database.query(readFileSync(new URL('./schema.sql', import.meta.url), 'utf8'));
}

/**
 * Takes an entry under its key: 201 the first time, 200 with the same entry when the same body comes again, 409 when
 * another body comes. Every request is counted in the append-only `attempt`, in the entry's own transaction.
 */
export async function takeEntry(pool: pg.Pool, key: string, body: unknown): Promise<Answer> {
  const fields = new Fields(body).only(
    'tenant',
    'invoice',
    'currency',
    'netCents',
    'taxCents',
    'totalCents',
    'reference',
    'taxBreakdown',
  );
  const entry = {
    tenant: fields.text('tenant', 63),
    invoice: fields.integer('invoice', 1, MAX_CENTS),
    currency: fields.text('currency', 3),
    net: fields.integer('netCents', -MAX_CENTS, MAX_CENTS),
    tax: fields.integer('taxCents', -MAX_CENTS, MAX_CENTS),
    total: fields.integer('totalCents', -MAX_CENTS, MAX_CENTS),
    reference: fields.optionalText('reference', 200) ?? null,
  };
  if (entry.net + entry.tax !== entry.total)
    throw badRequest('"totalCents" must be the sum of "netCents" and "taxCents"');
  const breakdown = JSON.stringify((body as { taxBreakdown?: unknown }).taxBreakdown ?? null);
  const fingerprint = createHash('sha256')
    .update(JSON.stringify([entry, breakdown]))
    .digest('hex');

  const taken = await inTransaction(pool, async (database) => {
    const inserted = await database.query<EntryRow>(
      `INSERT INTO ledger_entry (key, fingerprint, tenant, invoice, currency, net_cents, tax_cents, total_cents, reference, tax_breakdown)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (key) DO NOTHING RETURNING ${COLUMNS}`,
      [
        key,
        fingerprint,
        entry.tenant,
        entry.invoice,
        entry.currency,
        entry.net,
        entry.tax,
        entry.total,
        entry.reference,
        breakdown,
      ],
    );
    const held = await database.query<EntryRow & { fingerprint: string }>(
      `SELECT ${COLUMNS}, fingerprint FROM ledger_entry WHERE key = $1`,
      [key],
    );
    const row = held.rows[0]!;
    const outcome = inserted.rows.length > 0 ? 'accepted' : row.fingerprint === fingerprint ? 'repeated' : 'conflict';
    await database.query(`INSERT INTO attempt (key, tenant, invoice, outcome) VALUES ($1, $2, $3, $4)`, [
      key,
      entry.tenant,
      entry.invoice,
      outcome,
    ]);
    return { row, outcome };
  });
  if (taken.outcome === 'conflict') throw conflict(`another entry was posted under the key ${key}`);
  return { status: taken.outcome === 'accepted' ? 201 : 200, body: toJson(taken.row) };
}

/** A page of entries in the order they were taken; `next` is the `after` of the following page, or null. */
export async function listEntries(database: Database, query: URLSearchParams): Promise<Answer> {
  const limit = whole(query, 'limit', 500, 1, 5_000);
  const { rows } = await database.query<EntryRow>(
    `SELECT ${COLUMNS} FROM ledger_entry
     WHERE id > $1 AND ($2::text IS NULL OR tenant = $2) AND ($3::bigint IS NULL OR invoice = $3) ORDER BY id LIMIT $4`,
    [
      whole(query, 'after', 0, 0, MAX_CENTS),
      query.get('tenant'),
      query.has('invoice') ? whole(query, 'invoice', 0, 0, MAX_CENTS) : null,
      limit,
    ],
  );
  return {
    status: 200,
    body: { entries: rows.map(toJson), next: rows.length < limit ? null : Number(rows.at(-1)!.id) },
  };
}

/** What the ledger holds for each tenant and currency. */
export async function summariseLedger(database: Database): Promise<Answer> {
  const { rows } = await database.query<Row & { tenant: string; currency: string; entries: bigint; total: bigint }>(
    `SELECT tenant, currency, count(*) AS entries, sum(total_cents)::bigint AS total FROM ledger_entry GROUP BY 1, 2 ORDER BY 1, 2`,
  );
  const tenants = rows.map((row) => ({
    tenant: row.tenant,
    currency: row.currency,
    entries: Number(row.entries),
    totalCents: centsToJson(row.total),
  }));
  return { status: 200, body: { tenants } };
}

function toJson(row: EntryRow) {
  return {
    id: Number(row.id),
    key: row.key,
    erpReference: `ERP-${String(row.id).padStart(8, '0')}`,
    tenant: row.tenant,
    invoice: centsToJson(row.invoice),
    currency: row.currency,
    netCents: centsToJson(row.net_cents),
    taxCents: centsToJson(row.tax_cents),
    totalCents: centsToJson(row.total_cents),
    ...(row.reference === null ? {} : { reference: row.reference }),
    ...(row.tax_breakdown === null ? {} : { taxBreakdown: row.tax_breakdown }),
    postedAt: row.posted_at.toISOString(),
  };
}

function whole(query: URLSearchParams, name: string, otherwise: number, min: number, max: number): number {
  const text = query.get(name);
  const value = text === null ? otherwise : Number(text);
  if (!Number.isSafeInteger(value) || value < min || value > max)
    throw badRequest(`"${name}" must be a whole number from ${min} to ${max}`);
  return value;
}
