/**
 * Connections before there is a request on them: whoever opens many and sends half a head on each has neither token nor
 * allowance, and each takes a descriptor of the process that the database's sessions need as well.
 */
import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { BlockList, Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { networkOf, plain, trusts } from './client-address.ts';

export interface ConnectionBounds {
  /** Connections in all. What comes beyond them is closed at once. */
  readonly most: number;
  /** Connections of one network on which no request has come whole. Of more, the one that has waited longest is closed. */
  readonly waitingOfOne: number;
}

/** Descriptors that are kept for the database's sessions, files and programs. */
const KEPT = 256;
const MOST = 4_096;
const WAITING_OF_ONE = 128;

/** As many as there are descriptors for. */
export function connectionBounds(descriptors = descriptorLimit()): ConnectionBounds {
  return { most: Math.min(MOST, Math.max(WAITING_OF_ONE, descriptors - KEPT)), waitingOfOne: WAITING_OF_ONE };
}

/** How long a head may take; a request has longer. And how often that is looked at. Milliseconds. */
export const HEAD_TIMES = { headersTimeout: 20_000, connectionsCheckingInterval: 5_000 } as const;

/** How long a connection may stand while nothing goes in or out; a poll is answered, and a watcher's stream beats, well within. */
export const SILENT_MS = 120_000;

/** Bounds what a server lets stand open. A trusted proxy's connections are counted with all, and not by its address. */
export function boundConnections(
  { server }: FastifyInstance,
  trusted: BlockList,
  { most, waitingOfOne } = connectionBounds(),
): void {
  server.maxConnections = most;
  const waiting = new Map<string, Map<string, Socket>>();
  const forget = (network: string, peer: string) => {
    const own = waiting.get(network);
    own?.delete(peer);
    if (own?.size === 0) waiting.delete(network);
  };
  server.on('connection', (socket: Socket) => {
    const { remoteAddress } = socket;
    if (remoteAddress === undefined) return void socket.destroy();
    if (trusts(trusted, plain(remoteAddress))) return;
    const network = networkOf(remoteAddress);
    const peer = peerOf(socket);
    const own = waiting.get(network) ?? new Map<string, Socket>();
    waiting.set(network, own.set(peer, socket));
    socket.once('close', () => forget(network, peer));
    // Whoever means it has sent a head by the time that so many others have come.
    if (own.size > waitingOfOne) own.values().next().value?.destroy();
  });
  (server as Server).on('request', ({ socket }) => {
    if (socket.remoteAddress !== undefined) forget(networkOf(socket.remoteAddress), peerOf(socket));
  });
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
