import { setTimeout as sleep } from 'node:timers/promises';
import { readConfig, readSecret } from './config.ts';
import { type Database, openPool, type Row } from './database.ts';
import type { Edition } from './edition.ts';
import { claimJobs, finishJob, type Job, retryJob } from './jobs.ts';
import { type Ledger, openLedger } from './ledger.ts';
import type { PostableInvoice, PostableLine } from './post-invoice.ts';

const JOBS_AT_ONCE = 4;
/** An idle worker looks again after 40 ms, then ever more seldom, up to 250 ms. */
const IDLE_MIN_MS = 40;
const IDLE_MAX_MS = 250;

/** Runs a worker process until SIGTERM: claims the jobs of its slot's tenants and carries them out. */
export async function runWorker(edition: Edition): Promise<void> {
  const config = readConfig(process.env, 'worker');
  const pool = openPool(config.databaseUrl, `psa-worker-${edition.version}-${config.slot}`, JOBS_AT_ONCE);
  const database = pool as unknown as Database;
  const ledger = openLedger(config.erpUrl, readSecret(config.erpTokenFile));
  const stopping = new AbortController();
  process.once('SIGTERM', () => stopping.abort());
  process.once('SIGINT', () => stopping.abort());
  console.log(JSON.stringify({ level: 'info', message: 'working', version: edition.version, slot: config.slot }));

  let idleMs = IDLE_MIN_MS;
  while (!stopping.signal.aborted) {
    let jobs: Job[] = [];
    try {
      jobs = await claimJobs(database, config.slot, JOBS_AT_ONCE);
    } catch (error) {
      warn('jobs could not be claimed', error);
      idleMs = IDLE_MAX_MS;
    }
    await Promise.all(jobs.map((job) => carryOut(database, edition, ledger, job)));
    if (jobs.length > 0) idleMs = IDLE_MIN_MS;
    else {
      await sleep(idleMs, undefined, { signal: stopping.signal }).catch(() => {});
      idleMs = Math.min(IDLE_MAX_MS, idleMs * 1.5);
    }
  }
  ledger.close();
  await pool.end();
  process.exit(0);
}

async function carryOut(database: Database, edition: Edition, ledger: Ledger, job: Job): Promise<void> {
  try {
    if (job.kind !== 'post-invoice' || job.payload.invoice === undefined)
      throw new Error(`no release here knows the job kind ${job.kind}`);
    const invoice = await readPostable(database, job.tenant_id, BigInt(job.payload.invoice));
    await edition.postInvoice(invoice, ledger, (number, erpReference) =>
      acknowledge(database, job.tenant_id, number, erpReference),
    );
    await finishJob(database, job);
  } catch (error) {
    warn(`job ${job.id} is tried again`, error);
    // When the store is away too, the job's lease runs out by itself.
    await retryJob(database, job, String(error)).catch(() => {});
  }
}

/** An invoice that was acknowledged by an earlier attempt stays as it is. */
async function acknowledge(database: Database, tenant: string, number: bigint, erpReference: string): Promise<void> {
  await database.query(
    `UPDATE invoice SET state = 'acknowledged', erp_reference = $3, acknowledged_at = clock_timestamp()
     WHERE tenant_id = $1 AND number = $2 AND state = 'created'`,
    [tenant, number, erpReference],
  );
}

async function readPostable(database: Database, tenant: string, number: bigint): Promise<PostableInvoice> {
  type InvoiceRow = Row & Pick<PostableInvoice, 'currency' | 'net' | 'tax' | 'total' | 'taxCode' | 'purchaseOrder'>;
  const invoice = await database.query<InvoiceRow>(
    `SELECT i.currency, i.net_cents AS net, i.tax_cents AS tax, i.total_cents AS total,
            c.tax_code AS "taxCode", c.purchase_order AS "purchaseOrder"
     FROM invoice i
     JOIN project p ON p.tenant_id = i.tenant_id AND p.id = i.project_id
     JOIN customer c ON c.tenant_id = p.tenant_id AND c.id = p.customer_id
     WHERE i.tenant_id = $1 AND i.number = $2`,
    [tenant, number],
  );
  const found = invoice.rows[0];
  if (found === undefined) throw new Error(`invoice ${tenant}/${number} does not exist`);
  // Every column: which ones there are depends on the store's schema version, not on this release.
  const lines = await database.query<
    Row & { net_cents: bigint; tax_cents?: bigint | null; tax_code?: PostableLine['taxCode'] }
  >(`SELECT * FROM invoice_line WHERE tenant_id = $1 AND invoice_number = $2 ORDER BY line`, [tenant, number]);
  return {
    ...found,
    tenant,
    number,
    lines: lines.rows.map((line) => ({
      net: line.net_cents,
      tax: line.tax_cents ?? null,
      taxCode: line.tax_code ?? null,
    })),
  };
}

function warn(message: string, error: unknown): void {
  console.error(JSON.stringify({ level: 'warn', at: new Date().toISOString(), message, error: String(error) }));
}
