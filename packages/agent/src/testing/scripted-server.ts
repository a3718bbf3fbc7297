/** For tests only: a real HTTP server that speaks the contract and answers as a test says. */
import type { AddressInfo } from 'node:net';
import { digestOf } from '@headgate/documents';
import type { CellState, Digest, Outcome, UndoneAway } from '@headgate/domain';
import { soundDrill } from '@headgate/testkit/domain/builders';
import Fastify, { type FastifyReply } from 'fastify';
import type { Assignment } from '../control-plane/assignment.ts';
import type { SealedPlan } from './sealed-plan.ts';

export interface Settled {
  readonly n: number;
  readonly outcome: Outcome;
}

export class ScriptedServer {
  readonly settled: Settled[] = [];
  readonly renewed: number[] = [];
  readonly observed: CellState[] = [];
  /** What was told beside each observation. */
  readonly beside: Readonly<Record<string, string>>[] = [];
  readonly uploaded: Digest[] = [];
  /** Signed statements of drills. */
  readonly drilled: unknown[] = [];
  /** Signed statements of compensation plans that were carried out. */
  readonly reconciled: unknown[] = [];
  /** The answer to them. */
  reconcile = 201;
  /** Signed statements of what was brought back, and the answer to them. */
  readonly restored: unknown[] = [];
  restore = 201;
  /** What agents undid by themselves, and how many had been asked for work by then. */
  readonly undone: (UndoneAway & { readonly rollout: string; readonly leasesBefore: number })[] = [];
  leases = 0;
  /** Of which cells work was asked for last. */
  cells: string | undefined;
  /** Answers to renewals and outcomes; by default the lease is prolonged, the outcome taken. */
  renew: (n: number) => { status: number; lifetimeMs?: number } = () => ({ status: 200, lifetimeMs: 3_000 });
  settle: (n: number, outcome: Outcome) => number = () => 200;
  head: () => string | undefined = () => undefined;
  consistency: (from: number, to: number) => readonly Uint8Array[] = () => [];
  /** While true nothing is answered but by a closed connection. */
  away = false;
  /** How long an assignment that is at hand is held back, milliseconds: a poll that takes its time. */
  delayMs = 0;
  /** What every call is answered with instead, for as long as it is set. */
  trouble: { readonly status: number; readonly code: string } | undefined;
  /** How long a poll for work is held, and what it is answered with instead, with 200. */
  pollMs = 300;
  oddLease: unknown;
  url = '';
  /** Promotions that haven't ended; undefined: an older server, whose agents may not ask that. */
  promotions: readonly object[] | undefined;
  /** What a person who may read is told of a cell. */
  desired: unknown;
  readonly #sealed: SealedPlan;
  readonly #waiting: Assignment[] = [];
  readonly #app = Fastify({ forceCloseConnections: true, bodyLimit: 64 * 1024 * 1024 });

  private constructor(sealed: SealedPlan) {
    this.#sealed = sealed;
  }

  static async start(sealed: SealedPlan, port = 0): Promise<ScriptedServer> {
    const server = new ScriptedServer(sealed);
    server.#routes();
    // As a server says it of a route that it doesn't have.
    server.#app.setNotFoundHandler((_, reply) => problem(reply, 404, 'not-found'));
    await server.#app.listen({ host: '127.0.0.1', port });
    server.url = `http://127.0.0.1:${(server.#app.server.address() as AddressInfo).port}`;
    return server;
  }

  offer(assignment: Assignment): void {
    this.#waiting.push(assignment);
  }

  stop(): Promise<void> {
    return this.#app.close();
  }

