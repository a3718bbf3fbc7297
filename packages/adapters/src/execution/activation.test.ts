/**
 * What a release brings and can't be undone, over a real PostgreSQL and a real router while customers use it: the steps are those
 * of a plan, and what reached the application is counted there, by the slot that served it.
 */
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOfJson } from '@headgate/documents/digest';
import type { Action, ArtifactFile, CellPlan, Digest, Outcome, ReleaseManifest, ReleaseRef } from '@headgate/domain';
import { undoSteps } from '@headgate/domain';
import type { Operation } from '@headgate/domain/model/operation';
import { provenOutcome } from '@headgate/domain/rollout/outcome-rules';
import { execute } from '@headgate/execution';
import { anApplication, aPlan } from '@headgate/testkit/domain/builders';
import { digestFor, manifestOf, stepContext } from '@headgate/testkit/execution/step-context';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePorts } from '../machine/free-port.ts';
import { Cluster } from '../postgres-cluster/cluster.ts';
import { findPrograms } from '../postgres-cluster/programs.ts';
import { type CellPorts, observeCell, openCell } from './cell.ts';
import { type CellConfig, parseCellConfig } from './cell-config.ts';
import { RouterProcess } from './router/router-process.ts';

/** Notes every request with the slot that it came to. */
const WEB = `import http from 'node:http';
import { appendFileSync } from 'node:fs';
const server = http.createServer((q, r) => {
  if (q.url !== '/health') appendFileSync(process.env.SEEN, process.env.APP_SLOT + ' ' + q.method + ' ' + q.url + '\\n');
  r.end('done');
});
server.listen(Number(process.env.PORT), process.env.HOST);
process.on('SIGTERM', () => server.close(() => process.exit(0)));`;

const FILE: Operation = {
  name: 'file-return',
  says: 'Returns can’t be filed yet.',
  requests: [{ methods: ['POST'], path: '/returns' }],
};
const RINGS = { acme: 'canary', globex: 'broad' } as const;
const ALL = Object.keys(RINGS) as (keyof typeof RINGS)[];

const blobs = new Map<Digest, Buffer>();
function file(name: string, text: string): ArtifactFile {
  const digest = digestFor(text);
  blobs.set(digest, Buffer.from(text));
  return { name, digest, size: text.length };
}

let dir: string;
let config: CellConfig;
let cell: CellPorts;
let base: string;
let n = 0;
const manifests = new Map<Digest, ReleaseManifest>();

function releaseOf(version: string, more: Partial<ReleaseManifest> = {}): ReleaseRef {
  const manifest = manifestOf(version, {
    schemaRange: { min: 0, max: 9 },
    components: [
      {
        ...{ name: 'web', role: 'web', recovery: 'stateless', healthPath: '/health' },
        files: [file('web.mjs', WEB)],
        command: ['${node}', '${dir}/web.mjs'],
      },
    ],
    ...more,
  });
  const digest = digestOfJson(manifest);
  manifests.set(digest, manifest);
  return { digest, version };
}
const before = releaseOf('1.0.0');
const after = releaseOf('1.1.0', {
  activates: [{ operation: FILE.name, because: 'the tax office keeps what it got' }],
});

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-activation-'));
  await chmod(dir, 0o777);
  const [listenPort, adminPort, store, blue, green] = (await freePorts(5)) as [number, number, number, number, number];
  base = `http://127.0.0.1:${listenPort}`;
  await writeFile(join(dir, 'tenant-tokens.json'), JSON.stringify({ acme: randomBytes(9).toString('hex') }), {
    mode: 0o600,
  });
  await writeFile(join(dir, 'seen'), '');
  await chmod(join(dir, 'seen'), 0o666);
  config = parseCellConfig({
    ...{ cell: 'shared', environment: 'production', application: 'psa', dir: join(dir, 'cell') },
    slots: { blue: { web: blue }, green: { web: green } },
    slotVariable: 'APP_SLOT',
    env: { SEEN: join(dir, 'seen') },
    stores: {
      main: {
        ...{ clusterDir: join(dir, 'store'), port: store, database: 'app', user: 'app' },
        ...{ passwordFile: join(dir, 'app-password'), archiveDir: join(dir, 'archive') },
        restorePointsDir: join(dir, 'restore-points'),
      },
    },
    tenants: Object.fromEntries(ALL.map((tenant) => [tenant, { store: 'main', ring: RINGS[tenant] }])),
    router: { listenPort, adminPort, tokenFile: join(dir, 'router-token') },
    tenantTokensFile: join(dir, 'tenant-tokens.json'),
    drainMs: 3_000,
  });
  cell = await openCell(config, () => {});
  expect(await run({ kind: 'deploy', slot: 'blue', release: before })).toMatchObject({ kind: 'done' });
  expect(await run({ kind: 'route', tenants: ALL, slot: 'blue' })).toMatchObject({ kind: 'done' });
});
afterAll(async () => {
  for (const slot of ['blue', 'green']) await cell?.target.retire(slot, context(before));
  await cell?.close();
  await new RouterProcess({ cellDir: config.dir, ...config.router, upstreams: {}, user: undefined }).stop();
  const store = { dir: join(dir, 'store'), port: config.stores.main!.port };
  await new Cluster(store, await findPrograms(15, config.dir)).stop();
  await rm(dir, { recursive: true, force: true });
});

const context = (release: ReleaseRef) =>
  stepContext({
    ...{ step: `s${n}`, idempotencyKey: `r1/s${n}`, fence: { epoch: 1, n: ++n } },
    manifest: async (digest) => manifests.get(digest) ?? manifests.get(release.digest)!,
    blob: async (digest) => blobs.get(digest)!,
  });
