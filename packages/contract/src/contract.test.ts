import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest';
import { createClient, ProblemError, ServerUnreachable } from './client.ts';
import { readEvents } from './events.ts';
import { openApiDocument } from './openapi.ts';
import type { Route } from './route.ts';
import { routes } from './routes.ts';
import type { Assignment } from './schemas/assignment.ts';

const all = Object.entries<Route>(routes);

describe('the routes', () => {
  it('are told apart by method and path', () => {
    const keys = all.map(([, r]) => `${r.method} ${r.path.replace(/\{\w+\}/g, '{}')}`);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it.each(all)('%s describes each parameter of its path', (_, route) => {
    const inPath = [...route.path.matchAll(/\{(\w+)\}/g)].map((m) => m[1]);
    expect(Object.keys(route.params?.shape ?? {}).sort()).toEqual(inPath.sort());
  });

  it.each(all.filter(([, r]) => r.method !== 'GET'))('%s says why sending it twice is harmless', (_, route) => {
    expect(route.twice).toBeTruthy();
  });

  it('all need a token but health and the document itself', () => {
    expect(all.filter(([, r]) => r.needs.length === 0).map(([, r]) => r.path)).toEqual([
      '/healthz',
      '/readyz',
      '/openapi.json',
    ]);
  });
});

describe('the OpenAPI document', () => {
  const document = openApiDocument('0.1.0') as {
    openapi: string;
    paths: Record<string, Record<string, { operationId: string; security: unknown[] }>>;
    components: { schemas: Record<string, unknown> };
  };

  it('names every route once', () => {
    const ids = Object.values(document.paths).flatMap((p) => Object.values(p).map((o) => o.operationId));
    expect(ids.sort()).toEqual(Object.keys(routes).sort());
    expect(document.openapi).toBe('3.1.0');
  });

  it('refers only to schemas that it has, and leaves no definition of a schema inside another', () => {
    const text = JSON.stringify(document);
    const refs = new Set([...text.matchAll(/"\$ref":"([^"]+)"/g)].map((m) => m[1]!));
    expect(refs.size).toBeGreaterThan(10);
    for (const ref of refs) {
      expect(ref).toMatch(/^#\/components\/schemas\/\w+$/);
      expect(document.components.schemas).toHaveProperty(ref.split('/')[3]!);
    }
    expect(text).not.toContain('$defs');
    expect(text).not.toContain('"$schema"');
  });

  it('requires of an address what can’t be left out, and nothing else', () => {
    const required = (path: string) =>
      (document.paths[path]!.get as unknown as { parameters: { name: string; required: boolean }[] }).parameters
        .filter((p) => p.required)
        .map((p) => p.name);
    expect(required('/v1/promotions')).toEqual([]);
    expect(required('/v1/log/entries')).toEqual([]);
    expect(required('/v1/log/consistency')).toEqual(['from', 'to']);
    expect(required('/v1/promotions/{promotion}/rollouts')).toEqual(['promotion']);
  });

  it('is the same each time', () => {
    expect(JSON.stringify(openApiDocument('0.1.0'))).toBe(JSON.stringify(document));
  });
});

describe('the client', () => {
  let server: Server;
  let baseUrl: string;
  const seen: { method: string; url: string; headers: Record<string, unknown>; body: string }[] = [];
  let answer: { status: number; body: unknown } = { status: 200, body: {} };

  beforeAll(async () => {
    server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      seen.push({ method: request.method!, url: request.url!, headers: request.headers, body });
      response.writeHead(answer.status, { 'content-type': 'application/json' });
      response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body));
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => new Promise((done) => server.close(done)));

  it('puts params into the path, escaped, the query behind it, and the token into a header', async () => {
    answer = { status: 200, body: { items: [], next: null } };
    const client = createClient({ baseUrl, token: 'usr.secret' });
    await client.call('listRollouts', { promotion: 'prm_1/../x', limit: 5 });
    expect(seen.at(-1)).toMatchObject({
      method: 'GET',
      url: '/v1/promotions/prm_1%2F..%2Fx/rollouts?limit=5',
      headers: { authorization: 'Bearer usr.secret' },
    });
  });

  it('types what goes in and what comes out', async () => {
    const client = createClient({ baseUrl });
    expectTypeOf(client.call<'leaseStep'>).returns.resolves.toEqualTypeOf<{ assignment: Assignment | null }>();
    // @ts-expect-error the promotion is missing
    await expect(client.call('showPromotion', {})).rejects.toThrow(/needs promotion/);
  });

  it('throws a problem with its refusals, and says so when nobody of ours answers', async () => {
    const client = createClient({ baseUrl });
    const refusal = { code: 'wrong-phase', what: 'approve', where: 'x', why: 'it ended', unblock: 'ask again' };
    answer = {
      status: 409,
      body: { type: 't', title: 'x', status: 409, detail: 'd', instance: '/', refusals: [refusal] },
    };
    const error = await client.call('showPromotion', { promotion: 'p' }).catch((e) => e);
    expect(error).toBeInstanceOf(ProblemError);
    expect(error).toMatchObject({ status: 409, code: 'wrong-phase' });
    answer = { status: 502, body: '<html>' };
    await expect(client.call('whoami')).rejects.toBeInstanceOf(ServerUnreachable);
    answer = { status: 200, body: { something: 'else' } };
    await expect(client.call('whoami')).rejects.toBeInstanceOf(ServerUnreachable);
    await expect(createClient({ baseUrl: 'http://127.0.0.1:1' }).call('whoami')).rejects.toBeInstanceOf(
      ServerUnreachable,
    );
  });

  it('takes no answer without an end', async () => {
    let sent = 0;
    const chunk = new Uint8Array(8 * 1024 * 1024);
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += chunk.length;
        controller.enqueue(chunk);
      },
    });
    const client = createClient({ baseUrl, fetch: async () => new Response(endless) });
    await expect(client.call('logHead')).rejects.toThrow(/larger than/);
    expect(sent).toBeLessThan(200 * 1024 * 1024);
  });
});

describe('server-sent events', () => {
  it('are read across chunks, without the heartbeats', async () => {
    const parts = ['id: 7\nevent: a.b\nda', 'ta: {"x":1}\n', '\n: beat\n\nid: 8\ndata: 2\n\n'];
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const part of parts) controller.enqueue(new TextEncoder().encode(part));
        controller.close();
      },
    });
    const events = [];
    for await (const event of readEvents(stream)) events.push(event);
    expect(events).toEqual([
      { id: '7', event: 'a.b', data: '{"x":1}' },
      { id: '8', event: 'message', data: '2' },
    ]);
  });
});
