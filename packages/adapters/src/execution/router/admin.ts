import { createHash, timingSafeEqual } from 'node:crypto';
import Fastify, { type FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { InFlight } from './in-flight.ts';
import { answerProblems, problem } from './problem.ts';
import { Lend, RouteChange, type RoutingTable } from './routing-table.ts';

/** The agent's side of the router: sets routes under a fence, and reads back what is routed and what still runs. */
export function buildAdmin(token: string, table: RoutingTable, inFlight: InFlight): FastifyInstance {
  const app = Fastify({ logger: false, bodyLimit: 16 * 1024 * 1024 });
  answerProblems(app);
  // Digests, because they have one length: the comparison takes the same time whatever was sent.
  const expected = sha256(`Bearer ${token}`);
  app.addHook('onRequest', async (request, reply) => {
    const offered = sha256(request.headers.authorization ?? '');
    if (!timingSafeEqual(offered, expected))
      return problem(reply, 401, 'Not authorised', 'The bearer token is missing or wrong.');
    return undefined;
  });
  app.get('/health', async () => ({ pid: process.pid }));
  app.get('/routes', async () => ({
    fence: table.fence,
    routes: table.routes,
    held: [...table.held],
    reads: [...table.reads],
    pausing: [...table.pausing],
    closed: table.closed.all(),
    lent: [...table.lent],
  }));
  app.get('/inflight', async () => ({
    inFlight: inFlight.read(),
    writes: inFlight.writes(),
    closed: inFlight.ofClosed(table.closed),
  }));
  app.put('/routes', async (request, reply) => {
    const change = RouteChange.safeParse(request.body);
    if (!change.success)
      return problem(reply, 400, 'Not a route change', z.prettifyError(change.error).slice(0, 1_000));
    const answer = await table.change(change.data);
    if (!answer.ok) return problem(reply, answer.code === 'fenced' ? 409 : 422, answer.code, answer.why);
    return { fence: table.fence, routed: Object.keys(change.data.routes).length };
  });
  app.put('/lent', async (request, reply) => {
    const asked = Lend.safeParse(request.body);
    if (!asked.success) return problem(reply, 400, 'Not a hold', z.prettifyError(asked.error).slice(0, 1_000));
    const answer = table.lend(asked.data);
    if (!answer.ok) return problem(reply, answer.code === 'fenced' ? 409 : 422, answer.code, answer.why);
    return { lent: table.lent };
  });
  return app;
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
