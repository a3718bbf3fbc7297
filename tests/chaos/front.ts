/**
 * What stands before several servers, as any TCP balancer would: it asks each for `/readyz`, gives a connection to one that
 * is ready, and cuts the connections of one that no longer is, so that nobody waits for a server that is frozen.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const LOOK_MS = 250;
const PATIENCE_MS = 1_000;

interface Behind {
  readonly port: number;
  ready: boolean;
  readonly open: Set<Socket>;
}

export class Front {
  readonly #behind: readonly Behind[];
  readonly #server: Server;
  #turn = 0;
  #stopped = false;
  readonly #looking: Promise<unknown>;

  private constructor(ports: readonly number[]) {
    this.#behind = ports.map((port) => ({ port, ready: false, open: new Set() }));
    this.#server = createServer((client) => this.#serve(client));
    this.#looking = Promise.all(this.#behind.map((each) => this.#look(each)));
  }

  static async open(ports: readonly number[], port: number): Promise<Front> {
    const front = new Front(ports);
    await new Promise<void>((done) => front.#server.listen(port, '127.0.0.1', done));
    return front;
  }

  async close(): Promise<void> {
    this.#stopped = true;
    for (const { open } of this.#behind) for (const socket of open) socket.destroy();
    this.#server.close();
    await this.#looking;
  }

  #serve(client: Socket): void {
    client.on('error', () => client.destroy());
    const ready = this.#behind.filter((each) => each.ready);
    const chosen = ready[this.#turn++ % Math.max(1, ready.length)];
    if (chosen === undefined) return void client.destroy();
    const server = connect({ port: chosen.port, host: '127.0.0.1' });
    const end = (): void => {
      chosen.open.delete(client);
      client.destroy();
      server.destroy();
    };
    chosen.open.add(client);
    server.on('error', end);
    server.on('close', end);
    client.on('close', end);
    client.pipe(server);
    server.pipe(client);
  }

  async #look(behind: Behind): Promise<void> {
    while (!this.#stopped) {
      const was = behind.ready;
      behind.ready = await isReady(`http://127.0.0.1:${behind.port}`, PATIENCE_MS);
      if (was && !behind.ready) for (const socket of behind.open) socket.destroy();
      await sleep(LOOK_MS);
    }
  }
}

/** Whether a server says so within `patienceMs`. */
export async function isReady(url: string, patienceMs: number): Promise<boolean> {
  try {
    const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(patienceMs) });
    await answer.arrayBuffer();
    return answer.ok;
  } catch {
    return false;
  }
}
