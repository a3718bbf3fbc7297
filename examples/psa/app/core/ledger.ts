import http from 'node:http';
import https from 'node:https';

/** What the ledger is asked to take. Its key, `tenant/invoice`, is the same however often and by whichever release. */
export interface LedgerEntry {
  readonly tenant: string;
  readonly invoice: number;
  readonly currency: string;
  readonly netCents: number;
  readonly taxCents: number;
  readonly totalCents: number;
  /** The customer's own reference for the document. */
  readonly reference?: string;
  readonly taxBreakdown?: readonly { readonly code: string; readonly netCents: number; readonly taxCents: number }[];
}

/** The ledger's answer: the entry that it holds under the key. */
export interface TakenEntry extends LedgerEntry {
  readonly erpReference: string;
}

export interface Ledger {
  /** Posts an entry, or finds the one that was posted before under the same key. */
  post(entry: LedgerEntry): Promise<TakenEntry>;
}

/**
 * The ERP's ledger over HTTP, with kept-alive connections. A conflict means that another release (whose entries say
 * more, or less) posted this invoice before: when the amounts are the same the posting is done, otherwise it throws.
 */
export function openLedger(url: string, token: string, timeoutMs = 4_000): Ledger & { close(): void } {
  const client = url.startsWith('https:') ? https : http;
  const agent = new client.Agent({ keepAlive: true, maxSockets: 8 });

  const call = (
    method: string,
    path: string,
    key?: string,
    body?: unknown,
  ): Promise<{ status: number; body: unknown }> =>
    new Promise((resolve, reject) => {
      const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
      const headers: Record<string, string | number> = { authorization: `Bearer ${token}`, accept: 'application/json' };
      if (key !== undefined) headers['idempotency-key'] = key;
      if (payload !== undefined) {
        headers['content-type'] = 'application/json';
        headers['content-length'] = payload.length;
      }
      const request = client.request(`${url}${path}`, { method, agent, headers, timeout: timeoutMs }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          try {
            resolve({
              status: response.statusCode ?? 0,
              body: JSON.parse(Buffer.concat(chunks).toString('utf8') || 'null'),
            });
          } catch {
            reject(new Error(`the ledger answered ${response.statusCode} with something that is not JSON`));
          }
        });
      });
      request.on('timeout', () => request.destroy(new Error(`the ledger did not answer within ${timeoutMs} ms`)));
      request.on('error', reject);
      request.end(payload);
    });

  return {
    async post(entry) {
      const key = `${entry.tenant}/${entry.invoice}`;
      const answer = await call('POST', '/ledger/entries', key, entry);
      if (answer.status === 200 || answer.status === 201) return answer.body as TakenEntry;
      if (answer.status !== 409) throw new Error(`the ledger answered ${answer.status} to ${key}`);
      const query = `tenant=${encodeURIComponent(entry.tenant)}&invoice=${entry.invoice}`;
      const found = await call('GET', `/ledger/entries?${query}`);
      const held = (found.body as { entries?: TakenEntry[] } | null)?.entries?.[0];
      if (found.status !== 200 || held === undefined) throw new Error(`the ledger refused ${key} and does not show it`);
      const same =
        held.currency === entry.currency &&
        held.netCents === entry.netCents &&
        held.taxCents === entry.taxCents &&
        held.totalCents === entry.totalCents;
      if (!same) throw new Error(`the ledger holds other amounts for ${key}`);
      return held;
    },
    close: () => agent.destroy(),
  };
}
