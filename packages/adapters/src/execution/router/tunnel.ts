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
  /** The slot is at work for it. Answers what says that it is through. */
  enters(): () => void;
  /** Asked when the slot has agreed: whether the two sides may be joined still. */
  mayJoin(): boolean;
  /** The slot couldn't be asked; the client waits for an answer. */
  unanswered(): void;
  /** The client is gone, or about to be. Called once. */
  over(): void;
}

/** A client that has gone without a word is found by TCP after this. Milliseconds. */
const KEEP_ALIVE_MS = 30_000;
/** How long a slot may take to be through with a WebSocket that was cut, and a client to read a refusal. Milliseconds. */
const LET_GO_MS = 5_000;

/**
 * Asks the slot, and joins the two sides when it agrees. Returns what ends it, whatever has become of it: the client is
 * gone at once, and the slot counts as being at work until it has answered, or closed its side. Throws when such a
 * handshake can't be written at all; then nothing has begun.
 */
export function openTunnel(ends: TunnelEnds, events: TunnelEvents): () => void {
  const { request, client, head, port, headers, answerMs } = ends;
  const asked = http.request({ host: '127.0.0.1', port, method: 'GET', path: request.url, headers, agent: false });
  let leave = events.enters();
  let slotSide: Duplex | undefined;
  let answered = false;
  let over = false;
  const late = setTimeout(() => asked.destroy(new Error('no answer in time')), answerMs);
  const through = (): void => {
    clearTimeout(late);
    leave();
  };
  const isOver = (): boolean => {
    const first = !over;
    over = true;
    if (first) events.over();
    return first;
  };
  const end = (): void => {
    if (!isOver()) return;
    client.destroy();
    // A slot that was asked goes on, and may write, without its client; it counts until it has answered.
    if (slotSide !== undefined && !slotSide.closed) letGo(slotSide);
  };
  /** A message may be at work in the slot at this moment: it counts until its side is closed. */
  const letGo = (socket: Duplex): void => {
    leave = events.enters();
    const cut = setTimeout(() => socket.destroy(), LET_GO_MS);
    socket.once('close', () => {
      clearTimeout(cut);
      leave();
    });
    socket.unpipe();
    socket.resume();
    socket.end();
  };
  client.once('close', end);
  asked.on('error', () => {
    through();
    // With half an answer on its way there is no place for another one.
    if (answered || slotSide !== undefined) end();
    else if (isOver()) events.unanswered();
  });
  asked.on('response', (response) => {
    answered = true;
    response.on('error', end).once('close', () => {
      through();
      // Whoever doesn't read it, or never closes, isn't waited for.
      setTimeout(end, LET_GO_MS).unref();
    });
    if (over) return void response.resume();
    // The application doesn't want one: its answer is passed on as it is, and that was it.
    client.resume();
    client.write(answerHead(response));
    response.once('end', () => client.end(end)).pipe(client, { end: false });
  });
  asked.on('upgrade', (response, socket, first) => {
    // A half-closed WebSocket is of no use to anybody.
    for (const side of [socket, client]) side.on('error', end).once('close', end).once('end', end);
    if (over || !events.mayJoin()) {
      socket.once('close', through).destroy();
      return end();
    }
    through();
    slotSide = socket;
    for (const each of [request.socket, response.socket])
      each.setTimeout(0).setKeepAlive(true, KEEP_ALIVE_MS).setNoDelay(true);
    client.write(answerHead(response));
    if (first.length > 0) client.write(first);
    if (head.length > 0) socket.write(head);
    socket.pipe(client);
    client.pipe(socket);
  });
  try {
    asked.end();
  } catch (error) {
    // What Node finds out last. It says so once more as an error of the request, which answers the client.
    asked.destroy(error as Error);
  }
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
