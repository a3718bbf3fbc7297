import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A receiver of webhooks on loopback that keeps what it is sent. */
export class Receiver {
  readonly received: Received[] = [];
  readonly #server: Server;
  /** What it answers; `hang` for never. */
  answer: (received: Received) => number | 'hang' = () => 204;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(): Promise<Receiver> {
    const server = createServer();
    const receiver = new Receiver(server);
    server.on('request', async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      const received = { path: request.url ?? '', headers: request.headers, body };
      receiver.received.push(received);
      const status = receiver.answer(received);
      if (status !== 'hang') response.writeHead(status, { location: '/elsewhere' }).end();
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return receiver;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get url(): string {
    return `http://${this.address}`;
  }

  /** Ids by how often each came. */
  ids(): ReadonlyMap<string, number> {
    const counted = new Map<string, number>();
    for (const { headers } of this.received) {
      const id = String(headers['webhook-id']);
      counted.set(id, (counted.get(id) ?? 0) + 1);
    }
    return counted;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }
}
