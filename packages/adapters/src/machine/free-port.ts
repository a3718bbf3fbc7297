import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';

/** Where ports are looked for when nothing says otherwise: above the system's own services, below Linux's usual ephemeral range. */
const LOWEST = 15_000;
const HIGHEST = 32_767;
/** So many taken ports in a row are no accident. */
const TRIES = 2_000;

/** A TCP port on 127.0.0.1 that is free now. Ask right before use: it isn't reserved. */
export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  return port!;
}

/**
 * Several different free ports, held together while they are picked so that none comes twice. None is of the range from
 * which the system serves outgoing connections: whoever listens on such a port may find it taken by a mere client when
 * it comes back from a restart.
 */
export async function freePorts(count: number): Promise<number[]> {
  const highest = Math.min(HIGHEST, (await firstEphemeral()) - 1);
  const held: (() => Promise<void>)[] = [];
  const ports: number[] = [];
  try {
    for (let tries = 0; ports.length < count; tries++) {
      if (tries >= TRIES) throw new Error(`no ${count} free ports on 127.0.0.1 between ${LOWEST} and ${highest}`);
      const port = highest > LOWEST ? randomInt(LOWEST, highest + 1) : 0;
      const taken = await hold(port);
      if (taken === undefined) continue;
      held.push(taken.release);
      ports.push(taken.port);
    }
    return ports;
  } finally {
    await Promise.all(held.map((release) => release()));
  }
}

/** Listens on a port (0: whichever the system gives); undefined when somebody else does. */
async function hold(port: number): Promise<{ readonly port: number; release(): Promise<void> } | undefined> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' || error.code === 'EACCES' ? resolve(undefined) : reject(error),
    );
    server.listen(port, '127.0.0.1', () => {
      const release = () => new Promise<void>((closed) => server.close(() => closed()));
      resolve({ port: (server.address() as { port: number }).port, release });
    });
  });
}

/** The first port that the system gives to outgoing connections. */
async function firstEphemeral(): Promise<number> {
  const range = await readFile('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').catch(() => '');
  const first = Number.parseInt(range, 10);
  return Number.isSafeInteger(first) ? first : HIGHEST + 1;
}
