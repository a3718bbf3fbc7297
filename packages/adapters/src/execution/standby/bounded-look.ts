import { Socket } from 'node:net';
import pg from 'pg';
import { ownSession } from '../../postgres-cluster/own-session.ts';

/** What one session of a look may cost. */
export interface LookBounds {
  /** From the first packet to the last answer. Milliseconds. */
  readonly deadlineMs: number;
  /** Of all that the server sends. Bytes. */
  readonly mostBytes: number;
}

/** Beside the settings of each session of ours, which they win over: it changes nothing, and waits for nobody. */
const OPTIONS = '-c default_transaction_read_only=on -c statement_timeout=3000 -c lock_timeout=1000';

/**
 * A session that only looks, with a server that may be hung, half dead or not what we think: who takes the connection and
 * never answers, or never stops answering, is let go of by our own clock. Nothing is tried again: the next look comes soon.
 */
export async function boundedLook<T>(
  config: pg.ClientConfig,
  { deadlineMs, mostBytes }: LookBounds,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const socket = new Socket();
  const over = Promise.withResolvers<never>();
  over.promise.catch(() => {});
  const end = (why: string): void => {
    const error = new Error(why);
    over.reject(error);
    socket.destroy(error);
  };
  let bytes = 0;
  socket.on('data', (chunk) => {
    bytes += chunk.length;
    if (bytes > mostBytes) end(`it answered with more than ${mostBytes} bytes`);
  });
  socket.on('error', () => {}); // the driver's rejection tells
  const timer = setTimeout(() => end(`it didn’t answer within ${deadlineMs / 1_000} s`), deadlineMs);
  const own = ownSession(config);
  const client = new pg.Client({
    ...own,
    options: `${own.options} ${OPTIONS}`,
    application_name: 'headgate standby look',
    connectionTimeoutMillis: 0,
    stream: () => socket,
  });
  client.on('error', () => {});
  try {
    const looked = async (): Promise<T> => {
      await client.connect();
      return await work(client);
    };
    const looking = looked();
    looking.catch(() => {});
    return await Promise.race([looking, over.promise]);
  } finally {
    clearTimeout(timer);
    // Saying goodbye waits for nobody.
    client.end().catch(() => {});
    socket.destroySoon();
  }
}

/** Why a server couldn't be asked, bounded and on one line. */
export function whyNot(error: unknown): string {
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  const text = `${message ?? ''}` || `${code ?? error}`;
  return text
    .replaceAll(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, 200);
}
