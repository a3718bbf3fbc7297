/** Between the worker and the ledger: passes requests on, counts them, and springs a trap before or after the one it is told. */
import http from 'node:http';
import type net from 'node:net';
import type { Trap } from './wire-proxy.ts';

export class HttpGate {
  requests = 0;
  #trap: Trap | undefined;
  #sprung = false;
  readonly #server: http.Server;
  readonly #agent = new http.Agent({ keepAlive: false });

  private constructor(target: string) {
    this.#server = http.createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('error', () => response.destroy());
      request.on('end', () => void this.#pass(target, request, Buffer.concat(chunks), response));
    });
  }

  static async open(target: string): Promise<HttpGate> {
    const gate = new HttpGate(target);
    await new Promise<void>((resolve) => gate.#server.listen(0, '127.0.0.1', resolve));
    return gate;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as net.AddressInfo).port}`;
  }

  get sprung(): boolean {
    return this.#sprung;
  }

  count(trap?: Trap): void {
    this.requests = 0;
    this.#trap = trap;
  }

  async close(): Promise<void> {
    this.#agent.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #pass(target: string, request: http.IncomingMessage, body: Buffer, response: http.ServerResponse) {
    if (this.#sprung) return;
    const trap = ++this.requests === this.#trap?.at ? this.#trap : undefined;
    if (trap?.when === 'before') return this.#spring(trap);
    const { method, headers } = request;
    const onward = http.request(`${target}${request.url}`, { method, headers, agent: this.#agent }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => {
        if (trap !== undefined) return this.#spring(trap);
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        response.end(Buffer.concat(chunks));
      });
    });
    onward.on('error', () => response.destroy());
    onward.end(body);
  }

  #spring(trap: Trap): void {
    this.#sprung = true;
    trap.spring();
  }
}
