import type { Database, Row } from './app/core/database.ts';
import type { ExampleTenant } from './tenants.ts';

/** Projects of each tenant in the seed. */
const PROJECTS = 20;
/** Seeded time ends before this day, so that what is recorded later stands apart. */
const FIRST_DAY = '2024-01-01';

/**
 * Fills a store at schema version 1 with customers, projects, time and past invoices; the same arguments give the same rows. A
 * tenth of the time is only recorded, a tenth approved, the rest invoiced by project and month.
 */
export async function seedStore(args: {
  readonly client: Database;
  readonly tenants: readonly ExampleTenant[];
  readonly timeEntries: number;
}): Promise<void> {
  const { client } = args;
  await client.query('BEGIN');
  for (const [index, tenant] of args.tenants.entries()) {
    const share = Math.floor(args.timeEntries / args.tenants.length);
    const rest = index === 0 ? args.timeEntries - share * args.tenants.length : 0;
    await seedTenant(client, tenant, share + rest);
  }
  await client.query('COMMIT');
  await client.query('ANALYZE');
}

async function seedTenant(client: Database, tenant: ExampleTenant, timeEntries: number): Promise<void> {
  await client.query(
    `INSERT INTO customer (tenant_id, id, name, currency, tax_code, purchase_order, main)
     SELECT $1, 'cus-' || lpad(n::text, 2, '0'), 'Customer ' || n, 'EUR',
            CASE WHEN n = 1 THEN $2 WHEN n % 3 = 0 THEN 'reduced' ELSE 'standard' END,
            CASE WHEN n = 1 THEN $3 END, n = 1
     FROM generate_series(1, 5) AS n`,
    [tenant.id, tenant.taxCode, tenant.purchaseOrder],
  );
  await client.query(
    `INSERT INTO project (tenant_id, id, customer_id, name, currency, rate_per_hour_cents, created_at)
     SELECT $1, 'prj-' || lpad(n::text, 4, '0'), 'cus-' || lpad(((n - 1) % 5 + 1)::text, 2, '0'),
            'Project ' || n, 'EUR', 8000 + 250 * (n % 9), $3::date
     FROM generate_series(1, $2::int) AS n`,
    [tenant.id, PROJECTS, FIRST_DAY],
  );
  await seedTime(client, tenant.id, timeEntries);
}

/** Time and its invoices, by project and month, with the amounts that 1.0.0 would have come to. */
async function seedTime(client: Database, tenant: string, timeEntries: number): Promise<void> {
  // The numbers only have to look like people's time over 300 days.
  await client.query(
    `CREATE TEMP TABLE seeded ON COMMIT DROP AS
     SELECT work.*, (minutes * p.rate_per_hour_cents + 30) / 60 AS net, p.currency,
            CASE c.tax_code WHEN 'standard' THEN 1900 WHEN 'reduced' THEN 700 ELSE 0 END AS basis_points,
            CASE state WHEN 'invoiced' THEN dense_rank() OVER (ORDER BY state <> 'invoiced', date_trunc('month', day), project_id) END AS number
     FROM (SELECT 'tim-' || lpad(n::text, 8, '0') AS id, 'prj-' || lpad((n % $2 + 1)::text, 4, '0') AS project_id,
                  'per-' || lpad((n * 7 % 40 + 1)::text, 3, '0') AS person, $4::date + n * 300 / $3 AS day,
                  15 * (1 + n * 13 % 32) AS minutes, 'Work item ' || n % 211 AS note,
                  CASE WHEN n * 10 < $3 * 8 THEN 'invoiced' WHEN n * 10 < $3 * 9 THEN 'approved' ELSE 'recorded' END AS state
           FROM generate_series(0, $3::int - 1) AS n) AS work
     JOIN project p ON p.tenant_id = $1 AND p.id = work.project_id
     JOIN customer c ON c.tenant_id = p.tenant_id AND c.id = p.customer_id`,
    [tenant, PROJECTS, timeEntries, FIRST_DAY],
  );
  await client.query(
    `INSERT INTO invoice (tenant_id, number, project_id, currency, net_cents, tax_cents, total_cents, created_at)
     SELECT $1, number, project_id, currency, net, tax, net + tax, made
     FROM (SELECT number, project_id, currency, sum(net)::bigint AS net,
                  (sum(net)::bigint * min(basis_points) + 5000) / 10000 AS tax,
                  date_trunc('month', min(day)) + interval '1 month' AS made
           FROM seeded WHERE state = 'invoiced' GROUP BY number, project_id, currency) AS sums`,
    [tenant],
  );
  await client.query(
    `INSERT INTO time_entry (tenant_id, id, project_id, person, day, minutes, note, state, invoice_number, created_at)
     SELECT $1, id, project_id, person, day, minutes, note, state, number, day FROM seeded`,
    [tenant],
  );
  await client.query(
    `INSERT INTO approval (tenant_id, time_entry_id, approver, approved_at)
     SELECT $1, id, 'per-900', day FROM seeded WHERE state <> 'recorded'`,
    [tenant],
  );
  await client.query(
    `INSERT INTO invoice_line (tenant_id, invoice_number, line, time_entry_id, description, minutes, net_cents)
     SELECT $1, number, row_number() OVER (PARTITION BY number ORDER BY day, id), id, day || ' ' || person || ': ' || note, minutes, net
     FROM seeded WHERE state = 'invoiced'`,
    [tenant],
  );
  await client.query(`INSERT INTO invoice_counter SELECT $1, coalesce(max(number), 0) FROM seeded`, [tenant]);
  await client.query(`DROP TABLE seeded`);
}

