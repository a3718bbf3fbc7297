import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { customerClient } from './customer-client.ts';
import type { CustomerAction, Journal } from './journal.ts';

/** A write that failed is tried again so often, a quarter of a second apart, with the same key; then it is given up. */
const ATTEMPTS = 60;
const RETRY_MS = 250;

type Client = ReturnType<typeof customerClient>;
type Answer = Record<string, unknown>;

/**
 * One tenant's customers, until `signal` aborts: a project, then again and again an hour or so of work, its approval,
 * an invoice of it, and a look at the project. One request at a time, at a fixed pace; so each round has an invoice.
 */
export async function loadTenant(args: {
  readonly tenant: string;
  readonly client: Client;
  readonly journal: Journal;
  readonly requestsPerSecond: number;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { signal } = args;
  const pause = 1_000 / args.requestsPerSecond;
  // Tenants begin at different moments, so that their requests spread.
  let due = performance.now() + Math.random() * pause;
  const request = async (action: CustomerAction, path: string, sent?: Answer): Promise<Answer | undefined> => {
    const wait = due - performance.now();
    if (wait > 0) await sleep(wait, undefined, { signal }).catch(() => {});
    // After a delay the pace goes on from now; catching up would be a burst.
    due = Math.max(due + pause, performance.now());
    return signal.aborted ? undefined : carryOut({ ...args, action, path, sent });
  };

  let project: string | undefined;
  for (let round = 1; !signal.aborted; round += 1) {
    if (project === undefined) {
      const made = await request('project', 'projects', { name: `Load ${args.tenant}`, ratePerHourCents: 9_600 });
      if (made === undefined) continue;
      project = String(made.id);
    }
    const entry = await request('time-entry', 'time-entries', {
      project,
      person: `per-${String((round % 40) + 1).padStart(3, '0')}`,
      day: new Date().toISOString().slice(0, 10),
      minutes: 15 + ((round * 7) % 90),
      note: `Round ${round}`,
    });
    if (entry === undefined) continue;
    const approved = await request('approval', `time-entries/${entry.id}/approve`, { approver: 'per-900' });
    if (approved !== undefined) await request('invoice', 'invoices', { project });
    await request('summary', `projects/${project}/summary`);
  }
}

/** One logical request: every attempt goes on the journal, whatever came of it. */
async function carryOut(args: {
  readonly tenant: string;
  readonly client: Client;
  readonly journal: Journal;
  readonly action: CustomerAction;
  readonly path: string;
  readonly sent: Answer | undefined;
  readonly signal: AbortSignal;
}): Promise<Answer | undefined> {
  const { tenant, action, sent } = args;
  const key = randomUUID();
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const outcome = await args.client(sent === undefined ? 'GET' : 'POST', args.path, sent && key, sent);
    const request = { tenant, action, key, attempt, at: Date.now(), ms: outcome.ms };
    if (outcome.ok) {
      const { answer, slot, version } = outcome;
      await args.journal.append({ kind: 'acknowledged', ...request, sent: sent ?? {}, answer, slot, version });
      return answer;
    }
    await args.journal.append({ kind: 'failed', ...request, why: outcome.why });
    // A read that failed is over; the next round reads again.
    if (sent === undefined || args.signal.aborted) return undefined;
    await sleep(RETRY_MS, undefined, { signal: args.signal }).catch(() => {});
  }
  return undefined;
}
