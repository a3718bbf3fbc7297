/** Sends a request as it is, past every client that would mend it first. */
import { Agent, request } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly text: string;
}

const agent = new Agent({ keepAlive: true, maxSockets: 16 });

interface Sent {
  readonly method: string;
  readonly url: string;
  readonly body?: Buffer | undefined;
}

/** Answers with what came back. A connection that the server ended meanwhile is no answer: it is asked anew, once. */
export async function send(base: string, sent: Sent, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  try {
    return await once(base, sent, headers, agent);
  } catch (error) {
    if (!(error instanceof Ended)) throw error;
    return once(base, sent, headers, undefined);
  }
}

class Ended extends Error {}

function once(
  base: string,
  { method, url, body }: Sent,
  headers: Readonly<Record<string, string>>,
  by: Agent | undefined,
) {
  const { hostname, port } = new URL(base);
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const own = body === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(body.length) };
  const asked = request(
    { agent: by ?? false, hostname, port, method, path: url, headers: { ...own, ...headers } },
    (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const { statusCode: status = 0, headers: got } = response;
        resolve({
          status,
          type: String(got['content-type']),
          headers: got,
          text: Buffer.concat(chunks).toString('utf8'),
        });
      });
    },
  );
  asked.on('error', (error: NodeJS.ErrnoException) => {
    const what = `${error.message} (${error.code}) at ${method} ${url.slice(0, 200)}, ${body?.length ?? 0} bytes`;
    reject(error.code === 'ECONNRESET' || error.code === 'EPIPE' ? new Ended(what) : new Error(what));
  });
  asked.setTimeout(20_000, () => asked.destroy(new Error(`no answer to ${method} ${url.slice(0, 200)}`)));
  asked.end(body);
  return promise;
}
