import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseCondition } from '@headgate/documents/kinds/expressions';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Asked, type JsonServer, jsonServer } from '../testing/json-server.ts';
import { discreet, holds, type Known, pointed } from './evaluate.ts';
import { HttpChecks } from './http-checks.ts';

let dir: string;
let server: JsonServer;
let asked: Asked[];
let state: string;
let looks: number;
let slot: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-checks-'));
  await writeFile(join(dir, 'tokens.json'), '{"acme":"secret-of-acme"}', { mode: 0o600 });
  [asked, state, looks, slot] = [[], 'posted', 0, 'green'];
  server = await jsonServer((request) => {
    asked.push(request);
    if (request.headers.authorization !== 'Bearer secret-of-acme') return { status: 401 };
    if (request.method === 'POST')
      return { status: 201, body: { id: 7, total: 100, who: 'Müller & Söhne' }, headers: { 'x-slot': slot } };
    if (request.url.pathname.endsWith('/hang')) return 'hang';
    looks++;
    return { body: { state: looks < 3 ? 'created' : state, list: [1] } };
  });
});
afterEach(async () => {
  await server.close();
  await rm(dir, { recursive: true, force: true });
});

const document = (steps: unknown[], requestTimeoutMs = 1_000) => ({
  apiVersion: 'headgate/v1',
  kind: 'Verification',
  metadata: { name: 'billing', owner: 'team' },
  spec: { requestTimeoutMs, workflows: [{ workflowId: 'bill', steps }] },
});
const create = {
  stepId: 'create',
  request: {
    method: 'POST',
    path: '/t/{$inputs.tenant}/invoices',
    headers: { 'Idempotency-Key': 'check-{$inputs.run}' },
    body: { note: 'for {$inputs.tenant}', lines: [{ n: 1 }] },
  },
  successCriteria: [{ condition: '$statusCode == 201' }, { condition: '$response.header.x-slot == $inputs.slot' }],
  outputs: { id: '$response.body#/id', who: '$response.body#/who' },
};
const posted = (limit: number) => ({
  stepId: 'posted',
  request: {
    method: 'GET',
    path: '/t/{$inputs.tenant}/invoices/{$steps.create.outputs.id}',
    query: { who: '{$steps.create.outputs.who}' },
  },
  successCriteria: [{ condition: '$statusCode == 200' }, { condition: "$response.body#/state == 'posted'" }],
  onFailure: [
    {
      type: 'retry',
      retryAfterMs: 5,
      retryLimit: limit,
      criteria: [{ condition: "$response.body#/state == 'created'" }],
    },
  ],
});
const hoping = { type: 'retry', retryAfterMs: 5, retryLimit: 20 };
const run = (verification: unknown, tenant = 'acme') =>
  new HttpChecks({ baseUrl: server.url, tenantTokensFile: join(dir, 'tokens.json') }).run(
    verification,
    tenant,
    'green',
    {
      signal: new AbortController().signal,
    },
  );

test('a transaction goes through its steps with what earlier ones brought, and polls until its criterion holds', async () => {
  expect(await run(document([create, posted(10)]))).toEqual({ ok: true, passed: 1 });
  expect(asked[0]!.body).toEqual({ note: 'for acme', lines: [{ n: 1 }] });
  expect(asked[0]!.headers['idempotency-key']).toMatch(/^check-[0-9a-f]{12}$/);
  expect(asked[1]!.url.pathname).toBe('/t/acme/invoices/7');
  expect(asked[1]!.url.searchParams.get('who')).toBe('Müller & Söhne');
  expect(looks).toBe(3);
});

test('a criterion that never comes true names step, expectation and finding, when tries are used up', async () => {
  const result = await run(document([create, posted(1)]));
  expect(result).toMatchObject({
    ok: false,
    passed: 0,
    check: 'bill/posted',
    why: "expected $response.body#/state == 'posted', found 'created', after 2 tries",
  });
  if (!result.ok) expect(Math.abs(result.at - Date.now())).toBeLessThan(1_000);
});

test('a check that asks for a closed operation says so, however it asks, and nobody else’s 503 says that', async () => {
  const router = http.createServer((request, response) => {
    const operation = new URL(request.url!, 'http://router').searchParams.get('says') ?? undefined;
    response.writeHead(503, { 'content-type': 'application/problem+json' });
    request.resume().on('end', () => response.end(JSON.stringify({ title: 'Closed for now', operation })));
  });
  await new Promise<void>((resolve) => router.listen(0, '127.0.0.1', resolve));
  const { port } = router.address() as AddressInfo;
  const checks = new HttpChecks({
    baseUrl: `http://127.0.0.1:${port}`,
    tenantTokensFile: join(dir, 'tokens.json'),
  });
  const why = async (request: object): Promise<string> => {
    const { signal } = new AbortController();
    const result = await checks.run(document([{ ...create, request, outputs: {} }]), 'acme', 'green', { signal });
    return result.ok ? '' : result.why;
  };
  try {
    const closed = '; the operation file-return is closed at the cell’s router';
    const said = await why({ method: 'POST', path: '/returns?says=file-return' });
    expect(said).toContain(`expected $statusCode == 201, found 503${closed}`);
    expect(await why({ path: '/rpc?says=file-return', xmlRpc: { method: 'file', params: [] } })).toContain(closed);
    for (const query of ['', '?says=a+b'])
      expect(await why({ method: 'POST', path: `/returns${query}` })).toBe('expected $statusCode == 201, found 503');
  } finally {
    await new Promise((resolve) => router.close(resolve));
  }
});

