import type { Database, Row } from './database.ts';

/** A job as any release reads it: neighbouring releases share the table, so its shape changes only by adding. */
export interface Job extends Row {
  readonly id: bigint;
  readonly tenant_id: string;
  readonly kind: string;
  readonly payload: { readonly invoice?: number };
  readonly attempt: number;
}

/** How long a claimed job is left to its worker before another one may take it over. Milliseconds. */
const LEASE_MS = 6_000;
/** After so many attempts a job is left for a person. */
const MAX_ATTEMPTS = 30;

/**
 * Claims due jobs of the tenants whom the published routing table gives to this slot. A job's `due_at` is its lease
 * too: a worker that died with it lets it fall due again.
 */
export async function claimJobs(database: Database, slot: string, limit: number): Promise<Job[]> {
  const { rows } = await database.query<Job>(
    `WITH due AS (
       SELECT j.id FROM job j JOIN headgate.route r ON r.tenant = j.tenant_id
       WHERE r.slot = $1 AND j.state IN ('queued', 'running') AND j.due_at <= clock_timestamp()
       ORDER BY j.due_at LIMIT $2 FOR UPDATE OF j SKIP LOCKED)
     UPDATE job j SET state = 'running', attempt = j.attempt + 1, due_at = clock_timestamp() + $3 * interval '1 millisecond'
     FROM due WHERE j.id = due.id
     RETURNING j.id, j.tenant_id, j.kind, j.payload, j.attempt`,
    [slot, limit, LEASE_MS],
  );
  return rows;
}

/** Ends a job, unless another worker took it over meanwhile. */
export async function finishJob(database: Database, job: Job): Promise<void> {
  await database.query(
    `UPDATE job SET state = 'done', done_at = clock_timestamp(), last_error = NULL WHERE tenant_id = $1 AND id = $2 AND attempt = $3`,
    [job.tenant_id, job.id, job.attempt],
  );
}

/** Puts a job back with a growing delay: 0.25 s, 0.5 s, 1 s … at most 30 s. */
export async function retryJob(database: Database, job: Job, error: string): Promise<void> {
  const delayMs = Math.min(30_000, 250 * 2 ** Math.min(job.attempt - 1, 10));
  await database.query(
    `UPDATE job SET state = $4, due_at = clock_timestamp() + $5 * interval '1 millisecond', last_error = $6
     WHERE tenant_id = $1 AND id = $2 AND attempt = $3`,
    [
      job.tenant_id,
      job.id,
      job.attempt,
      job.attempt >= MAX_ATTEMPTS ? 'failed' : 'queued',
      delayMs,
      error.slice(0, 500),
    ],
  );
}
