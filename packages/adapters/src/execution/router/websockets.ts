/**
 * Customers' WebSockets (RFC 6455): the handshake goes to its tenant's slot as any request does, and what follows is
 * passed on as bytes. A WebSocket may write at any time and for hours, so none outlives the route that it came by: when
 * its tenant is held (for writes alone, too) or leads elsewhere, or the operation that it is of is closed, it is closed, and its client comes again.
 */
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import type { AskedFor } from '@headgate/domain/model/operation';
import { askedFor } from './asked-for.ts';
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
/** RFC 9110, section 7.6.1, and what says how long a body is. */
const OF_ANOTHER_CONNECTION = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Whose a WebSocket is, and where it leads. */
interface Way {
  readonly tenant: string;
  readonly slot: string;
  /** It came with our checks' pass, which opens a held tenant's door. */
  readonly checks: boolean;
  readonly what: AskedFor;
}

/** Whether a request asks for a WebSocket; any other `Upgrade` is none of ours, and the request is served without. */
export function isWebSocket(request: IncomingMessage): boolean {
  const { upgrade = '', 'sec-websocket-key': key = '' } = request.headers;
  return request.method === 'GET' && /^\s*websocket\s*$/i.test(upgrade) && /^[A-Za-z0-9+/]{22}==$/.test(key);
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

  private judge({ url = '', headers, rawHeaders }: IncomingMessage): Way | RawProblem {
    const { config, table } = this;
    const unreadable = misreadable(url, rawHeaders);
    if (unreadable !== undefined) return { status: 400, title: 'Bad request', detail: unreadable };
    const tenant = tenantOf(config.tenantBy, url, headers.host);
    const values = config.tenantHeader?.values ?? {};
    const tenantValue = Object.hasOwn(values, tenant) ? values[tenant] : undefined;
    const refused = config.callGuard?.({ target: url, headers, body: undefined, tenantValue });
    if (refused !== undefined) return { status: 403, ...refused };
    const checks = passes(config.checkPass, headers[CHECK_HEADER]);
    if (!checks && table.turnsAway(tenant, false))
      return this.comeAgain('Under maintenance', 'This system is being updated');
    const slot = table.pick(tenant, Math.random());
    if (slot === undefined)
      return { status: 404, title: 'No such tenant', detail: `The tenant ${tenant.slice(0, 63)} isn't routed here.` };
    const what = askedFor(config.tenantBy, 'GET', url, headers);
    const closed = table.closed.asked(tenant, slot, what);
    if (closed !== undefined) return this.comeAgain('Closed for now', closed.says.replace(/\.$/, ''));
    if (this.open.size >= MOST_OPEN || (this.counts.get(tenant) ?? 0) >= MOST_OF_ONE)
      return this.comeAgain('Too many connections', 'As many WebSockets are open as may be');
    return { tenant, slot, checks, what };
  }

  private join(request: IncomingMessage, client: Duplex, head: Buffer, way: Way): void {
    const { answerMs } = this.config;
    const { tenant, slot, what } = way;
    this.count(tenant, 1);
    const over = (): void => {
      this.open.delete(way);
      this.count(tenant, -1);
    };
    try {
      const ends = { request, client, head, answerMs, port: this.portOf(request.url ?? '', slot) };
      const end = openTunnel(
        { ...ends, headers: this.headersOf(request, tenant) },
        {
          enters: () => this.inFlight.enter(slot, tenant, true, what),
          // Its tenant may have been held while the slot was asked.
          mayJoin: () => this.mayStay(way),
          unanswered: () =>
            closeWithProblem(client, this.comeAgain('Unavailable', `Slot ${slot} takes no WebSockets at the moment`)),
          over,
        },
      );
      this.open.set(way, end);
    } catch {
      over();
      closeWithProblem(client, { status: 400, title: 'Bad request', detail: 'Such a handshake can’t be passed on.' });
    }
  }

  private portOf(url: string, slot: string): number {
    const { upstreams, websockets } = this.config;
    const apart = websockets !== undefined && url.split('?', 1)[0] === websockets.path;
    return (apart ? websockets.ports : upstreams)[slot] as number;
  }

  /** A handshake has no body, and is about this connection alone. */
  private headersOf(request: IncomingMessage, tenant: string): OutgoingHttpHeaders {
    const { remoteAddress: address } = request.socket;
    const arrival = { host: request.headers.host, address, encrypted: 'encrypted' in request.socket };
    const headers = Object.entries(request.headers).filter(([name]) => !OF_ANOTHER_CONNECTION.has(name));
    const own = { ...Object.fromEntries(headers), connection: 'Upgrade', upgrade: 'websocket' };
    return toSlot(own, tenant, this.config.tenantHeader, arrival);
  }

  private mayStay({ tenant, slot, checks, what }: Way): boolean {
    if (this.table.closed.asked(tenant, slot, what) !== undefined) return false;
    return this.table.leadsTo(tenant, slot) && (checks || !this.table.turnsAway(tenant, false));
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
