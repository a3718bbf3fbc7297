import { randomUUID } from 'node:crypto';
import { tokenOf } from './stand.ts';

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came back
  readonly body: any;
}

/** A customer's client in tests: JSON in and out, with the tenant's own token and a new key for each write. */
export function customer(url: string, tenant: string) {
  const call = async (method: string, path: string, body?: unknown, key: string = randomUUID()): Promise<Reply> => {
    const response = await fetch(`${url}/t/${tenant}/${path}`, {
      method,
      headers: {
        authorization: `Bearer ${tokenOf(tenant)}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json', 'idempotency-key': key }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, headers: response.headers, body: await response.json() };
  };
  return {
    get: (path: string) => call('GET', path),
    post: (path: string, body: unknown, key?: string) => call('POST', path, body, key),
    /** A project with one approved hour of work, invoiced; answers the invoice. */
    async invoiceAnHour(more: Record<string, unknown> = {}): Promise<Reply> {
      const project = await call('POST', 'projects', { name: 'An hour', ratePerHourCents: 10_000, ...more });
      const entry = await call('POST', 'time-entries', {
        project: project.body.id,
        person: 'per-001',
        day: '2026-02-28',
        minutes: 60,
      });
      await call('POST', `time-entries/${entry.body.id}/approve`, { approver: 'per-900' });
      return call('POST', 'invoices', { project: project.body.id });
    },
  };
}
