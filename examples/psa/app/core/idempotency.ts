import { createHash } from 'node:crypto';
import type { Database } from './database.ts';
import { Problem } from './problem.ts';

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/**
 * Carries out a write once for its key. The key's row is written in the write's own transaction: whoever comes second
 * with the same key waits on that row, then gets the first one's answer. A refused write leaves no row, so the same
 * key may be used again.
 */
export async function once(
  database: Database,
  request: { readonly tenant: string; readonly key: string; readonly target: string; readonly body: unknown },
  write: () => Promise<Answer>,
): Promise<Answer> {
  const fingerprint = createHash('sha256')
    .update(`${request.target}\n${JSON.stringify(request.body)}`)
    .digest('hex');
  const claimed = await database.query(
    `INSERT INTO request (tenant_id, key, fingerprint) VALUES ($1, $2, $3) ON CONFLICT (tenant_id, key) DO NOTHING`,
    [request.tenant, request.key, fingerprint],
  );
  if (claimed.rowCount === 0) {
    const before = await database.query<{ fingerprint: string; status: number; body: unknown }>(
      `SELECT fingerprint, status, body FROM request WHERE tenant_id = $1 AND key = $2`,
      [request.tenant, request.key],
    );
    const row = before.rows[0];
    if (row === undefined || row.fingerprint !== fingerprint) {
      throw new Problem(422, 'Idempotency key used before', 'this Idempotency-Key was used with another request');
    }
    return { status: row.status, body: row.body };
  }
  const answer = await write();
  await database.query(`UPDATE request SET status = $3, body = $4 WHERE tenant_id = $1 AND key = $2`, [
    request.tenant,
    request.key,
    answer.status,
    JSON.stringify(answer.body),
  ]);
  return answer;
}
