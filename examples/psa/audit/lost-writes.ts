import type { Row } from '../app/core/database.ts';
import { type AcknowledgedRequest, readJournal } from '../load/journal.ts';
import { type AuditedStore, type Findings, findings } from './findings.ts';

type Fields = Readonly<Record<string, unknown>>;
type WriteAction = Exclude<AcknowledgedRequest['action'], 'summary'>;

/** How the store's row of each kind of write is found, and which of its fields were promised. */
interface WriteCheck {
  /** One row per id, each with `id` as text and the promised fields under their names in the API. */
  readonly sql: string;
  readonly idOf: (write: AcknowledgedRequest) => string;
  readonly promised: (write: AcknowledgedRequest) => Fields;
}

const CHECKS: Readonly<Record<WriteAction, WriteCheck>> = {
  project: {
    sql: `SELECT id, name, customer_id AS customer, currency, rate_per_hour_cents AS "ratePerHourCents"
          FROM project WHERE tenant_id = $1 AND id = ANY($2)`,
    idOf: (write) => String(write.answer.id),
    promised: ({ answer, sent }) => ({
      name: sent.name,
      customer: answer.customer,
      currency: answer.currency,
      ratePerHourCents: sent.ratePerHourCents,
    }),
  },
  'time-entry': {
    sql: `SELECT id, project_id AS project, person, day::text AS day, minutes, note
          FROM time_entry WHERE tenant_id = $1 AND id = ANY($2)`,
    idOf: (write) => String(write.answer.id),
    promised: ({ sent }) => pick(sent, ['project', 'person', 'day', 'minutes', 'note']),
  },
  approval: {
    // Approved time goes on to be invoiced; it never goes back to be only recorded.
    sql: `SELECT t.id, a.approver, t.state <> 'recorded' AS approved
          FROM time_entry t LEFT JOIN approval a ON a.tenant_id = t.tenant_id AND a.time_entry_id = t.id
          WHERE t.tenant_id = $1 AND t.id = ANY($2)`,
    idOf: (write) => String(write.answer.id),
    promised: ({ sent }) => ({ approver: sent.approver, approved: true }),
  },
  invoice: {
    sql: `SELECT number::text AS id, project_id AS project, currency, net_cents AS "netCents", tax_cents AS "taxCents",
                 total_cents AS "totalCents",
                 (SELECT json_agg(json_build_object('timeEntry', l.time_entry_id, 'description', l.description,
                                                    'minutes', l.minutes, 'netCents', l.net_cents) ORDER BY l.line)
                  FROM invoice_line l
                  JOIN time_entry t ON t.tenant_id = l.tenant_id AND t.id = l.time_entry_id AND t.invoice_number = l.invoice_number
                  WHERE l.tenant_id = i.tenant_id AND l.invoice_number = i.number) AS lines
          FROM invoice i WHERE tenant_id = $1 AND number = ANY($2::bigint[])`,
    idOf: (write) => String(write.answer.number),
    promised: ({ answer }) => pick(answer, ['project', 'currency', 'netCents', 'taxCents', 'totalCents', 'lines']),
  },
};

/**
 * Writes that customers were promised and that the stores don't hold any more, or hold otherwise: each acknowledged
 * write of the journal against its row, field by field.
 */
export async function lostWrites(args: {
  readonly journalFile: string;
  readonly stores: readonly AuditedStore[];
}): Promise<Findings & { readonly checked: number }> {
  const byTenantAndAction = new Map<string, AcknowledgedRequest[]>();
  let checked = 0;
  for await (const line of readJournal(args.journalFile)) {
    if (line.kind !== 'acknowledged' || line.action === 'summary') continue;
    const key = `${line.tenant} ${line.action}`;
    const same = byTenantAndAction.get(key);
    if (same === undefined) byTenantAndAction.set(key, [line]);
    else same.push(line);
    checked += 1;
  }
  const lost: string[] = [];
  for (const writes of byTenantAndAction.values()) {
    const { tenant, action } = writes[0]!;
    const store = args.stores.find((each) => each.tenants.includes(tenant));
    if (store === undefined)
      throw new Error(`the journal has writes of ${tenant}, but no store of that tenant was given`);
    const check = CHECKS[action as WriteAction];
    const { rows } = await store.client.query<Row & { id: string }>(check.sql, [tenant, writes.map(check.idOf)]);
    const held = new Map(rows.map((row) => [row.id, row]));
    for (const write of writes) {
      const why = difference(check.promised(write), held.get(check.idOf(write)));
      if (why !== undefined) lost.push(`${tenant}: ${action} ${check.idOf(write)}: ${why}`);
    }
  }
  return { checked, ...findings(lost) };
}

function difference(promised: Fields, held: Fields | undefined): string | undefined {
  if (held === undefined) return 'missing';
  const field = Object.keys(promised).find((name) => comparable(promised[name]) !== comparable(held[name]));
  return field === undefined
    ? undefined
    : `${field} was promised as ${comparable(promised[field])} and is ${comparable(held[field])}`;
}

/** Numbers compare by their digits, however the driver hands out a bigint; everything else as its JSON with sorted keys. */
function comparable(value: unknown): string {
  return JSON.stringify(value ?? null, (_, each: unknown) => {
    if (typeof each === 'bigint' || typeof each === 'number') return String(each);
    if (typeof each !== 'object' || each === null || Array.isArray(each)) return each;
    return Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

function pick(from: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(names.map((name) => [name, from[name]]));
}
