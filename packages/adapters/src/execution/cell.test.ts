import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOfJson } from '@headgate/documents/digest';
import type { Action, ArtifactFile, Digest, Outcome, ReleaseManifest, ReleaseRef } from '@headgate/domain';
import { provenOutcome } from '@headgate/domain/rollout/outcome-rules';
import { execute } from '@headgate/execution';
import { digestFor, manifestOf, stepContext } from '@headgate/testkit/execution/step-context';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePorts } from '../machine/free-port.ts';
import { Cluster } from '../postgres-cluster/cluster.ts';
import { findPrograms } from '../postgres-cluster/programs.ts';
import { type CellPorts, observeCell, openCell } from './cell.ts';
import { type CellConfig, parseCellConfig } from './cell-config.ts';
import { componentEnvironment } from './component-environment.ts';
import { newIdentity } from './vault/age-stream.ts';

/** A system that says which version and slot answered, and knows whether its database's address was given to it. */
const web = (version: string) => `import http from 'node:http';
import { readFileSync } from 'node:fs';
const secret = readFileSync(process.env.TOKEN_FILE, 'utf8').trim();
const server = http.createServer((q, r) => {
  r.setHeader('x-slot', process.env.APP_SLOT);
  r.setHeader('content-type', 'application/json');
  r.statusCode = q.url === '/health' || q.headers.authorization === 'Bearer ' + secret ? 200 : 401;
  r.end(JSON.stringify({ version: '${version}', database: (process.env.DATABASE_URL ?? '').startsWith('postgres://app:'), state: ${version === '1.2.0' ? `q.url.includes('globex') ? 'stuck' : 'done'` : `'done'`} }));
});
server.listen(Number(process.env.PORT), process.env.HOST);
process.on('SIGTERM', () => server.close(() => process.exit(0)));`;
const WORKER = `setInterval(() => {}, 1000); process.on('SIGTERM', () => process.exit(0));`;

const blobs = new Map<Digest, Buffer>();
const manifests = new Map<Digest, ReleaseManifest>();
function file(name: string, text: string): ArtifactFile {
  const digest = digestFor(text);
  blobs.set(digest, Buffer.from(text));
  return { name, digest, size: text.length };
}
function release(version: string, range: { min: number; max: number }): ReleaseRef {
  const manifest = manifestOf(version, {
    schemaRange: range,
    components: [
      {
        name: 'web',
        role: 'web',
        recovery: 'stateless',
        files: [file('web.mjs', web(version))],
        command: ['${node}', '${dir}/web.mjs'],
        healthPath: '/health',
      },
      {
        name: 'worker',
        role: 'worker',
        recovery: 'stateful',
        files: [file('worker.mjs', WORKER)],
        command: ['${node}', '${dir}/worker.mjs'],
      },
    ],
  });
  const ref = { digest: digestOfJson(manifest), version };
  manifests.set(ref.digest, manifest);
  return ref;
}
const UP = ['create table invoice(n int primary key)', 'alter table invoice add column discount int'];
const migrations = (from: number, to: number) =>
  UP.slice(from, to).map((sql, i) => ({
    id: `m${from + i + 1}`,
    from: from + i,
    to: from + i + 1,
    phase: 'expand' as const,
    file: file(`${from + i + 1}.sql`, sql),
  }));

const VERIFICATION = {
  apiVersion: 'headgate/v1',
  kind: 'Verification',
  metadata: { name: 'works', owner: 'team' },
  spec: {
    workflows: [
      {
        workflowId: 'works',
        steps: [
          {
            stepId: 'ask',
            request: { method: 'GET', path: '/t/{$inputs.tenant}/work' },
            successCriteria: [
              { condition: '$statusCode == 200' },
              { condition: '$response.header.x-slot == $inputs.slot' },
              { condition: "$response.body#/state == 'done'" },
            ],
          },
        ],
      },
    ],
  },
};
const verification = { name: 'works', digest: digestFor('verification') };

