/** What turns a rollback's rehearsal: a real server, the command as a process, and an agent that says what the test wants. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import http, { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Assignment, CellState, Client, Outcome } from '@headgate/contract';
import { RealServer } from '@headgate/server/testing/real-server';
import { DOCUMENTS, didIt, SmallCompany } from '@headgate/server/testing/small-company';
import { afterAll, beforeAll, expect, test } from 'vitest';

const MAIN = join(import.meta.dirname, '..', 'main.ts');
const SOAKING = DOCUMENTS.replaceAll('soakMs: 0', 'soakMs: 20000');
const WIDE = { schemaRange: { min: 1, max: 2 } };

let server: RealServer;
let company: SmallCompany;
let manager: Client;
let folder: string;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  server = await RealServer.start();
  company = await SmallCompany.found(server);
  manager = await server.client('release-manager');
  await manager.call('applyDocuments', { body: { files: [{ name: 'shop.yaml', text: SOAKING }] } });
  folder = await mkdtemp(join(tmpdir(), 'headgate-cli-rollback-'));
  await symlink(server.dataDir, join(folder, '.headgate'));
  await writeFile(join(folder, 'ci.key'), company.keyPem, { mode: 0o600 });
  env = { ...process.env };
  for (const name of ['HEADGATE_SERVER', 'HEADGATE_TOKEN_FILE', 'HEADGATE_DATA']) delete env[name];
});
afterAll(async () => {
  await server?.remove();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

interface Told {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** The command, and an agent beside it until it ends: `after` is what the agent sees once all was done. */
async function rehearse(
  version: string,
  more: readonly string[],
  outcome: (a: Assignment) => Outcome = didIt,
  after: (cell: CellState) => CellState = (cell) => cell,
  onStep: (step: string, child: ChildProcess) => void = () => {},
): Promise<Told> {
  const args = [
    '--as',
    'release-manager',
    'rehearse',
    version,
    '--rollback',
    '--in',
    'staging',
    '--key',
    'ci.key',
    ...more,
  ];
  const child = spawn(process.execPath, [MAIN, ...args], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  let over = false;
  const closed = (once(child, 'close') as Promise<[number | null]>).finally(() => {
    over = true;
  });
  const before = company.observation('stage', 'staging');
  const moved = Object.entries(before.tenants).map(([name, tenant]) => [name, { ...tenant, slot: 'green' }]);
  // What is seen follows what was done: who told of the end too early would have no news to tell of it later.
  let sees = before;
  while (!over) {
    const { assignment } = await company.agent.call('leaseStep', { body: { waitMs: 100 } });
    if (assignment === null) {
      await company.agent.call('observeCell', { cell: 'stage', body: sees });
      continue;
    }
    const { rollout, fence } = assignment;
    onStep(assignment.step, child);
    // The last soak goes on until its lease is taken back; who looks meanwhile sees the release.
    if (assignment.step === 'w2.soak') {
      sees = { ...before, tenants: Object.fromEntries(moved) };
      await company.agent.call('observeCell', { cell: 'stage', body: sees });
      continue;
    }
    if (assignment.course === 'undo') sees = after(before);
    await company.agent.call('settleStep', { rollout, n: fence.n, body: outcome(assignment) }).catch(() => {});
  }
  const [code] = await closed;
  return { code, out, err };
}

const evidenceOf = async (digest: `sha256:${string}`) =>
  (await manager.call('showRelease', { digest })).evidence.flatMap(({ rollbackRehearsal }) => rollbackRehearsal ?? []);

test('refuses what would end before it can be taken back, and what has nothing to be taken back to', {
  timeout: 60_000,
}, async () => {
  const apply = (text: string) => manager.call('applyDocuments', { body: { files: [{ name: 'shop.yaml', text }] } });
  await apply(DOCUMENTS);
  await company.release('1.9.0', WIDE);
  expect(await rehearse('1.9.0', [])).toMatchObject({
    code: 1,
    err: expect.stringMatching(
      /last wave \(ring broad\) is watched for 0 ms[\s\S]*to unblock: give the last ring at least 2000 ms/,
    ),
  });
  const own = '{gate: rollback-rehearsed, params: {environment: staging, maxAgeMs: 1, longestOutageMs: 1}}';
  await apply(SOAKING.replace('gates: [{gate: signature}]', `gates: [{gate: signature}, ${own}]`));
  expect(await rehearse('1.9.0', [])).toMatchObject({
    code: 1,
    err: expect.stringContaining('the promotion would wait for its own rehearsal'),
  });
  await apply(SOAKING);
  expect(await rehearse('1.0.0', [])).toMatchObject({
    code: 1,
    err: expect.stringContaining('1.0.0 serves 2 tenants of cell stage in staging already'),
  });
  expect((await manager.call('listPromotions', { environment: 'staging' })).items).toEqual([]);
});

test('all back as it was: it went well, and says so to whoever attaches it', { timeout: 60_000 }, async () => {
  const digest = await company.release('2.0.0', WIDE);
  const { code, out, err } = await rehearse('2.0.0', ['--attach']);
  expect({ code, err, out: out.slice(-400) }).toMatchObject({
    code: 0,
    err: '',
    out: expect.stringMatching(/It went well\.\nattached sha256/),
  });
  expect(await evidenceOf(digest)).toMatchObject([{ environment: 'staging', ok: true, because: [], missing: [] }]);
});

test('a server at which it changes while it is to be taken back is asked again: it doesn’t stay on the release', {
  timeout: 60_000,
}, async () => {
  const digest = await company.release('2.5.0', WIDE);
  let asked = 0;
  // What stands before the server says for it, the first two times, that it changed too often meanwhile.
  const before = createServer((request, response) => {
    // The first of all asks, of nobody's promotion, whether who rehearses may.
    if (request.url?.endsWith('/rollback') === true && [2, 3].includes(++asked)) {
      const refusal = { code: 'busy', what: 'rollback', where: '', why: 'it changed 8 times', unblock: 'try again' };
      const problem = {
        type: '/problems/busy',
        title: 'x',
        status: 409,
        detail: 'x',
        instance: '/',
        refusals: [refusal],
      };
      response.writeHead(409, { 'content-type': 'application/problem+json' }).end(JSON.stringify(problem));
      return;
    }
    const { method, headers } = request;
    const there = http.request(`${server.url}${request.url}`, { method: method!, headers }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(response);
    });
    there.on('error', () => response.destroy());
    response.on('close', () => there.destroy());
    request.pipe(there);
  });
  await new Promise<void>((ready) => before.listen(0, '127.0.0.1', ready));
  const { port } = before.address() as { port: number };
  env = { ...env, HEADGATE_SERVER: `http://127.0.0.1:${port}` };
  try {
    const { code, err } = await rehearse('2.5.0', ['--attach']);
    expect({ asked, code, err }).toEqual({ asked: 4, code: 0, err: '' });
  } finally {
    delete env.HEADGATE_SERVER;
    before.closeAllConnections();
    before.close();
  }
  expect(await evidenceOf(digest)).toMatchObject([{ ok: true }]);
});

