import http from 'node:http';
import https from 'node:https';

/** An answer, its body bounded and parsed when somebody asks for it. */
export interface HttpAnswer {
  readonly status: number;
  /** By lower-case name; of repeated ones the first. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly text: string;
  /** `undefined` when it isn't JSON. */
  json(): unknown;
}

export interface HttpCall {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  readonly timeoutMs: number;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

const AGENT = new http.Agent({ keepAlive: true, timeout: 2_000, maxSockets: 64 });

/** Makes one request. Throws an error whose message names no header: they hold tokens. Redirects aren't followed. */
export function httpCall(call: HttpCall): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const secure = call.url.protocol === 'https:';
    const fail = (error: Error): void => {
      const code = (error as NodeJS.ErrnoException).code;
      const timedOut = late.aborted && !call.signal.aborted;
      reject(
        new Error(timedOut ? `no answer within ${call.timeoutMs} ms` : `no answer (${code ?? error.message})`, {
          cause: error,
        }),
      );
    };
    const late = AbortSignal.timeout(call.timeoutMs);
    const request = (secure ? https : http).request(
      call.url,
      {
        method: call.method,
        ...(secure ? {} : { agent: AGENT }),
        headers: { ...call.headers, ...(call.body ? { 'content-length': String(call.body.length) } : {}) },
        signal: AbortSignal.any([late, call.signal]),
      },
      (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > call.maxBytes) response.destroy(new Error(`the answer has more than ${call.maxBytes} bytes`));
          else chunks.push(chunk);
        });
        response.on('error', fail);
        response.on('end', () => resolve(answerOf(response, Buffer.concat(chunks).toString('utf8'))));
      },
    );
    request.on('error', fail);
    request.end(call.body);
  });
}

function answerOf(response: http.IncomingMessage, text: string): HttpAnswer {
  const headers = Object.fromEntries(
    Object.entries(response.headers).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]),
  );
  let parsed: { readonly value: unknown } | undefined;
  return {
    status: response.statusCode ?? 0,
    headers,
    text,
    json() {
      parsed ??= { value: parse(text) };
      return parsed.value;
    },
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