let dir: string;
let config: CellConfig;
let cell: CellPorts;
let n = 0;
const events: string[] = [];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-cell-'));
  await chmod(dir, 0o755);
  const [listenPort, adminPort, store, blue, green] = (await freePorts(5)) as [number, number, number, number, number];
  const secret = randomBytes(12).toString('hex');
  await writeFile(join(dir, 'token'), `${secret}\n`, { mode: 0o600 });
  await writeFile(join(dir, 'tenant-tokens.json'), JSON.stringify({ acme: secret, globex: secret, initech: secret }), {
    mode: 0o600,
  });
  config = parseCellConfig({
    cell: 'shared',
    environment: 'production',
    application: 'psa',
    dir: join(dir, 'cell'),
    slots: { blue: { web: blue, worker: 0 }, green: { web: green, worker: 0 } },
    slotVariable: 'APP_SLOT',
    secretFiles: { TOKEN_FILE: join(dir, 'token') },
    storeEnv: { DATABASE_URL: 'main' },
    stores: {
      main: {
        clusterDir: join(dir, 'store'),
        port: store,
        database: 'app',
        user: 'app',
        passwordFile: join(dir, 'app-password'),
        archiveDir: join(dir, 'archive'),
        restorePointsDir: join(dir, 'restore-points'),
      },
    },
    tenants: Object.fromEntries(
      [
        ['acme', 'internal'],
        ['globex', 'pilot'],
        ['initech', 'broad'],
      ].map(([tenant, ring]) => [tenant, { store: 'main', ring }]),
    ),
    router: { listenPort, adminPort, tokenFile: join(dir, 'router-token') },
    tenantTokensFile: join(dir, 'tenant-tokens.json'),
    drainMs: 3_000,
    vault: {
      store: { kind: 'folder', dir: join(dir, 'vault') },
      recipients: [(await newIdentity()).recipient],
      keyFile: join(dir, 'vault-key.pem'),
    },
  });
  cell = await openCell(config, (event) => events.push(event));
});
afterAll(async () => {
  for (const slot of ['blue', 'green']) await cell?.target.retire(slot, context());
  await cell?.close();
  await stopRouter();
  await new Cluster(
    { dir: join(dir, 'store'), port: config.stores.main!.port },
    await findPrograms(15, config.dir),
  ).stop();
  await rm(dir, { recursive: true, force: true });
});

const context = () =>
  stepContext({
    step: `s${n}`,
    idempotencyKey: `r1/s${n}`,
    fence: { epoch: 1, n: ++n },
    manifest: async (digest) => manifests.get(digest)!,
    blob: async (digest) => blobs.get(digest)!,
    document: async () => VERIFICATION,
  });
/** Carries a step out as the agent does, and judges its outcome as the control plane does. */
const run = async (action: Action): Promise<Outcome> => provenOutcome(action, await execute(action, context(), cell));
const pidOf = async (name: string): Promise<number> =>
  JSON.parse(await readFile(join(config.dir, `${name}.pid.json`), 'utf8')).pid;
async function stopRouter(): Promise<void> {
  const { RouterProcess } = await import('./router/router-process.ts');
  await new RouterProcess({ cellDir: config.dir, ...config.router, upstreams: {}, user: undefined }).stop();
}

const ONE = release('1.0.0', { min: 1, max: 1 });
const TWO = release('1.1.0', { min: 1, max: 2 });
const BAD = release('1.2.0', { min: 1, max: 2 });
const ALL = ['acme', 'globex', 'initech'];

