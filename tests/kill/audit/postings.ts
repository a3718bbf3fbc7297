import type { Database } from '../../../examples/psa/app/core/database.ts';
import { doubledPostings } from '../../../examples/psa/audit.ts';

/** The ERP's own count: no invoice twice in the ledger, and no posting accepted twice in its list of attempts. */
export async function postingFindings(erp: Database): Promise<readonly string[]> {
  const doubled = await doubledPostings({ erp });
  const { rows } = await erp.query<{ tenant: string; invoice: string; times: number } & Record<string, unknown>>(
    `SELECT tenant, invoice::text AS invoice, count(*)::int AS times FROM attempt WHERE outcome = 'accepted'
     GROUP BY tenant, attempt.invoice HAVING count(*) > 1`,
  );
  return [
    ...doubled.first,
    ...rows.map(({ tenant, invoice, times }) => `${tenant}: invoice ${invoice} was accepted ${times} times`),
  ];
}
