import { readJournal } from '../load/journal.ts';
import { type Findings, findings } from './findings.ts';

/**
 * Requests of customers that failed (any status but 2xx, a broken connection, an answer that came too late) and ended
 * in the time range, `from` inclusive and `to` exclusive, in milliseconds since the epoch.
 */
export async function failedRequests(args: {
  readonly journalFile: string;
  readonly from?: number;
  readonly to?: number;
}): Promise<Findings & { readonly requests: number; readonly byTenant: Readonly<Record<string, number>> }> {
  const { from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY } = args;
  const byTenant: Record<string, number> = {};
  const failed: string[] = [];
  let requests = 0;
  for await (const line of readJournal(args.journalFile)) {
    if (line.at < from || line.at >= to) continue;
    requests += 1;
    if (line.kind !== 'failed') continue;
    byTenant[line.tenant] = (byTenant[line.tenant] ?? 0) + 1;
    failed.push(`${new Date(line.at).toISOString()} ${line.tenant}: ${line.action} ${line.why}`);
  }
  return { requests, byTenant, ...findings(failed) };
}
