/**
 * Between a process and PostgreSQL: passes messages on, counts statements as the wire protocol frames them (a Query, or a
 * Sync with what stands before it), and springs a trap at the one that it is told: before it is forwarded, or when its
 * answer is there and not passed on. What comes after that is passed on to nobody.
 */
import net from 'node:net';
import { FrameReader } from './frames.ts';

export interface Trap {
  /** Which statement, from 1. */
  readonly at: number;
  readonly when: 'before' | 'after';
  /** Kills the process; called once. */
  readonly spring: () => void;
}

export class WireProxy {
  /** Statements since the count began, in the order in which they came. */
  readonly statements: string[] = [];
  /** Our ports of the sessions that were opened: the server knows them by these. */
  readonly ports: number[] = [];
  #counting = false;
  #trap: Trap | undefined;
  #sprung = false;
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();
  readonly #target: { readonly host: string; readonly port: number };

  private constructor(target: { readonly host: string; readonly port: number }) {
    this.#target = target;
    this.#server = net.createServer((client) => this.#serve(client));
  }

  static async open(target: { readonly host: string; readonly port: number }): Promise<WireProxy> {
    const proxy = new WireProxy(target);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject);
      proxy.#server.listen(0, '127.0.0.1', resolve);
    });
    return proxy;
  }

  /** The same URL, by way of this proxy. */
  through(databaseUrl: string): string {
    const url = new URL(databaseUrl);
    url.host = `127.0.0.1:${(this.#server.address() as net.AddressInfo).port}`;
    return url.href;
  }

  /** Begins to count, and with a trap to wait for its statement. */
  count(trap?: Trap): void {
    this.statements.length = 0;
    this.#counting = true;
    this.#trap = trap;
  }

  get sprung(): boolean {
    return this.#sprung;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(client: net.Socket): void {
    const upstream = net.connect(this.#target, () => this.ports.push(upstream.localPort!));
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      this.#sockets.add(socket);
      socket.on('error', () => socket.destroy());
    }
    // A process that is gone takes its session with it, at once: the server rolls back.
    client.on('close', () => {
      this.#sockets.delete(client);
      upstream.destroy();
    });
    upstream.on('close', () => {
      this.#sockets.delete(upstream);
      client.end();
    });

    const batch: Buffer[] = [];
    let text = '';
    let held = false;
    const forward = (): void => void upstream.write(Buffer.concat(batch.splice(0)));
    const statement = (): void => {
      if (this.#counting) this.statements.push(text);
      const trap = this.#counting && this.#trap?.at === this.statements.length ? this.#trap : undefined;
      if (trap?.when === 'before') {
        this.#spring(trap);
      } else {
        held = trap !== undefined;
        forward();
      }
    };
    const asked = new FrameReader(true, ({ type, frame }) => {
      if (this.#sprung) return;
      batch.push(frame);
      if (type === 'Q' || type === 'P') text = textOf(type, frame);
      if (type === 'Q' || type === 'S') statement();
      // The parts of a statement wait for its Sync: the server would carry them out as they come.
      else if (!PARTS.has(type)) forward();
    });
    const answered = new FrameReader(false, ({ type, frame }) => {
      if (this.#sprung) return;
      if (!held) client.write(frame);
      else if (type === 'Z') this.#spring(this.#trap!);
    });
    client.on('data', (chunk: Buffer) => asked.read(chunk));
    upstream.on('data', (chunk: Buffer) => answered.read(chunk));
  }

  #spring(trap: Trap): void {
    this.#sprung = true;
    trap.spring();
  }
}

/** Parse, Bind, Describe, Execute, Close. */
const PARTS: ReadonlySet<string> = new Set(['P', 'B', 'D', 'E', 'C']);

/** The SQL of a Query, or of a Parse, whose name stands before it. */
function textOf(type: 'Q' | 'P', frame: Buffer): string {
  const from = type === 'Q' ? 5 : frame.indexOf(0, 5) + 1;
  return frame.toString('utf8', from, frame.indexOf(0, from)).replace(/\s+/g, ' ').trim();
}