test('a cell that runs nothing is brought to its first release, and is seen as it is', async () => {
  expect(await run({ kind: 'migrate', store: 'main', from: 0, to: 1, migrations: migrations(0, 1) })).toMatchObject({
    kind: 'done',
  });
  expect(await run({ kind: 'deploy', slot: 'blue', release: TWO })).toMatchObject({ kind: 'done' });
  expect(await run({ kind: 'route', tenants: ALL, slot: 'blue' })).toMatchObject({ kind: 'done' });
  expect(await observeCell(cell)).toEqual({
    cell: 'shared',
    application: 'psa',
    environment: 'production',
    slots: { blue: { release: TWO, schemaRange: { min: 1, max: 2 } }, green: {} },
    stores: { main: { schemaVersion: 1 } },
    tenants: {
      acme: { slot: 'blue', store: 'main', ring: 'internal' },
      globex: { slot: 'blue', store: 'main', ring: 'pilot' },
      initech: { slot: 'blue', store: 'main', ring: 'broad' },
    },
  });
  expect(await run({ kind: 'verify', tenants: ALL, verification, slot: 'blue' })).toMatchObject({
    kind: 'done',
    result: { checks: { passed: 3 } },
  });
});

test('a bad release is seen by one tenant’s business transaction while its health is green, and goes back', async () => {
  // The vault's disk isn't mounted: what was taken counts only once it is sealed there.
  const action = { kind: 'restore-point', store: 'main' } as const;
  expect(await run(action)).toMatchObject({ kind: 'waiting', reason: expect.stringContaining('is its disk mounted?') });
  await mkdir(join(dir, 'vault'));
  expect(await run(action)).toMatchObject({ kind: 'done', result: { restorePoint: { verified: true } } });
  expect(
    (await readdir(join(dir, 'vault'), { recursive: true })).filter((name) => name.endsWith('sealed.json')),
  ).toEqual([expect.stringMatching(/^points\/production\/shared\/main\/rp-[^/]+\/sealed\.json$/)]);
  expect(await run({ kind: 'migrate', store: 'main', from: 1, to: 2, migrations: migrations(1, 2) })).toMatchObject({
    kind: 'done',
  });
  expect(await run({ kind: 'deploy', slot: 'green', release: ONE })).toMatchObject({
    kind: 'failed',
    code: 'rejected',
  });
  expect(await run({ kind: 'deploy', slot: 'green', release: BAD })).toMatchObject({ kind: 'done' });
  expect(await run({ kind: 'route', tenants: ['acme'], slot: 'green' })).toMatchObject({ kind: 'done' });
  expect(await run({ kind: 'soak', tenants: ['acme'], verification, slot: 'green', durationMs: 300 })).toMatchObject({
    kind: 'done',
  });
  expect(await run({ kind: 'route', tenants: ['globex'], slot: 'green' })).toMatchObject({ kind: 'done' });
  const failed = await run({ kind: 'verify', tenants: ['acme', 'globex'], verification, slot: 'green' });
  expect(failed).toMatchObject({
    kind: 'failed',
    code: 'check-failed',
    result: { checks: { firstFailure: { tenant: 'globex', check: 'works/ask' } } },
  });

  const began = performance.now();
  const back = await run({ kind: 'route', tenants: ['acme', 'globex'], slot: 'blue' });
  expect(back).toMatchObject({ kind: 'done', result: { routed: 2 } });
  expect(performance.now() - began).toBeLessThan(2_000); // how fast it is, the bench says
  expect(await run({ kind: 'retire', slot: 'green' })).toMatchObject({ kind: 'done' });
  expect(await run({ kind: 'verify', tenants: ALL, verification, slot: 'blue' })).toMatchObject({ kind: 'done' });
});