test('a release of which something is left behind did not go well, however green its steps were', {
  timeout: 60_000,
}, async () => {
  const digest = await company.release('2.1.0', WIDE);
  const left = (cell: CellState): CellState => ({
    ...cell,
    slots: { ...cell.slots, green: { release: { digest, version: '2.1.0' }, schemaRange: WIDE.schemaRange } },
  });
  const { code, out } = await rehearse('2.1.0', ['--attach'], didIt, left);
  expect(out).toContain('- slot green of cell stage holds 2.1.0 after the undo, it should hold nothing');
  expect(code).toBe(1);
  expect(await evidenceOf(digest)).toMatchObject([{ ok: false, because: [expect.stringContaining('slot green')] }]);
});

test('one whose step fails goes back by itself, and is told with that step', { timeout: 60_000 }, async () => {
  const digest = await company.release('2.2.0', WIDE);
  const fails = (assignment: Assignment): Outcome =>
    assignment.step === 'w2.route' ? { kind: 'failed', code: 'rejected', why: 'no such tenant' } : didIt(assignment);
  const { code, out } = await rehearse('2.2.0', ['--attach', '--json'], fails);
  expect(code).toBe(1);
  const { result } = JSON.parse(out) as { result: { because: string[] } };
  expect(result.because).toEqual(['step w2.route of cell stage failed on the way forward (rejected): no such tenant']);
  expect(await evidenceOf(digest)).toMatchObject([{ ok: false }]);
});

test('one that is interrupted goes back all the same, and signs nothing', { timeout: 60_000 }, async () => {
  const digest = await company.release('2.4.0', WIDE);
  const interrupt = (step: string, child: ChildProcess): void => {
    if (step === 'w1.route') child.kill('SIGINT');
  };
  const { code, out } = await rehearse('2.4.0', ['--attach'], didIt, undefined, interrupt);
  expect(code).toBe(130);
  const [, id = ''] = /nothing is signed; (prm_\w+) goes back: headgate watch prm_/.exec(out) ?? [];
  await company.carryOut(async () => (await manager.call('showPromotion', { promotion: id })).phase === 'ended');
  expect(await manager.call('showPromotion', { promotion: id })).toMatchObject({ result: 'rolled-back' });
  expect(await evidenceOf(digest)).toEqual([]);
});

test('nothing is begun where a promotion is open, and what never began is given up and signs nothing', {
  timeout: 60_000,
}, async () => {
  const careful = SOAKING.replace('{application: shop, policy: free,', '{application: shop, policy: careful,');
  await manager.call('applyDocuments', { body: { files: [{ name: 'shop.yaml', text: careful }] } });
  const digest = await company.release('2.3.0', WIDE);
  const given = await rehearse('2.3.0', ['--wait', '2', '--attach']);
  expect(given).toMatchObject({
    code: 7,
    err: expect.stringMatching(
      /prm_\w+ never opened a wave, and is given up[\s\S]*to unblock: .*headgate explain prm_/,
    ),
  });
  expect(given.out).toMatch(/somebody else, an approver, approves it: headgate --as approver approve prm_/);
  expect(await evidenceOf(digest)).toEqual([]);
  expect((await manager.call('listPromotions', { environment: 'staging', open: 'true' })).items).toEqual([]);
  const { id } = await manager.call('requestPromotion', { body: { release: digest, environment: 'staging' } });
  expect(await rehearse('2.3.0', [])).toMatchObject({
    code: 1,
    err: expect.stringContaining(`${id} (2.3.0) is open in staging`),
  });
});
