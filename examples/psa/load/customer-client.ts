import http from 'node:http';

/** What came of one request, however it ended. */
export type Outcome =
  | {
      readonly ok: true;
      readonly ms: number;
      readonly answer: Record<string, unknown>;
      readonly slot: string;
      readonly version: string;
    }
  | { readonly ok: false; readonly ms: number; readonly why: string };

/** Sends one tenant's requests over kept-alive connections. Never throws and never tries again by itself. */
export function customerClient(args: {
  readonly agent: http.Agent;
  readonly url: string;
  readonly tenant: string;
  readonly token: string;
  readonly timeLimitMs: number;
}) {
  return (method: 'GET' | 'POST', path: string, key?: string, body?: unknown): Promise<Outcome> =>
    new Promise((resolve) => {
      const started = performance.now();
      const failed = (why: string) => resolve({ ok: false, ms: Math.round(performance.now() - started), why });
      const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
      const request = http.request(
        `${args.url}/t/${encodeURIComponent(args.tenant)}/${path}`,
        {
          method,
          agent: args.agent,
          headers: {
            authorization: `Bearer ${args.token}`,
            ...(key === undefined ? {} : { 'idempotency-key': key }),
            ...(payload === undefined ? {} : { 'content-type': 'application/json', 'content-length': payload.length }),
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', (error) => failed(`the answer broke off: ${error.message}`));
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString('utf8');
            const status = response.statusCode ?? 0;
            if (status < 200 || status > 299) return failed(`status ${status}: ${text.slice(0, 200)}`);
            try {
              const answer = JSON.parse(text) as Record<string, unknown>;
              const { 'x-psa-slot': slot, 'x-psa-version': version } = response.headers;
              const ms = Math.round(performance.now() - started);
              resolve({ ok: true, ms, answer, slot: String(slot ?? ''), version: String(version ?? '') });
            } catch {
              failed(`status ${status}, but the body is not JSON`);
            }
          });
        },
      );
      // A limit on the whole answer, not only on silence.
      const limit = setTimeout(
        () => request.destroy(new Error(`no answer within ${args.timeLimitMs} ms`)),
        args.timeLimitMs,
      );
      request.on('close', () => clearTimeout(limit));
      request.on('error', (error) => failed(error.message));
      request.end(payload);
    });
}
