/**
 * Customers' WebSockets (RFC 6455): the handshake goes to its tenant's slot as any request does, and what follows is
 * passed on as bytes. A WebSocket may write at any time and for hours, so none outlives the route that it came by: when
 * its tenant is held (for writes alone, too) or leads elsewhere, it is closed, and its client comes again.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { CHECK_HEADER, passes } from './check-pass.ts';
import type { InFlight } from './in-flight.ts';
import { closeWithProblem, type RawProblem } from './problem.ts';
import type { ProxyConfig } from './proxy.ts';
import { toSlot } from './request-headers.ts';
import { misreadable } from './request-target.ts';
import type { RoutingTable } from './routing-table.ts';
import { tenantOf } from './tenant-of.ts';
import { openTunnel } from './tunnel.ts';

/** How many may be open: of all tenants together, and of one, so that nobody takes the others' share. */
const MOST_OPEN = 20_000;
const MOST_OF_ONE = 5_000;

/** Whose a WebSocket is, and where it leads. */
interface Way {
  readonly tenant: string;
  readonly slot: string;
  /** It came with our checks' pass, which opens a held tenant's door. */
  readonly checks: boolean;
}

/** Whether a request asks for a WebSocket; any other `Upgrade` is none of ours, and the request is served without. */
export function isWebSocket(request: IncomingMessage): boolean {
  return request.method === 'GET' && /^\s*websocket\s*$/i.test(request.headers.upgrade ?? '');
}

/** The WebSockets that are open through one router. */
export class WebSockets {
  private readonly config: ProxyConfig;
  private readonly table: RoutingTable;
  private readonly inFlight: InFlight;
  /** What ends each. */
  private readonly open = new Map<Way, () => void>();
  private readonly counts = new Map<string, number>();

  constructor(config: ProxyConfig, table: RoutingTable, inFlight: InFlight) {
    this.config = config;
    this.table = table;
    this.inFlight = inFlight;
    table.onChange(() => {
      for (const [way, end] of this.open) if (!this.mayStay(way)) end();
    });
  }

  /** Takes a handshake: refuses it with a problem, or joins the two sides. */
  take(request: IncomingMessage, client: Duplex, head: Buffer): void {
    client.on('error', () => client.destroy());
    const judged = this.judge(request);
    if ('title' in judged) closeWithProblem(client, judged);
    else this.join(request, client, head, judged);
  }

  /** Ends all of them: the router stops. */
  close(): void {
    for (const end of this.open.values()) end();
  }

  private judge({ url = '', headers }: IncomingMessage): Way | RawProblem {
    const { config, table } = this;
    const unreadable = misreadable(url);
    if (unreadable !== undefined) return { status: 400, title: 'Bad request target', detail: unreadable };
    const tenant = tenantOf(config.tenantBy, url, headers.host);
    const values = config.tenantHeader?.values ?? {};
    const tenantValue = Object.hasOwn(values, tenant) ? values[tenant] : undefined;
    const refused = config.callGuard?.({ target: url, headers, body: undefined, tenantValue });
    if (refused !== undefined) return { status: 403, ...refused };
    const checks = passes(config.checkPass, headers[CHECK_HEADER]);
    if (table.held.has(tenant) && !checks) return this.comeAgain('Under maintenance', 'This system is being updated');
    const slot = table.pick(tenant, Math.random());
    if (slot === undefined)
      return { status: 404, title: 'No such tenant', detail: `The tenant ${tenant.slice(0, 63)} isn't routed here.` };
    if (this.open.size >= MOST_OPEN || (this.counts.get(tenant) ?? 0) >= MOST_OF_ONE)
      return this.comeAgain('Too many connections', 'As many WebSockets are open as may be');
    return { tenant, slot, checks };
  }

  private join(request: IncomingMessage, client: Duplex, head: Buffer, way: Way): void {
    const { config } = this;
    const { tenant, slot } = way;
    const { remoteAddress: address } = request.socket;
    const arrival = { host: request.headers.host, address, encrypted: 'encrypted' in request.socket };
    // Until the slot has answered it is a request like others; after that nobody waits for it to end.
    const leave = this.inFlight.enter(slot, tenant, true);
    this.count(tenant, 1);
    const end = openTunnel(
      {
        request,
        client,
        head,
        port: (config.websocketUpstreams ?? config.upstreams)[slot] as number,
        headers: toSlot({ ...request.headers }, tenant, config.tenantHeader, arrival),
        answerMs: config.answerMs,
      },
      {
        // Its tenant may have been held while the slot was asked.
        mayJoin: () => this.mayStay(way),
        joined: leave,
        unanswered: () =>
          closeWithProblem(client, this.comeAgain('Unavailable', `Slot ${slot} takes no WebSockets at the moment`)),
        ended: () => {
          leave();
          this.open.delete(way);
          this.count(tenant, -1);
        },
      },
    );
    this.open.set(way, end);
  }

  private mayStay({ tenant, slot, checks }: Way): boolean {
    return this.table.leadsTo(tenant, slot) && (checks || !this.table.held.has(tenant));
  }

  private comeAgain(title: string, why: string): RawProblem {
    const { retryAfterS } = this.config;
    return { status: 503, title, detail: `${why}; please connect again in ${retryAfterS} seconds.`, retryAfterS };
  }

  private count(tenant: string, n: 1 | -1): void {
    const left = (this.counts.get(tenant) ?? 0) + n;
    if (left <= 0) this.counts.delete(tenant);
    else this.counts.set(tenant, left);
  }
}
