import type { Database, Row } from '../app/core/database.ts';
import { type AuditedStore, type Findings, findings } from './findings.ts';

/** Invoices that stand in the ledger more than once, counted in the ERP's own table: one for each row too many. */
export async function doubledPostings(args: {
  readonly erp: Database;
}): Promise<Findings & { readonly postings: number }> {
  const { rows } = await args.erp.query<Row & { tenant: string; invoice: string; times: number }>(
    `SELECT tenant, invoice::text AS invoice, count(*)::int AS times FROM ledger_entry GROUP BY tenant, invoice HAVING count(*) > 1 ORDER BY tenant, ledger_entry.invoice`,
  );
  const all = await args.erp.query<Row & { postings: number }>('SELECT count(*)::int AS postings FROM ledger_entry');
  const doubled = rows.flatMap((row) =>
    Array.from({ length: row.times - 1 }, () => `${row.tenant}: invoice ${row.invoice} stands ${row.times} times`),
  );
  return { postings: all.rows[0]!.postings, ...findings(doubled) };
}

/** What one tenant's books come to on both sides. Cents. */
export interface TenantAgreement {
  readonly tenant: string;
  readonly invoices: number;
  readonly invoicedCents: bigint;
  readonly posted: number;
  readonly postedCents: bigint;
}

/** Numbers as text: exact, and the same however the driver hands out a bigint. */
interface Side {
  readonly currency: string;
  readonly net: string;
  readonly tax: string;
  readonly total: string;
  readonly erpReference: string | null;
}

/**
 * Whether the system's invoices and the ledger agree to the cent: every invoice stands in the ledger once with the same
 * amounts, every ledger entry of these tenants has its invoice, and the invoice names its entry.
 */
export async function agreement(args: {
  readonly stores: readonly AuditedStore[];
  readonly erp: Database;
}): Promise<Findings & { readonly agrees: boolean; readonly tenants: readonly TenantAgreement[] }> {
  const tenants: TenantAgreement[] = [];
  const differences: string[] = [];
  for (const store of args.stores) {
    for (const tenant of store.tenants) {
      const invoices = await store.client.query<Row & Side & { key: string }>(
        `SELECT number::text AS key, currency, net_cents::text AS net, tax_cents::text AS tax, total_cents::text AS total, erp_reference AS "erpReference"
         FROM invoice WHERE tenant_id = $1`,
        [tenant],
      );
      const entries = await args.erp.query<Row & Side & { key: string }>(
        `SELECT invoice::text AS key, currency, net_cents::text AS net, tax_cents::text AS tax, total_cents::text AS total,
                'ERP-' || lpad(id::text, 8, '0') AS "erpReference"
         FROM ledger_entry WHERE tenant = $1`,
        [tenant],
      );
      tenants.push({
        tenant,
        invoices: invoices.rows.length,
        invoicedCents: sum(invoices.rows),
        posted: entries.rows.length,
        postedCents: sum(entries.rows),
      });
      const posted = Map.groupBy(entries.rows, (entry) => entry.key);
      for (const invoice of invoices.rows) {
        const why = disagreement(invoice, posted.get(invoice.key) ?? []);
        if (why !== undefined) differences.push(`${tenant}: invoice ${invoice.key} ${why}`);
        posted.delete(invoice.key);
      }
      for (const key of posted.keys()) differences.push(`${tenant}: invoice ${key} stands only in the ledger`);
    }
  }
  return { agrees: differences.length === 0, tenants, ...findings(differences) };
}

function disagreement(invoice: Side, entries: readonly Side[]): string | undefined {
  const [entry, ...more] = entries;
  if (entry === undefined) return 'is not in the ledger';
  if (more.length > 0) return `stands in the ledger ${entries.length} times`;
  if (invoice.erpReference === null) return 'is in the ledger and not acknowledged';
  const field = (['currency', 'net', 'tax', 'total', 'erpReference'] as const).find(
    (name) => invoice[name] !== entry[name],
  );
  return field === undefined ? undefined : `has ${field} ${invoice[field]}, the ledger has ${entry[field]}`;
}

function sum(rows: readonly Side[]): bigint {
  return rows.reduce((total, row) => total + BigInt(row.total), 0n);
}
