import { randomUUID } from 'node:crypto';
import type { Database, Row } from './database.ts';
import type { Edition } from './edition.ts';
import type { Fields } from './fields.ts';
import type { Answer } from './idempotency.ts';
import { centsToJson } from './money.ts';
import { badRequest, notFound } from './problem.ts';

/** Creates a project, for the named customer or else the tenant's main one. */
export async function createProject(
  database: Database,
  edition: Edition,
  tenant: string,
  fields: Fields,
): Promise<Answer> {
  const known = ['name', 'customer', 'ratePerHourCents', ...(edition.discounts ? ['discountBasisPoints'] : [])];
  fields.only(...known);
  const name = fields.text('name', 200);
  const rate = fields.integer('ratePerHourCents', 1, 100_000_000);
  const customerId = fields.optionalText('customer', 64);
  const discount = edition.discounts ? (fields.optionalInteger('discountBasisPoints', 0, 10_000) ?? 0) : 0;

  const customer = await database.query<{ id: string; currency: string }>(
    `SELECT id, currency FROM customer WHERE tenant_id = $1 AND CASE WHEN $2::text IS NULL THEN main ELSE id = $2 END`,
    [tenant, customerId ?? null],
  );
  const found = customer.rows[0];
  if (found === undefined)
    throw badRequest(
      customerId === undefined
        ? 'this tenant has no main customer: name one'
        : '"customer" must be the id of a customer of this tenant',
    );

  const id = `prj-${randomUUID()}`;
  // The discount's column exists from schema version 2 on, so only a release that knows it names it.
  await database.query(
    edition.discounts
      ? `INSERT INTO project (tenant_id, id, customer_id, name, currency, rate_per_hour_cents, discount_basis_points) VALUES ($1, $2, $3, $4, $5, $6, $7)`
      : `INSERT INTO project (tenant_id, id, customer_id, name, currency, rate_per_hour_cents) VALUES ($1, $2, $3, $4, $5, $6)`,
    [tenant, id, found.id, name, found.currency, rate, ...(edition.discounts ? [discount] : [])],
  );
  return {
    status: 201,
    body: {
      id,
      name,
      customer: found.id,
      currency: found.currency,
      ratePerHourCents: rate,
      ...(edition.discounts ? { discountBasisPoints: discount } : {}),
    },
  };
}

/** A page of a tenant's projects, by id. */
export async function listProjects(database: Database, tenant: string, after: string, limit: number) {
  const { rows } = await database.query<
    Row & { id: string; name: string; customer_id: string; currency: string; rate_per_hour_cents: bigint }
  >(
    `SELECT id, name, customer_id, currency, rate_per_hour_cents FROM project WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3`,
    [tenant, after, limit],
  );
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    customer: row.customer_id,
    currency: row.currency,
    ratePerHourCents: centsToJson(row.rate_per_hour_cents),
  }));
}

/** What a project's time and invoices come to. Minutes, and cents without tax. */
export async function summarise(database: Database, tenant: string, id: string) {
  const project = await database.query<{ name: string }>(`SELECT name FROM project WHERE tenant_id = $1 AND id = $2`, [
    tenant,
    id,
  ]);
  const found = project.rows[0];
  if (found === undefined) throw notFound(`project ${id}`);
  const time = await database.query<{ state: string; minutes: bigint }>(
    `SELECT state, sum(minutes)::bigint AS minutes FROM time_entry WHERE tenant_id = $1 AND project_id = $2 GROUP BY state`,
    [tenant, id],
  );
  const invoices = await database.query<{ state: string; invoices: bigint; net: bigint }>(
    `SELECT state, count(*) AS invoices, sum(net_cents)::bigint AS net FROM invoice WHERE tenant_id = $1 AND project_id = $2 GROUP BY state`,
    [tenant, id],
  );
  const minutes = { recorded: 0, approved: 0, invoiced: 0 } as Record<string, number>;
  for (const row of time.rows) minutes[row.state] = Number(row.minutes);
  const billed = { created: { count: 0, netCents: 0 }, acknowledged: { count: 0, netCents: 0 } } as Record<
    string,
    unknown
  >;
  for (const row of invoices.rows) billed[row.state] = { count: Number(row.invoices), netCents: centsToJson(row.net) };
  return { id, name: found.name, minutes, invoices: billed };
}
