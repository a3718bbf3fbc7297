import { Socket } from 'node:net';
import type pg from 'pg';
import type { Cluster } from '../../postgres-cluster/cluster.ts';
import { withClient } from '../../postgres-cluster/database.ts';
import { StoreFault } from './store-fault.ts';

/** What a session in a database that isn't ours may cost us. */
export interface SessionBounds {
  /** From its first statement to its last answer. Milliseconds. */
  readonly deadlineMs: number;
  /** Of all that the server sends. A message is kept until it is whole, so this bounds our memory too. */
  readonly mostBytes: number;
}

/**
 * A session with somebody who may mean us ill. The server's own timeouts are asked for by the caller, but a function of
 * the database's owner can catch them and go on: so we count the time ourselves, end the session from another one (which
 * nothing catches) and let go of the socket. Throws a `StoreFault` when a bound was met.
 */
export async function withBoundedClient<T>(
  cluster: Pick<Cluster, 'controlConnection'>,
  config: pg.ClientConfig,
  { deadlineMs, mostBytes }: SessionBounds,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const about = `the database ${config.database}`;
  let socket: Socket | undefined;
  let fault: StoreFault | undefined;
  const stream = (): Socket => {
    let bytes = 0;
    const fresh = new Socket();
    // Before the driver's own listener: what is too much is never put together.
    fresh.on('data', (chunk) => {
      bytes += chunk.length;
      if (bytes <= mostBytes) return;
      fault = new StoreFault(`${about}: it answered with more than ${mostBytes} bytes, and was asked no further`);
      fresh.destroy(fault);
    });
    socket = fresh;
    return fresh;
  };
  try {
    return await withClient({ ...config, stream }, async (client) => {
      const over = Promise.withResolvers<never>();
      const timer = setTimeout(() => {
        fault = new StoreFault(`${about}: it didn't answer within ${deadlineMs / 1_000} s, and its session was ended`);
        over.reject(fault);
        void endSession(cluster, client, config).finally(() => socket?.destroy(fault));
      }, deadlineMs);
      try {
        return await Promise.race([work(client), over.promise]);
      } finally {
        clearTimeout(timer);
        // Whatever a function left of itself: saying goodbye waits for nobody.
        if (fault) socket?.destroy(fault);
      }
    });
  } catch (error) {
    throw fault ?? error;
  }
}

/** Ends a session from another one. When that can't be done either, the server ends it: its client is gone. */
async function endSession(
  cluster: Pick<Cluster, 'controlConnection'>,
  client: pg.Client,
  { user, database }: pg.ClientConfig,
): Promise<void> {
  const { processID } = client as unknown as { readonly processID: number | null };
  if (processID === null) return;
  await withClient(await cluster.controlConnection(), (control) =>
    control.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where pid = $1 and usename = $2 and datname = $3',
      [processID, user, database],
    ),
  ).catch(() => {});
}
