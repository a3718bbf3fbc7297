import http, { type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

/** A WebSocket's way from a client to a slot. */
export interface TunnelEnds {
  /** The handshake as it came, with what followed it at once. */
  readonly request: IncomingMessage;
  readonly client: Duplex;
  readonly head: Buffer;
  readonly port: number;
  /** As the slot gets them. */
  readonly headers: http.OutgoingHttpHeaders;
  /** How long the slot may take to answer the handshake. Milliseconds. */
  readonly answerMs: number;
}

export interface TunnelEvents {
  /** Asked when the slot has agreed: whether the two sides may be joined still. */
  mayJoin(): boolean;
  /** They are joined. */
  joined(): void;
  /** The slot couldn't be asked; the client waits for an answer. */
  unanswered(): void;
  /** Both sides are closed, or about to be. Called once. */
  ended(): void;
}

/** A client that has gone without a word is found by TCP after this. Milliseconds. */
const KEEP_ALIVE_MS = 30_000;

/** Asks the slot, and joins the two sides when it agrees. Returns what ends it, whatever has become of it. */
export function openTunnel(ends: TunnelEnds, events: TunnelEvents): () => void {
  const { request, client, head, port, headers, answerMs } = ends;
  const asked = http.request({ host: '127.0.0.1', port, method: 'GET', path: request.url, headers, agent: false });
  let slotSide: Duplex | undefined;
  let over = false;
  const finish = (): boolean => {
    const first = !over;
    over = true;
    clearTimeout(late);
    if (first) events.ended();
    return first;
  };
  const end = (): void => {
    finish();
    asked.destroy();
    client.destroy();
    slotSide?.destroy();
  };
  const late = setTimeout(() => asked.destroy(new Error('no answer in time')), answerMs);
  client.once('close', end);
  asked.on('error', () => {
    if (slotSide === undefined && finish()) events.unanswered();
    else end();
  });
  asked.on('response', (response) => {
    // The application doesn't want one: its answer is passed on as it is, and that was it.
    clearTimeout(late);
    client.write(answerHead(response));
    response.on('error', end).pipe(client);
  });
  asked.on('upgrade', (response, socket, first) => {
    clearTimeout(late);
    slotSide = socket;
    // A half-closed WebSocket is of no use to anybody.
    for (const side of [socket, client]) side.on('error', end).once('close', end).once('end', end);
    if (over || !events.mayJoin()) return end();
    events.joined();
    for (const each of [request.socket, response.socket])
      each.setTimeout(0).setKeepAlive(true, KEEP_ALIVE_MS).setNoDelay(true);
    client.write(answerHead(response));
    if (first.length > 0) client.write(first);
    if (head.length > 0) socket.write(head);
    socket.pipe(client);
    client.pipe(socket);
  });
  asked.end();
  return end;
}

/** What says how an answer is cut into pieces: Node has put it together, and that the connection closes says where it ends. */
const OF_ITS_CONNECTION = new Set(['transfer-encoding', 'keep-alive', 'connection']);

/** Status and headers of a slot's answer, as bytes. Node has refused what could break out of a line. */
function answerHead({ statusCode, statusMessage, rawHeaders }: IncomingMessage): string {
  const upgraded = statusCode === 101;
  const lines = [`HTTP/1.1 ${statusCode} ${statusMessage}`];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (upgraded || !OF_ITS_CONNECTION.has(name.toLowerCase())) lines.push(`${name}: ${rawHeaders[i + 1]}`);
  }
  if (!upgraded) lines.push('connection: close');
  return `${lines.join('\r\n')}\r\n\r\n`;
}