test('whatever is killed is started again, and routes and releases are as they were', async () => {
  const before = await observeCell(cell);
  process.kill(await pidOf('slots/blue/web'), 'SIGKILL');
  process.kill(await pidOf('slots/blue/worker'), 'SIGKILL');
  process.kill(await pidOf('router/router'), 'SIGKILL');
  process.kill(Number((await readFile(join(dir, 'store/data/postmaster.pid'), 'utf8')).split('\n')[0]), 'SIGKILL');
  // A process that was killed a moment ago may still be seen living: one look is not enough.
  await expect
    .poll(
      async () => {
        await cell.supervise();
        return observeCell(cell).catch(() => undefined);
      },
      { timeout: 20_000, interval: 100 },
    )
    .toEqual(before);
  // Looked after all the while, as by an agent: the look that brought the store back may have seen the web still living.
  await expect
    .poll(
      async () => {
        await cell.supervise();
        return (await run({ kind: 'verify', tenants: ALL, verification, slot: 'blue' })).kind;
      },
      { timeout: 10_000 },
    )
    .toBe('done');
  expect(events.join('\n')).toMatch(/PostgreSQL of the store main had died/);
  expect(events.join('\n')).toMatch(/router had died/);
  expect(events.join('\n')).toMatch(/web had died/);
});

test('one process holds a cell; the next adopts what runs', async () => {
  await expect(openCell(config)).rejects.toThrow(/held by another process/);
  const pids = [await pidOf('slots/blue/web'), await pidOf('router/router')];
  const before = await observeCell(cell);
  await cell.close();
  cell = await openCell(config, (event) => events.push(event));
  expect(await observeCell(cell)).toEqual(before);
  expect([await pidOf('slots/blue/web'), await pidOf('router/router')]).toEqual(pids);
});

test('a restore in place puts the schema back under what runs', async () => {
  const before = await observeCell(cell);
  const restored = await run({ kind: 'restore', store: 'main', to: 1 });
  expect(restored).toMatchObject({ kind: 'done', result: { schemaVersion: 1 } });
  expect(await observeCell(cell)).toEqual({ ...before, stores: { main: { schemaVersion: 1 } } });
  expect(await run({ kind: 'verify', tenants: ALL, verification, slot: 'blue' })).toMatchObject({ kind: 'done' });
});

test('a migration that is taken back leaves what it took away beside the restore points, which are as they were', async () => {
  const [migration] = migrations(1, 2);
  const points = await cell.restorePoints.list('main');
  expect(await cell.migrator.up('main', migration!, UP[1]!, context())).toMatchObject({ ok: true });
  const sql = 'alter table invoice drop column discount';
  const back = { ...migration!, up: migration!.file, file: file('2.down.sql', sql) };
  expect(await cell.migrator.down('main', back, sql, context())).toEqual({ ok: true, value: { version: 1 } });
  const [kept] = await readdir(join(dir, 'restore-points', 'taken-back'));
  const about = JSON.parse(await readFile(join(dir, 'restore-points', 'taken-back', kept!, 'taken-back.json'), 'utf8'));
  expect(about).toMatchObject({
    cell: 'shared',
    store: 'main',
    tables: [{ table: 'invoice', columns: ['n', 'discount'] }],
  });
  expect(await cell.restorePoints.list('main')).toEqual(points);
});

test('a tampered file is seen: the slot no longer counts as holding its release', async () => {
  const path = join(config.dir, 'slots/blue/files/worker/worker.mjs');
  await writeFile(path, `${WORKER}//`);
  expect((await observeCell(cell)).slots.blue).toEqual({});
  await writeFile(path, WORKER);
  expect((await observeCell(cell)).slots.blue).toMatchObject({ release: TWO });
});

test('secrets reach components by private copies', async () => {
  const environment = await componentEnvironment(config, 'blue', undefined);
  expect(environment.APP_SLOT).toBe('blue');
  expect(await readFile(environment.TOKEN_FILE!, 'utf8')).toBe(await readFile(join(dir, 'token'), 'utf8'));
});

test.each([
  [{ slots: { blue: { web: 5 } } }, /at least two slots/],
  [{ tenants: { acme: { store: 'nowhere', ring: 'a' } } }, /there is no store nowhere/],
  [{ surprise: true }, /surprise/],
  [{ dir: 'relative' }, /an absolute path/],
])('a configuration with %j is refused with its place', (change, message) => {
  expect(() => parseCellConfig({ ...config, ...change })).toThrow(message);
});
