/** A tenant that is held for as long as somebody says so: by a real router, beside a promotion's own holds, and never for longer. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePorts } from '../../machine/free-port.ts';
import { runAs } from '../../machine/run-as.ts';
import { holdTenant } from './lent-hold.ts';
import { LENT_MS, LentHolds } from './lent-holds.ts';
import { RouterProcess } from './router-process.ts';

let dir: string;
let router: RouterProcess;
let slot: http.Server;
let base: string;
let running: (() => void) | undefined;
const fence = { epoch: 1, n: 5 };
const newest = async () => fence;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-lent-'));
  await chmod(dir, 0o755);
  const [listenPort, adminPort, blue] = (await freePorts(3)) as [number, number, number];
  base = `http://127.0.0.1:${listenPort}`;
  slot = http.createServer((request, response) => {
    const answer = () => void response.end('done');
    if (request.url?.includes('slow')) running = answer;
    else answer();
  });
  await new Promise<void>((done) => slot.listen(blue, '127.0.0.1', done));
  router = new RouterProcess({
    ...{ cellDir: dir, listenPort, adminPort, tokenFile: join(dir, 'token'), maxBodyBytes: 4_096 },
    ...{ upstreams: { blue, green: blue }, tenantBy: 'path', retryAfterS: 17, user: runAs() },
  });
  await router.start();
  await router.client.change(fence, { acme: { blue: 100 }, globex: { blue: 100 } });
});
afterAll(async () => {
  await router?.stop();
  slot?.close();
  await rm(dir, { recursive: true, force: true });
});

const status = async (method: string, path = '/t/acme/x', headers = {}) =>
  (await fetch(base + path, { method, headers })).status;
async function until(method: string, wanted: number): Promise<void> {
  const deadline = performance.now() + 40_000;
  while ((await status(method)) !== wanted) {
    if (performance.now() > deadline) throw new Error(`${method} isn't answered with ${wanted}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

test('what may change something is turned away until it is released, and what only reads, or is another’s, is served', async () => {
  const hold = await holdTenant(router.client, 'acme', newest);
  expect(hold).toMatchObject({ held: true, running: 0 });
  expect([await status('POST'), await status('GET'), await status('POST', '/t/globex/x')]).toEqual([503, 200, 200]);
  expect(await router.client.table()).toMatchObject({ held: [], lent: ['acme'] });
  // Two hold it: one that ends lets go of nothing that is the other's.
  const second = await holdTenant(router.client, 'acme', newest);
  if (hold.held) await hold.release();
  expect(await status('POST')).toBe(503);
  if (second.held) await second.release();
  expect(await status('POST')).toBe(200);
});

test('a request that names a writing method beside its own is no reading one', async () => {
  const hold = await holdTenant(router.client, 'acme', newest);
  expect(await status('GET', '/t/acme/x', { 'X-HTTP-Method-Override': 'DELETE' })).toBe(503);
  expect(await status('GET', '/t/acme/x?_method=put')).toBe(503);
  expect(await status('GET', '/t/acme/x?_method=head', { 'X-HTTP-Method': 'GET' })).toBe(200);
  if (hold.held) await hold.release();
  expect(await status('GET', '/t/acme/x', { 'X-HTTP-Method-Override': 'DELETE' })).toBe(200);
});

test('a promotion’s hold is another: neither ends the other', async () => {
  const hold = await holdTenant(router.client, 'acme', newest);
  await router.client.change(fence, {}, { acme: true });
  expect(await status('GET')).toBe(503);
  await router.client.change(fence, {}, { acme: false });
  expect([await status('GET'), await status('POST')]).toEqual([200, 503]);
  await router.client.change(fence, {}, { acme: true });
  if (hold.held) await hold.release();
  expect(await status('POST')).toBe(503);
  await router.client.change(fence, {}, { acme: false });
  expect(await status('POST')).toBe(200);
});

test('requests that were let in before are waited for', async () => {
  const slow = fetch(`${base}/t/acme/slow`, { method: 'POST' });
  while (running === undefined) await new Promise((done) => setTimeout(done, 5));
  let held = false;
  const holding = holdTenant(router.client, 'acme', newest).then((hold) => {
    held = true;
    return hold;
  });
  await until('POST', 503);
  expect(held).toBe(false);
  running();
  expect((await slow).status).toBe(200);
  const hold = await holding;
  expect(hold).toMatchObject({ held: true, running: 0 });
  if (hold.held) await hold.release();
});

test('whoever asks for it and is gone holds nobody for long, and who is there goes on behind a router that was started anew', {
  timeout: 90_000,
}, async () => {
  await router.client.lend({ fence, tenant: 'acme', by: 'gone', forMs: 500 });
  await until('POST', 200);
  const hold = await holdTenant(router.client, 'acme', newest);
  await router.stop();
  await router.start();
  await until('POST', 503);
  if (hold.held) await hold.release();
  expect(await status('POST')).toBe(200);
});

test('it is refused of a tenant that isn’t routed, of an older token, and where no router answers', async () => {
  expect(await holdTenant(router.client, 'nobody', newest)).toEqual({
    held: false,
    why: 'the router routes no tenant nobody',
  });
  expect(await holdTenant(router.client, 'acme', async () => ({ epoch: 1, n: 4 }))).toMatchObject({ held: false });
  expect(await status('POST')).toBe(200);
  await router.stop();
  expect(await holdTenant(router.client, 'acme', newest)).toMatchObject({
    held: false,
    why: expect.stringContaining('doesn’t answer'.replace('’', "'")),
  });
  await router.start();
});

test('one is lent for no longer than the limit, however long is asked for', () => {
  let now = 0;
  const lent = new LentHolds(() => now);
  lent.lend('acme', 'a', 3_600_000);
  now = LENT_MS - 1;
  expect(lent.has('acme')).toBe(true);
  now = LENT_MS;
  expect([lent.has('acme'), lent.tenants()]).toEqual([false, []]);
});
