/**
 * Connections of whom nobody knows: whoever opens many and sends half a head on each, or a whole one for what needs no token, has
 * no allowance that runs out, and each takes a descriptor of the process that the database's sessions need as well.
 */
import { readFileSync } from 'node:fs';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { BlockList, Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { networkOf, plain, trusts } from './client-address.ts';

export interface ConnectionBounds {
  /** Connections in all. What comes beyond them is closed at once. */
  readonly most: number;
  /** Connections of one network on which no request has come whole. Of more, the one that has waited longest is closed. */
  readonly waitingOfOne: number;
  /** Those that stay open behind their answers. Of more, the one that has been idle longest is closed. */
  readonly idleOfOne: number;
  /**
   * All of these, and those on which nobody was let in by a token for what is being answered. Of more, the one that was
   * answered or came longest ago is closed.
   */
  readonly strangeOfOne: number;
}

/** Descriptors that are kept for the database's sessions, files and programs. */
const KEPT = 256;
const MOST = 4_096;
const WAITING_OF_ONE = 128;
const IDLE_OF_ONE = 128;

/** As many as there are descriptors for; a quarter of them for one network without a token. */
export function connectionBounds(descriptors = descriptorLimit()): ConnectionBounds {
  const most = Math.min(MOST, Math.max(WAITING_OF_ONE, descriptors - KEPT));
  const strangeOfOne = Math.max(WAITING_OF_ONE, Math.floor(most / 4));
  return { most, waitingOfOne: WAITING_OF_ONE, idleOfOne: IDLE_OF_ONE, strangeOfOne };
}

/** How long a head may take; a request has longer. And how often that is looked at. Milliseconds. */
export const HEAD_TIMES = { headersTimeout: 20_000, connectionsCheckingInterval: 5_000 } as const;

/** How long a connection may stand while nothing goes in or out; a poll is answered, and a watcher's stream beats, well within. */
export const SILENT_MS = 120_000;

/**
 * How long a connection may stand idle before its next request; callers are told. A balancer should keep idle ones for less, or
 * it now and then sends a request on one that is being closed. Milliseconds.
 */
export const KEEP_ALIVE_MS = 20_000;

/** A network's connections, by peer, the one that came or was answered longest ago first. */
interface Network {
  readonly waiting: Map<string, Held>;
  readonly idle: Map<string, Held>;
  readonly strange: Map<string, Held>;
}

/** A connection, and how many requests on it aren't answered yet. */
interface Held {
  readonly socket: Socket;
  answering: number;
  over: boolean;
}

/**
 * Bounds what a server lets stand open. A trusted proxy's connections are counted with all, and not by its address. Returns what
 * is called with a request that was let in on its token.
 */
export function boundConnections(
  { server }: FastifyInstance,
  trusted: BlockList,
  { most, waitingOfOne, idleOfOne, strangeOfOne } = connectionBounds(),
): (admitted: IncomingMessage) => void {
  server.maxConnections = most;
  const networks = new Map<string, Network>();
  const held = new Map<string, Held>();
  const networkAt = (network: string): Network => {
    const own = networks.get(network) ?? { waiting: new Map(), idle: new Map(), strange: new Map() };
    networks.set(network, own);
    return own;
  };
  const forget = (network: string, peer: string) => {
    const own = networkAt(network);
    for (const list of [own.waiting, own.idle, own.strange]) list.delete(peer);
    if (own.strange.size === 0) networks.delete(network);
  };
  const close = (network: string, list: Map<string, Held>) => {
    const [peer, connection] = list.entries().next().value as [string, Held];
    connection.over = true;
    forget(network, peer);
    connection.socket.destroy();
  };
  /** Nothing is answered on it. Whoever means it has asked by the time that so many others have come. */
  const rest = (network: string, peer: string, connection: Held, as: 'waiting' | 'idle') => {
    const own = networkAt(network);
    own[as].set(peer, connection);
    own.strange.delete(peer);
    own.strange.set(peer, connection);
    if (own.waiting.size > waitingOfOne) close(network, own.waiting);
    if (own.idle.size > idleOfOne) close(network, own.idle);
    if (own.strange.size > strangeOfOne) close(network, own.strange);
  };
  server.on('connection', (socket: Socket) => {
    const { remoteAddress } = socket;
    if (remoteAddress === undefined) return void socket.destroy();
    if (trusts(trusted, plain(remoteAddress))) return;
    const network = networkOf(remoteAddress);
    const peer = peerOf(socket);
    const connection: Held = { socket, answering: 0, over: false };
    held.set(peer, connection);
    socket.once('close', () => {
      // The same port may be somebody else's by now.
      if (held.get(peer) === connection) held.delete(peer);
      if (!connection.over) forget(network, peer);
      connection.over = true;
    });
    rest(network, peer, connection, 'waiting');
  });
  (server as Server).on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    const peer = peerOf(socket);
    const connection = held.get(peer);
    if (socket.remoteAddress === undefined || connection === undefined) return;
    const network = networkOf(socket.remoteAddress);
    connection.answering += 1;
    const own = networkAt(network);
    for (const list of [own.waiting, own.idle]) list.delete(peer);
    response.once('close', () => {
      connection.answering -= 1;
      if (connection.answering === 0 && !connection.over) rest(network, peer, connection, 'idle');
    });
  });
  return ({ socket }) => {
    if (socket.remoteAddress !== undefined)
      networks.get(networkOf(socket.remoteAddress))?.strange.delete(peerOf(socket));
  };
}

/** The same of a connection and of what TLS makes of it. */
function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

/** How many descriptors the process may have. Infinite where nobody says. */
function descriptorLimit(): number {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
