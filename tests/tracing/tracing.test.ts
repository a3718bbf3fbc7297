/** One promotion as one trace: from whoever asked for it, through the server's ticks and commits, to the agent's executors. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTracing, type Tracing, tracesWanted } from '@headgate/adapters/tracing/index';
import { type RunningAgent, SHIPPED, startAgent } from '@headgate/agent/agent';
import type { Cell } from '@headgate/agent/cells/cell';
import type { AgentConfig } from '@headgate/agent/config';
import { type Assignment, createClient } from '@headgate/contract';
import type { Action, Outcome } from '@headgate/domain';
import { RealServer, until } from '@headgate/server/testing/real-server';
import { didIt, SmallCompany } from '@headgate/server/testing/small-company';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Receiver, type SpanSeen } from './receiver.ts';

const TRACE = 'c0ffee'.padEnd(32, '0');
const CALLER = '1234567890abcdef';

let receiver: Receiver;
let server: RealServer;
let company: SmallCompany;
let tracing: Tracing | undefined;
let agent: RunningAgent;
let dir: string;

beforeAll(async () => {
  receiver = await Receiver.start();
  server = await RealServer.start({ env: receiver.environment, args: ['--log-level', 'debug'] });
  company = await SmallCompany.found(server);
  dir = await mkdtemp(join(tmpdir(), 'headgate-tracing-'));
  await mkdir(join(dir, 'data'));
  const admin = await server.client('admin');
  const { token } = await admin.call('rotateToken', { id: 'agt_shop' });
  await writeFile(join(dir, 'token'), `${token}\n`, { mode: 0o600 });
  Object.assign(process.env, receiver.environment);
  tracing = await startTracing(process.env, 'headgate-agent', '0.0.0', () => {});
  const names = { cell: 'stage', environment: 'staging', application: 'shop' };
  const declared: object = { ...names, stores: {}, externalStores: {}, tenants: {} };
  const config: AgentConfig = {
    server: server.url,
    name: 'agt_shop',
    tokenFile: join(dir, 'token'),
    dataDir: join(dir, 'data'),
    trustFile: join(server.dataDir, 'trust.yaml'),
    environments: [{ name: 'staging' }, { name: 'production' }],
    cells: [declared as AgentConfig['cells'][number]],
    watchEveryMs: 60_000,
    observeEveryMs: 60_000,
    headEveryMs: 200,
    graceMs: 200,
    logLevel: 'silent',
    backups: [],
  };
  const cell = {
    async carryOut(action: Action): Promise<Outcome> {
      return didIt({ action } as unknown as Assignment) as Outcome;
    },
    async observe() {
      return { state: company.observation('stage', 'staging'), manifests: [company.baseline.manifest] };
    },
    async keep() {},
    async close() {},
  } as unknown as Cell;
  agent = await startAgent(config, { ...SHIPPED, openCell: async () => cell, tracing }, pino({ level: 'silent' }));
});
afterAll(async () => {
  await agent?.stop();
  await tracing?.stop();
  await server?.remove();
  await receiver?.stop();
  await rm(dir, { recursive: true, force: true });
});

const named = (name: string | RegExp) =>
  receiver.spans.filter((s) => (typeof name === 'string' ? s.name === name : name.test(s.name)));
const above = (span: SpanSeen) => receiver.spans.find((s) => s.spanId === span.parentSpanId);

test('a promotion that somebody asked for within a trace is followed in it to the executors and back', async () => {
  const release = await company.release('1.1.0');
  const developer = (await readFile(join(server.dataDir, 'secrets', 'developer.token'), 'utf8')).trim();
  const traceparent = () => `00-${TRACE}-${CALLER}-01`;
  const client = createClient({ baseUrl: server.url, token: developer, traceparent });
  const { id } = await client.call('requestPromotion', { body: { release, environment: 'staging' } });
  await until('it ended', async () => (await client.call('showPromotion', { promotion: id })).phase === 'ended');
  expect(await client.call('showPromotion', { promotion: id })).toMatchObject({ result: 'promoted' });
  // Two processes send what they have in their own time, and in parts: it is all there once no step more comes for a while.
  const still = { steps: 0, since: Date.now() };
  await until('everything was sent', async () => {
    const steps = named('lease step').length;
    if (steps !== still.steps) Object.assign(still, { steps, since: Date.now() });
    const whole = steps > 0 && named('assignment').length === steps && named(/outcome$/).length === steps;
    return whole && named('requestPromotion').length > 0 && Date.now() - still.since > 2_000;
  });

  const [root] = named('POST /v1/promotions');
  expect(root).toMatchObject({ service: 'headgate-server', kind: 2, traceId: TRACE, parentSpanId: CALLER });
  expect(root?.attributes).toMatchObject({ 'http.route': '/v1/promotions', 'http.response.status_code': '201' });
  const [useCase] = named('requestPromotion');
  expect(above(useCase as SpanSeen)).toBe(root);
  const opened = named('commit').find((s) => s.parentSpanId === useCase?.spanId);
  expect(opened).toMatchObject({ kind: 3, attributes: { 'db.system.name': 'postgresql', 'headgate.promotion': id } });

  // What the server does by itself hangs below the request that it is done for.
  for (const name of ['tick promotion', 'tick rollout', 'lease step']) {
    const found = named(name).filter((s) => s.attributes['headgate.promotion'] === id);
    expect({ name, found: found.length > 0 }).toEqual({ name, found: true });
    for (const span of found)
      expect({ name, trace: span.traceId, above: above(span)?.name }).toEqual({
        name,
        trace: TRACE,
        above: 'requestPromotion',
      });
  }
  expect(named('commit').some((s) => above(s)?.name === 'tick rollout')).toBe(true);

  // And so does the agent, below the step that it was handed.
  const assignments = named('assignment');
  expect(assignments.length).toBeGreaterThan(2);
  for (const span of assignments) {
    expect(span).toMatchObject({ service: 'headgate-agent', kind: 5, traceId: TRACE });
    const leased = above(span);
    expect(leased).toMatchObject({ name: 'lease step', service: 'headgate-server' });
    expect(span.attributes).toEqual(leased?.attributes);
    expect(span.attributes).toMatchObject({ 'headgate.cell': 'stage', 'headgate.promotion': id });
  }
  for (const span of [...named('judge'), ...named(/^execute /)]) expect(above(span)?.name).toBe('assignment');
  expect(named(/^execute /).map((s) => s.name)).toEqual(
    expect.arrayContaining(['execute deploy', 'execute route', 'execute verify']),
  );
  for (const span of named(/outcome$/))
    expect({ service: span.service, above: above(span)?.name }).toEqual({
      service: 'headgate-server',
      above: 'assignment',
    });
  expect(receiver.spans.filter((s) => s.status === 2)).toEqual([]);
});

test('what goes out holds no secret, no tenant and nobody’s name', async () => {
  const folder = join(server.dataDir, 'secrets');
  for (const name of await readdir(folder)) {
    const text = (await readFile(join(folder, name), 'utf8')).trim();
    const secret = name.endsWith('.token') ? text.slice(text.indexOf('.') + 1) : (text.split('\n')[1] ?? text);
    expect({ name, told: receiver.text.includes(secret) }).toEqual({ name, told: false });
  }
  for (const word of ['acme', 'bolt', 'usr_', 'agt_'])
    expect({ word, told: receiver.text.includes(word) }).toEqual({ word, told: false });
  expect(receiver.text).toContain('headgate-server');
});

test('a request’s lines carry the id that its caller was told, and a tick’s those of what it is about', async () => {
  const answer = await fetch(`${server.url}/v1/promotions/nowhere/pause`, { method: 'POST' });
  const id = answer.headers.get('x-request-id');
  expect((await answer.json()) as object).toMatchObject({ requestId: id });
  const lines = () =>
    server.errors
      .split('\n')
      .flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Record<string, unknown>] : []));
  await until('it was logged', async () => lines().some((line) => line.msg === 'refused' && line.request === id));
  // And nothing else of each other.
  for (const line of lines().filter(({ msg }) => msg === 'request')) expect(line).not.toHaveProperty('code');
  expect(
    lines()
      .filter((line) => line.request === id)
      .map((line) => line.promotion),
  ).toContain('nowhere');
});

test('nothing is sent, or loaded, unless a receiver is named', async () => {
  expect(tracesWanted({})).toBe(false);
  expect(tracesWanted({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://x', OTEL_SDK_DISABLED: 'true' })).toBe(false);
  expect(tracesWanted({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://x', OTEL_TRACES_EXPORTER: 'none' })).toBe(false);
  expect(tracesWanted({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://x' })).toBe(true);
  expect(await startTracing({}, 'nobody', '0', () => {})).toBe(undefined);
});