test('a failure says when its first look failed, however long it hoped before it judged', async () => {
  [looks, state] = [5, 'rejected'];
  const begun = Date.now();
  const result = await run(document([create, { ...posted(20), onFailure: [hoping] }]));
  if (result.ok || result.since === undefined) throw new Error('it did not fail, or does not say since when');
  expect(result.why).toContain('after 21 tries');
  expect(result.since).toBeGreaterThanOrEqual(begun);
  // Twenty more looks lie between the two, with 5 ms before each.
  expect(result.at - result.since).toBeGreaterThanOrEqual(50);
});

test('a state that no retry names fails at once', async () => {
  looks = 5;
  state = 'rejected';
  expect(await run(document([create, posted(100)]))).toMatchObject({
    ok: false,
    why: "expected $response.body#/state == 'posted', found 'rejected'",
  });
});

test('the slot that answered is seen', async () => {
  slot = 'blue';
  expect(await run(document([create]))).toMatchObject({
    ok: false,
    check: 'bill/create',
    why: expect.stringContaining("found 'blue'"),
  });
});

test('no answer in time, and nobody there, are failures that say so and name no token', async () => {
  const hang = { ...create, request: { method: 'GET', path: '/t/acme/hang' }, outputs: {} };
  expect(await run(document([hang], 100))).toMatchObject({ ok: false, why: 'no answer within 100 ms' });
  await server.close();
  const result = await run(document([create]));
  expect(result).toMatchObject({ ok: false, why: expect.stringContaining('ECONNREFUSED') });
  expect(JSON.stringify(result)).not.toContain('secret');
});

test('a document that is none, and a tenant without a token, are faults, never passes', async () => {
  await expect(run({ ...document([create]), surprise: 1 })).rejects.toThrow(/isn't one/);
  await expect(run(document([create]), 'globex')).rejects.toThrow(/no token for the tenant globex/);
  await expect(run(document([create]), 'toString')).rejects.toThrow(/no token/);
});

const known: Known = {
  inputs: { tenant: 'acme', database: 'acme', slot: 'green', run: 'x' },
  outputs: new Map([['a', new Map<string, unknown>([['n', 5]])]]),
  answer: {
    status: 200,
    headers: { 'x-a': 'b' },
    body: () => ({ n: 5, t: 'x', z: null, 'a/b': [0, { c: true }], o: {} }),
  },
};
test.each([
  ['$statusCode == 200', true],
  ['$statusCode < 300', true],
  ['$response.body#/n == $steps.a.outputs.n', true],
  ['$response.body#/n != 6', true],
  ['$response.body#/z == null', true],
  ['$response.body#/a~1b/1/c == true', true],
  ["$response.header.x-a == 'b'", true],
  ['$response.body#/missing == null', false],
  ['$response.body#/missing != 1', false],
  ["$response.body#/t > 'a'", false],
  ['$response.body#/o == $response.body#/o', false],
  ["$response.body#/n == '5'", false],
  ['$response.body#/constructor != 1', false],
])('%s is %s', (condition, expected) => {
  expect(holds(parseCondition(condition)!, known)).toBe(expected);
});

test('pointers stay within what an answer holds itself', () => {
  expect(pointed({ a: 1 }, '/__proto__/x')).toBeUndefined();
  expect(pointed([1, 2], '/1')).toBe(2);
  expect(pointed('text', '')).toBe('text');
});

test('what a customer wrote never stands in a message', () => {
  expect(discreet('Müller & Söhne')).toBe('another text');
  expect(discreet('created')).toBe("'created'");
  expect(discreet({ a: 1 })).toBe('an object');
});

test('a document that says how busy its checks may keep the system has them rest between requests', async () => {
  const arrived: number[] = [];
  const slow = await jsonServer(() => {
    arrived.push(performance.now());
    const until = performance.now() + 20;
    while (performance.now() < until);
    return { status: 201, body: { id: 7 }, headers: { 'x-slot': 'green' } };
  });
  const { spec, ...rest } = document([create, { ...create, stepId: 'again' }]);
  const checks = new HttpChecks({ baseUrl: slow.url, tenantTokensFile: join(dir, 'tokens.json') });
  const paced = { ...rest, spec: { ...spec, busyAtMostPercent: 10 } };
  const { signal } = new AbortController();
  expect(await checks.run(paced, 'acme', 'green', { signal })).toEqual({ ok: true, passed: 1 });
  await slow.close();
  // Nine times the 20 ms that the first request took, and timers may be a millisecond early.
  expect(arrived[1]! - arrived[0]!).toBeGreaterThanOrEqual(20 + 179);
});
