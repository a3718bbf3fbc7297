import http from 'node:http';
import type { Fence } from '@headgate/domain/protocol/fence';
import { z } from 'zod';
import { readSecret } from '../../machine/durable-file.ts';
import { type Closing, type Reopening, StoredClosing } from './closings.ts';
import type { ChangeAnswer, Hold, Lend, Weights } from './routing-table.ts';

const Routes = z.object({
  routes: z.record(z.string(), z.record(z.string(), z.number())),
  held: z.array(z.string()),
  reads: z.array(z.string()).default([]),
  pausing: z.array(z.string()).default([]),
  /** Absent: the router was started by an agent that knew no operations. */
  closed: z.array(StoredClosing).exactOptional(),
  lent: z.array(z.string()).default([]),
});
const Counts = z.record(z.string(), z.record(z.string(), z.number()));
const Flights = z.object({ inFlight: Counts, writes: Counts, closed: z.record(z.string(), z.number()).default({}) });

/** The router's admin API, from the agent's side. */
export class RouterClient {
  private readonly port: number;
  private readonly tokenFile: string;

  constructor(port: number, tokenFile: string) {
    this.port = port;
    this.tokenFile = tokenFile;
  }

  async change(
    fence: Fence,
    routes: Readonly<Record<string, Weights>>,
    held: Readonly<Record<string, Hold>> = {},
    operations: { readonly close?: readonly Closing[]; readonly reopen?: readonly Reopening[] } = {},
  ): Promise<ChangeAnswer> {
    const { status, body } = await this.ask('PUT', '/routes', { fence, routes, held, ...operations });
    if (status === 200) return { ok: true };
    const why = String((body as { detail?: unknown }).detail ?? `status ${status}`);
    if (status === 409) return { ok: false, code: 'fenced', why };
    if (status === 400 || status === 422) return { ok: false, code: 'rejected', why };
    throw new Error(`The router answered ${status} to a change of routes: ${why}`);
  }

  /** Holds a tenant's writes for a moment, or ends that (0 milliseconds). */
  async lend(lend: Lend): Promise<ChangeAnswer> {
    const { status, body } = await this.ask('PUT', '/lent', lend, 3_000);
    if (status === 200) return { ok: true };
    if (status === 404)
      return {
        ok: false,
        code: 'rejected',
        why: 'the router that runs is of a version before this, and knows no such hold until it is started anew',
      };
    const why = String((body as { detail?: unknown }).detail ?? `status ${status}`);
    return { ok: false, code: status === 409 ? 'fenced' : 'rejected', why };
  }

  /** What is routed where, who is held, of those whose reading requests are served, and what operations are closed. */
  async table(): Promise<{
    readonly routes: Readonly<Record<string, Weights>>;
    readonly held: readonly string[];
    readonly reads: readonly string[];
    readonly pausing: readonly string[];
    readonly closed?: readonly StoredClosing[];
    /** Whose writes are turned away as long as somebody says so again and again. */
    readonly lent: readonly string[];
  }> {
    return Routes.parse(await this.read('/routes'));
  }

  async routes(): Promise<Readonly<Record<string, Weights>>> {
    return (await this.table()).routes;
  }

  /** Running requests by slot and tenant. */
  async inFlight(): Promise<Readonly<Record<string, Readonly<Record<string, number>>>>> {
    return Flights.parse(await this.read('/inflight')).inFlight;
  }

  /** Of these, the ones that may change something. */
  async writesInFlight(): Promise<Readonly<Record<string, Readonly<Record<string, number>>>>> {
    return Flights.parse(await this.read('/inflight')).writes;
  }

  /** By tenant, the running requests of operations that are closed. */
  async closedInFlight(): Promise<Readonly<Record<string, number>>> {
    return Flights.parse(await this.read('/inflight')).closed;
  }

  /** Whether the router answers, with our token. */
  async healthy(): Promise<boolean> {
    try {
      return (await this.ask('GET', '/health', undefined, 2_000)).status === 200;
    } catch {
      return false;
    }
  }

  private async read(path: string): Promise<unknown> {
    const { status, body } = await this.ask('GET', path);
    if (status !== 200) throw new Error(`The router answered ${status} to GET ${path}`);
    return body;
  }

  private async ask(
    method: string,
    path: string,
    content?: unknown,
    timeoutMs = 10_000,
  ): Promise<{ status: number; body: unknown }> {
    const token = await readSecret(this.tokenFile);
    const bytes = content === undefined ? undefined : Buffer.from(JSON.stringify(content));
    return new Promise((resolve, reject) => {
      const request = http.request(
        {
          host: '127.0.0.1',
          port: this.port,
          method,
          path,
          agent: false,
          signal: AbortSignal.timeout(timeoutMs),
          headers: {
            authorization: `Bearer ${token}`,
            ...(bytes ? { 'content-type': 'application/json', 'content-length': bytes.length } : {}),
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            try {
              resolve({ status: response.statusCode ?? 0, body: JSON.parse(Buffer.concat(chunks).toString('utf8')) });
            } catch (error) {
              reject(error);
            }
          });
        },
      );
      request.on('error', (error) =>
        reject(
          new Error(`The router's admin API on port ${this.port} doesn't answer: ${error.message}`, { cause: error }),
        ),
      );
      request.end(bytes);
    });
  }
}
