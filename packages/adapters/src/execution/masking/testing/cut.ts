/** For tests only: a way to a database that is cut after so many messages, as a kill of the client cuts it. */

import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';
import type pg from 'pg';

export interface CutWay {
  readonly database: pg.ClientConfig;
  /** Messages of clients that have passed. */
  readonly passed: () => number;
  close(): Promise<void>;
}

/** Cuts every connection once `after` messages of clients have passed, and passes nothing any more. */
export async function cutWay(to: pg.ClientConfig, after: number): Promise<CutWay> {
  let passed = 0;
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const behind = connect(to.port as number, to.host as string);
    for (const socket of [client, behind]) {
      open.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        open.delete(socket);
        client.destroy();
        behind.destroy();
      });
    }
    behind.pipe(client);
    client.on('data', (chunk) => {
      if (++passed > after) for (const socket of open) socket.destroy();
      else behind.write(chunk);
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    database: { ...to, host: '127.0.0.1', port: (server.address() as AddressInfo).port },
    passed: () => passed,
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}