async function run(action: Action): Promise<Outcome> {
  const release = action.kind === 'deploy' ? action.release : after;
  return provenOutcome(action, await execute(action, context(release), cell));
}

/** The plan as it would be made of the cell as it is; checks and the waiting between rings are left to other tests. */
async function planned(release: ReleaseRef): Promise<CellPlan> {
  const plan = aPlan({
    application: anApplication({
      operations: [FILE],
      rings: [
        { name: 'canary', soakMs: 0 },
        { name: 'broad', soakMs: 0 },
      ],
    }),
    release,
    manifest: { ...manifests.get(release.digest)!, application: anApplication().name },
    cells: [{ ...(await observeCell(cell)), application: anApplication().name, environment: 'production' }],
  });
  return plan.cells[0]!;
}

async function carryOut(steps: readonly { readonly id: string; readonly action: Action }[], until?: string) {
  const left = steps.filter(({ action: { kind } }) => kind !== 'verify' && kind !== 'reconcile');
  for (const { id, action } of left) {
    expect([id, await run(action)]).toMatchObject([id, { kind: 'done' }]);
    if (id === until) return;
  }
}

const files = async (tenant: string) => (await fetch(`${base}/t/${tenant}/returns`, { method: 'POST' })).status;
/** What customers of both tenants did of the operation on the new slot, by the application's own word. */
async function servedOnNew(): Promise<number> {
  const lines = (await readFile(join(dir, 'seen'), 'utf8')).split('\n');
  return lines.filter((line) => line.startsWith('green POST') && line.endsWith('/returns')).length;
}

/** Customers file returns and read all the time. */
function customers() {
  const answers: { what: string; status: number }[] = [];
  let stop = false;
  const one = async (method: string, path: string): Promise<void> => {
    while (!stop) {
      const { status } = await fetch(base + path, { method });
      answers.push({ what: `${method} ${path}`, status });
    }
  };
  const all = ALL.flatMap((tenant) => [one('POST', `/t/${tenant}/returns`), one('GET', `/t/${tenant}/returns`)]);
  return {
    answers,
    async end() {
      stop = true;
      await Promise.all(all);
    },
  };
}

test('before its activation nothing of it reaches the new code, ring by ring it does afterwards, and a rollback leaves nothing closed', async () => {
  const plan = await planned(after);
  expect(plan.steps.filter(({ id }) => id.endsWith('.activate')).map(({ id }) => id)).toEqual([
    'w3.activate',
    'w4.activate',
  ]);
  const busy = customers();
  const at = (id: string) => plan.steps.findIndex((step) => step.id === id);
  await carryOut(plan.steps.slice(0, at('w1.route') + 1));
  expect(await files('acme')).toBe(503);
  expect(await files('globex')).toBe(200);
  await carryOut(plan.steps.slice(at('w1.route') + 1, at('w3.activate')));
  await busy.end();
  expect(await files('globex')).toBe(503);
  expect((await fetch(`${base}/t/globex/returns`)).status).toBe(200);
  expect(await servedOnNew()).toBe(0);
  // Where they went nobody was refused anything else.
  expect(busy.answers.filter(({ what, status }) => status !== 200 && !what.startsWith('POST'))).toEqual([]);
  expect((await observeCell(cell)).closed).toMatchObject(
    [1, 1].map((tenants) => ({ operation: FILE.name, tenants, slot: 'green' })),
  );

  // Neither the end of the router nor that of the agent opens it.
  await cell.close();
  const { pid } = JSON.parse(await readFile(join(config.dir, 'router/router.pid.json'), 'utf8')) as { pid: number };
  process.kill(pid, 'SIGKILL');
  cell = await openCell(config, () => {});
  expect(await files('acme')).toBe(503);

  await carryOut(plan.steps.slice(at('w3.activate'), at('w4.activate')));
  expect(await files('acme')).toBe(200);
  expect(await files('globex')).toBe(503);
  expect(await servedOnNew()).toBe(1);

  await carryOut(undoSteps(plan, { kind: 'all', wave: 4 }, at('w4.activate')));
  expect(await files('acme')).toBe(200);
  expect(await files('globex')).toBe(200);
  expect(await servedOnNew()).toBe(1);
  expect(await cell.operations.closed()).toEqual([]);
});

test('sabotage: without the closing steps the count turns', async () => {
  const plan = await planned(after);
  const had = await servedOnNew();
  const busy = customers();
  await carryOut(
    plan.steps.filter(({ action }) => action.kind !== 'close-operations'),
    'w2.route',
  );
  for (const tenant of ALL) expect(await files(tenant)).toBe(200);
  await busy.end();
  expect(await servedOnNew()).toBeGreaterThan(had + 1);
  await carryOut(undoSteps(plan, { kind: 'all', wave: 2 }, plan.steps.length));
});

test('what a release that was left half way keeps closed is gone with its slot, and never meets the code after it', async () => {
  const plan = await planned(after);
  await carryOut(plan.steps, 'w2.route');
  expect((await cell.operations.closed()).map(({ slot }) => slot)).toEqual(expect.arrayContaining(['green']));
  const next = releaseOf('1.2.0');
  await carryOut((await planned(next)).steps);
  for (const tenant of ALL) expect(await files(tenant)).toBe(200);
  // Nobody is refused anything by what is closed where nobody is.
  expect(await observeCell(cell)).not.toHaveProperty('closed');
  await carryOut((await planned(releaseOf('1.3.0'))).steps);
  for (const tenant of ALL) expect(await files(tenant)).toBe(200);
  expect(await cell.operations.closed()).toEqual([]);
});
