import type { FastifyInstance } from 'fastify';
import type { Config } from '../config.ts';
import { UsageError } from '../config.ts';

/** Ports that are tried when none was asked for. */
const TRIES = 100;

/**
 * Listens, and answers with the port: the one that was asked for, or the next free one when none was. Where any free one will do (0),
 * the one of `before` goes first: agents go on asking at the address that they were given.
 */
export async function listen(app: FastifyInstance, { host, port }: Config, before?: number): Promise<number> {
  if (port.number === 0 && before !== undefined) {
    const took = await app.listen({ host, port: before }).then(
      () => true,
      () => false,
    );
    if (took) return before;
  }
  for (let number = port.number; ; number++) {
    try {
      await app.listen({ host, port: number });
      const address = app.server.address();
      return typeof address === 'object' && address !== null ? address.port : number;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EACCES')
        throw new UsageError(`port ${number} needs more rights than this user has: choose one above 1023 with --port`);
      if (code === 'EADDRNOTAVAIL') throw new UsageError(`--host ${host} is no address of this machine`);
      if (code !== 'EADDRINUSE') throw error;
      if (port.given)
        throw new UsageError(
          `port ${number} is taken: choose another with --port, or leave it out for the next free one`,
        );
      if (number >= port.number + TRIES)
        throw new UsageError(`ports ${port.number} to ${number} are all taken: choose one with --port`);
    }
  }
}
