import http from 'node:http';

export type Answered =
  | {
      readonly kind: 'ok';
      readonly status: number;
      readonly text: string;
      readonly cookie?: string;
      readonly location?: string;
    }
  /** 503 with Retry-After: not carried out, and told when to come again. */
  | { readonly kind: 'turned-away'; readonly afterS: number }
  | { readonly kind: 'failed'; readonly why: string };

export interface OdooRequest {
  readonly url: string;
  readonly host: string;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly key?: string;
  readonly body?: unknown;
  /** Sent as a browser sends a form. */
  readonly form?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether being led elsewhere is an answer too; it isn't followed. */
  readonly redirects?: boolean;
  readonly timeLimitMs: number;
}

/** Sends one request to a tenant of a cell's router. Never throws and never tries again by itself. */
export function odooRequest(agent: http.Agent, asked: OdooRequest): Promise<Answered> {
  return new Promise((resolve) => {
    const failed = (why: string): void => resolve({ kind: 'failed', why });
    const [payload, type] = contentOf(asked);
    const request = http.request(
      `${asked.url}${asked.path}`,
      {
        method: asked.method,
        agent,
        headers: {
          host: asked.host,
          ...(asked.key === undefined ? {} : { authorization: `Bearer ${asked.key}` }),
          ...(payload === undefined ? {} : { 'content-type': type, 'content-length': payload.length }),
          ...asked.headers,
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', (error) => failed(`the answer broke off: ${error.message}`));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          const status = response.statusCode ?? 0;
          const after = Number(response.headers['retry-after'] ?? Number.NaN);
          if (status === 503 && Number.isInteger(after)) resolve({ kind: 'turned-away', afterS: after });
          else if (status >= 200 && status <= (asked.redirects ? 399 : 299)) {
            const cookie = /\bsession_id=[^;]+/.exec(String(response.headers['set-cookie'] ?? ''))?.[0];
            const { location } = response.headers;
            resolve({ kind: 'ok', status, text, ...(cookie && { cookie }), ...(location && { location }) });
          } else failed(`status ${status}: ${inWords(text)}`);
        });
      },
    );
    // A limit on the whole answer, not only on silence.
    const limit = setTimeout(
      () => request.destroy(new Error(`no answer within ${asked.timeLimitMs} ms`)),
      asked.timeLimitMs,
    );
    request.on('close', () => clearTimeout(limit));
    request.on('error', (error) => failed(error.message));
    request.end(payload);
  });
}

function contentOf({ body, form }: OdooRequest): [payload: Buffer | undefined, type: string] {
  if (form !== undefined)
    return [Buffer.from(new URLSearchParams(form).toString()), 'application/x-www-form-urlencoded'];
  return [body === undefined ? undefined : Buffer.from(JSON.stringify(body)), 'application/json'];
}

/** An error page without its markup, or the message of an error in JSON. */
function inWords(text: string): string {
  const message = /"message": *"([^"]{1,300})/.exec(text)?.[1];
  return (
    message ??
    text
      .replace(/<[^>]*>/g, ' ')
      .replace(/\s+/g, ' ')
      .trim()
  ).slice(0, 300);
}

/** Calls a model's method by JSON-2. Throws when it isn't carried out. */
export async function callOdoo<T>(
  to: Omit<OdooRequest, 'method' | 'path' | 'body'>,
  model: string,
  method: string,
  body: unknown,
): Promise<T> {
  const agent = new http.Agent();
  const answer = await odooRequest(agent, { ...to, method: 'POST', path: `/json/2/${model}/${method}`, body });
  agent.destroy();
  if (answer.kind !== 'ok')
    throw new Error(`${model}.${method} of ${to.host}: ${answer.kind === 'failed' ? answer.why : 'under maintenance'}`);
  return JSON.parse(answer.text) as T;
}
