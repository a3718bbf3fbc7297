import type { TaxCode } from './billing.ts';
import type { Database, Row } from './database.ts';

interface CustomerRow extends Row {
  id: string;
  name: string;
  currency: string;
  tax_code: TaxCode;
  purchase_order: string | null;
  main: boolean;
}

/** A tenant's customers, the main one first. */
export async function listCustomers(database: Database, tenant: string) {
  const { rows } = await database.query<CustomerRow>(
    `SELECT id, name, currency, tax_code, purchase_order, main FROM customer WHERE tenant_id = $1 ORDER BY main DESC, id LIMIT 500`,
    [tenant],
  );
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    currency: row.currency,
    taxCode: row.tax_code,
    purchaseOrder: row.purchase_order,
    main: row.main,
  }));
}