/** Posts a store's seeded invoices to the ledger in bulk and acknowledges them, so that both sides begin in agreement. */
export async function seedLedger(args: { readonly store: Database; readonly ledger: Database }): Promise<number> {
  const open = await args.store.query<Row & { rows: string; count: number }>(
    `SELECT coalesce(json_agg(json_build_object('tenant', tenant_id, 'invoice', number, 'currency', currency,
              'net', net_cents, 'tax', tax_cents, 'total', total_cents, 'at', created_at) ORDER BY tenant_id, number), '[]')::text AS rows,
            count(*)::int AS count
     FROM invoice WHERE state = 'created'`,
  );
  const found = open.rows[0]!;
  const taken = await args.ledger.query<Row & { rows: string }>(
    `WITH wanted AS (
       SELECT tenant || '/' || invoice AS key, r.*
       FROM json_to_recordset($1::json) AS r (tenant text, invoice bigint, currency text, net bigint, tax bigint, total bigint, at timestamptz)),
     entry AS (
       INSERT INTO ledger_entry (key, fingerprint, tenant, invoice, currency, net_cents, tax_cents, total_cents, posted_at)
       SELECT key, 'seed', tenant, invoice, currency, net, tax, total, at FROM wanted
       ON CONFLICT (key) DO NOTHING RETURNING id, key, tenant, invoice, posted_at),
     counted AS (
       INSERT INTO attempt (at, key, tenant, invoice, outcome) SELECT posted_at, key, tenant, invoice, 'accepted' FROM entry),
     held AS (
       SELECT id, tenant, invoice FROM entry
       UNION ALL SELECT e.id, e.tenant, e.invoice FROM ledger_entry e JOIN wanted w USING (key))
     SELECT coalesce(json_agg(json_build_object('tenant', tenant, 'invoice', invoice, 'id', id)), '[]')::text AS rows FROM held`,
    [found.rows],
  );
  await args.store.query(
    `UPDATE invoice i SET state = 'acknowledged', acknowledged_at = i.created_at, erp_reference = 'ERP-' || lpad(r.id::text, 8, '0')
     FROM json_to_recordset($1::json) AS r (tenant text, invoice bigint, id bigint)
     WHERE i.tenant_id = r.tenant AND i.number = r.invoice`,
    [taken.rows[0]!.rows],
  );
  return found.count;
}