  #routes(): void {
    const app = this.#app;
    app.addHook('onRequest', async (request, reply) => {
      if (this.away) {
        reply.hijack();
        request.raw.socket.destroy();
      } else if (request.headers.authorization !== 'Bearer test-token') problem(reply, 401, 'unauthenticated');
      else if (this.trouble !== undefined) problem(reply, this.trouble.status, this.trouble.code);
    });
    app.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_request, body, done) =>
      done(null, body),
    );
    app.post('/v1/agent/leases', async (request) => {
      this.leases++;
      if (this.oddLease !== undefined) return this.oddLease;
      this.cells = (request.query as { cells?: string }).cells;
      const { waitMs } = request.body as { waitMs: number };
      const until = performance.now() + Math.min(waitMs, this.pollMs);
      while (this.#waiting.length === 0 && performance.now() < until) await new Promise((r) => setTimeout(r, 5));
      const assignment = this.#waiting.shift() ?? null;
      if (assignment !== null && this.delayMs > 0) await new Promise((r) => setTimeout(r, this.delayMs));
      return { assignment };
    });
    app.post('/v1/agent/leases/:rollout/:n/renew', async (request, reply) => {
      const n = Number((request.params as { n: string }).n);
      this.renewed.push(n);
      const { status, lifetimeMs } = this.renew(n);
      return status === 200 ? { lifetimeMs } : problem(reply, status, 'fenced');
    });
    app.post('/v1/agent/leases/:rollout/:n/outcome', async (request, reply) => {
      const n = Number((request.params as { n: string }).n);
      const status = this.settle(n, request.body as Outcome);
      if (status !== 200) return problem(reply, status, 'fenced');
      this.settled.push({ n, outcome: request.body as Outcome });
      return ROLLOUT;
    });
    app.post('/v1/agent/rollouts/:rollout/undone', async (request) => {
      const { rollout } = request.params as { rollout: string };
      this.undone.push({ ...(request.body as UndoneAway), rollout, leasesBefore: this.leases });
      return { id: rollout, phase: 'waiting', took: 'taken-up' };
    });
    app.put('/v1/agent/cells/:cell/observation', async (request) => {
      const state = request.body as CellState;
      this.observed.push(state);
      const own = Object.entries(request.headers).filter(([name]) => name.startsWith('headgate-'));
      this.beside.push(Object.fromEntries(own.map(([name, value]) => [name.slice('headgate-'.length), String(value)])));
      return { name: state.cell, desired: null, uncertain: false, observed: null, actions: {} };
    });
    app.get('/v1/cells/:cell', async (request, reply) => {
      const { cell: name } = request.params as { cell: string };
      if (this.desired === undefined) return problem(reply, 403, 'not-permitted');
      return { name, desired: this.desired, uncertain: false, observed: null, actions: {} };
    });
    app.get('/v1/promotions', async (request, reply) => {
      if (this.promotions === undefined) return problem(reply, 403, 'not-permitted');
      // A page each, so that whoever asks has to go on.
      const at = Number((request.query as { cursor?: string }).cursor ?? 0);
      const next = at + 1 < this.promotions.length ? String(at + 1) : null;
      return { items: this.promotions.slice(at, at + 1), next };
    });
    app.get('/v1/blobs/:digest', async (request, reply) => {
      const bytes = this.#sealed.blobs.get((request.params as { digest: Digest }).digest);
      if (bytes === undefined) return problem(reply, 404, 'not-found');
      return reply.type('application/octet-stream').send(Buffer.from(bytes));
    });
    app.post('/v1/drills', async (request) => {
      this.drilled.push((request.body as { bundle: unknown }).bundle);
      return { ...soundDrill(), evidence: digestOf(JSON.stringify(request.body)) };
    });
    app.post('/v1/reconciliations', async (request, reply) => {
      if (this.reconcile !== 201) return problem(reply, this.reconcile, 'key-unknown');
      const { bundle } = request.body as { bundle: { dsseEnvelope: { payload: string } } };
      this.reconciled.push(bundle);
      const payload = JSON.parse(Buffer.from(bundle.dsseEnvelope.payload, 'base64').toString('utf8'));
      const evidence = digestOf(JSON.stringify(bundle));
      return reply.status(201).send({ ...payload.predicate, words: '', evidence, keyId: 'test' });
    });
    app.post('/v1/restorations', async (request, reply) => {
      if (this.restore !== 201) return problem(reply, this.restore, 'not-found');
      const { bundle } = request.body as { bundle: { dsseEnvelope: { payload: string } } };
      this.restored.push(bundle);
      const payload = JSON.parse(Buffer.from(bundle.dsseEnvelope.payload, 'base64').toString('utf8'));
      const evidence = digestOf(JSON.stringify(bundle));
      return reply.status(201).send({ ...payload.predicate, words: '', evidence, keyId: 'test' });
    });
    app.put('/v1/blobs/:digest', async (request) => {
      const bytes = request.body as Buffer;
      this.uploaded.push(digestOf(bytes));
      return { digest: digestOf(bytes), bytes: bytes.length };
    });
    app.get('/v1/releases/:digest', async () => ({
      ref: { digest: this.#sealed.release, version: '1.1.0' },
      application: 'psa',
      origin: 'built',
      bundle: this.#sealed.bundle,
      signature: null,
      authors: [],
      notes: '',
      evidence: [],
      promoted: [],
      registeredAt: 0,
      registeredBy: 'usr_1',
      actions: {},
    }));
    app.get('/v1/log/head', async (_request, reply) => {
      const note = this.head();
      return note === undefined ? problem(reply, 404, 'not-found') : reply.type('text/plain').send(note);
    });
    app.get('/v1/log/consistency', async (request) => {
      const { from, to } = request.query as { from: string; to: string };
      const proof = this.consistency(Number(from), Number(to));
      return { from: Number(from), to: Number(to), proof: proof.map((h) => Buffer.from(h).toString('base64')) };
    });
  }
}

const ROLLOUT = {
  id: 'prm_1.shared',
  promotion: 'prm_1',
  cell: 'shared',
  environment: 'production',
  cursor: 0,
  begun: 0,
  attempt: 0,
  undo: null,
  phase: 'waiting',
};

/** One that rests between its two waves, in the cell shared and another; as a server tells it. */
export function restingPromotion(id: string, more: object = {}): object {
  const digest = `sha256:${'0'.repeat(64)}`;
  return {
    ...{ id, application: 'psa', environment: 'production', release: { digest, version: '1.5.0' }, plan: digest },
    ...{ envelope: digest, requester: 'usr_1', authors: [], cells: ['shared', 'other'], waves: 2, wave: 1 },
    ...{ latestFinish: 1, approvals: [], undo: null, phase: 'paused', by: 'usr_1', actions: {}, ...more },
  };
}

function problem(reply: FastifyReply, status: number, code: string): FastifyReply {
  const refusals = [{ code, what: '', where: '', why: code, unblock: '' }];
  const type = `/problems/${code}`;
  return reply
    .status(status)
    .type('application/problem+json')
    .send({ type, title: code, status, detail: code, instance: '/', refusals });
}
