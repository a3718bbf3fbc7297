/**
 * A read-only window over a real PostgreSQL and a real router, while customers work: counted at the application, against the
 * migration's own times, both by the same clock.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOfJson } from '@headgate/documents/digest';
import type { Action, ArtifactFile, Digest, Outcome, ReleaseManifest, ReleaseRef } from '@headgate/domain';
import type { Operation } from '@headgate/domain/model/operation';
import { provenOutcome } from '@headgate/domain/rollout/outcome-rules';
import { execute } from '@headgate/execution';
import { digestFor, manifestOf, stepContext } from '@headgate/testkit/execution/step-context';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePorts } from '../machine/free-port.ts';
import { Cluster } from '../postgres-cluster/cluster.ts';
import { findPrograms } from '../postgres-cluster/programs.ts';
import { type CellPorts, observeCell, openCell } from './cell.ts';
import { type CellConfig, parseCellConfig } from './cell-config.ts';
import { RouterProcess } from './router/router-process.ts';

/** Keeps of every request what it asked for, when it began and when it ended; a slow one works for longer than a migration waits. */
const WEB = `import http from 'node:http';
import { appendFileSync } from 'node:fs';
const server = http.createServer((q, r) => {
  const from = Date.now();
  const end = () => {
    if (q.url !== '/health') appendFileSync(process.env.SEEN, JSON.stringify({ what: q.method + ' ' + q.url, from, to: Date.now() }) + '\\n');
    r.end('done');
  };
  if (q.url.includes('slow')) setTimeout(end, 400); else end();
});
server.listen(Number(process.env.PORT), process.env.HOST);
process.on('SIGTERM', () => server.close(() => process.exit(0)));`;

/** Says itself when it began and when it ended. */
const BUSY = (name: string) => `create table ${name}(at timestamptz);
insert into ${name} values (clock_timestamp());
select pg_sleep(1);
insert into ${name} values (clock_timestamp());`;

const POST: Operation = {
  name: 'post-invoice',
  says: 'Invoices can’t be posted at the moment.',
  requests: [{ methods: ['POST'], path: '/invoices/*/post' }],
};
const ALL = ['acme', 'globex'];

const blobs = new Map<Digest, Buffer>();
function file(name: string, text: string): ArtifactFile {
  const digest = digestFor(text);
  blobs.set(digest, Buffer.from(text));
  return { name, digest, size: text.length };
}

let dir: string;
let given: object;
let config: CellConfig;
let cell: CellPorts;
let manifest: ReleaseManifest;
let release: ReleaseRef;
let base: string;
let n = 0;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-window-'));
  await chmod(dir, 0o777);
  const [listenPort, adminPort, store, blue, green] = (await freePorts(5)) as [number, number, number, number, number];
  base = `http://127.0.0.1:${listenPort}`;
  await writeFile(join(dir, 'tenant-tokens.json'), JSON.stringify({ acme: randomBytes(9).toString('hex') }), {
    mode: 0o600,
  });
  await writeFile(join(dir, 'seen'), '');
  await chmod(join(dir, 'seen'), 0o666);
  given = {
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
    tenants: Object.fromEntries(ALL.map((tenant) => [tenant, { store: 'main', ring: 'broad' }])),
    router: { listenPort, adminPort, tokenFile: join(dir, 'router-token') },
    tenantTokensFile: join(dir, 'tenant-tokens.json'),
    drainMs: 3_000,
  };
  config = parseCellConfig(given);
  cell = await openCell(config, () => {});
  manifest = manifestOf('1.0.0', {
    schemaRange: { min: 0, max: 9 },
    components: [
      {
        ...{ name: 'web', role: 'web', recovery: 'stateless', healthPath: '/health' },
        files: [file('web.mjs', WEB)],
        command: ['${node}', '${dir}/web.mjs'],
      },
    ],
  });
  release = { digest: digestOfJson(manifest), version: '1.0.0' };
  expect(await run({ kind: 'deploy', slot: 'blue', release })).toMatchObject({ kind: 'done' });
  expect(await run({ kind: 'route', tenants: ALL, slot: 'blue' })).toMatchObject({ kind: 'done' });
});
afterAll(async () => {
  await cell?.target.retire('blue', context());
  await cell?.close();
  await new RouterProcess({ cellDir: config.dir, ...config.router, upstreams: {}, user: undefined }).stop();
  const store = { dir: join(dir, 'store'), port: config.stores.main!.port };
  await new Cluster(store, await findPrograms(15, config.dir)).stop();
  await rm(dir, { recursive: true, force: true });
});

const context = () =>
  stepContext({
    ...{ step: `s${n}`, idempotencyKey: `r1/s${n}`, fence: { epoch: 1, n: ++n } },
    manifest: async () => manifest,
    blob: async (digest) => blobs.get(digest)!,
  });
const run = async (action: Action): Promise<Outcome> => provenOutcome(action, await execute(action, context(), cell));
const migration = (at: number, closes: readonly Operation[]): Action => ({
  ...{ kind: 'migrate', store: 'main', from: at, to: at + 1 },
  migrations: [
    {
      ...{ id: `m${at + 1}`, from: at, to: at + 1, phase: 'expand' },
      file: file(`${at + 1}.sql`, BUSY(`busy${at + 1}`)),
    },
  ],
  ...(closes.length > 0 && { closes }),
});
const close: Action = { kind: 'close-operations', tenants: ALL, operations: [POST], forMs: 60_000 };
const open: Action = { kind: 'open-operations', tenants: ALL, operations: [POST.name] };

async function query<T extends pg.QueryResultRow>(text: string): Promise<readonly T[]> {
  const { port, database, user, passwordFile } = config.stores.main as never as Record<string, string>;
  const password = (await readFile(passwordFile as string, 'utf8')).trim();
  const client = new pg.Client({ host: '127.0.0.1', port: Number(port), database, user, password } as pg.ClientConfig);
  await client.connect();
  try {
    return (await client.query<T>(text)).rows;
  } finally {
    await client.end();
  }
}

interface Seen {
  readonly what: string;
  readonly from: number;
  readonly to: number;
}

/** Customers of both tenants post invoices, slowly too, and read, until they are told to stop. Answers by what was asked. */
function customers() {
  const answers: { what: string; status: number }[] = [];
  let stop = false;
  const one = async (method: string, path: string): Promise<void> => {
    while (!stop) {
      const status = await fetch(base + path, { method }).then(
        (answer) => answer.status,
        () => 0,
      );
      answers.push({ what: `${method} ${path}`, status });
    }
  };
  const all = ALL.flatMap((tenant) => [
    one('POST', `/t/${tenant}/invoices/7/post`),
    one('POST', `/t/${tenant}/invoices/slow/post`),
    one('GET', `/t/${tenant}/invoices/7`),
    one('POST', `/t/${tenant}/invoices`),
  ]);
  return {
    answers,
    async end() {
      stop = true;
      await Promise.all(all);
    },
  };
}

/** What the application itself had of the operation, and of everything else, while a migration ran by its own word. */
async function beside(table: string): Promise<{ readonly posted: number; readonly others: number }> {
  const [times] = await query<{ from: Date; to: Date }>(`select min(at) "from", max(at) "to" from ${table}`);
  const [from, to] = [times!.from.getTime(), times!.to.getTime()];
  const lines = (await readFile(join(dir, 'seen'), 'utf8')).trim().split('\n');
  const seen = lines.map((line) => JSON.parse(line) as Seen).filter((each) => each.from <= to && each.to >= from);
  const posted = seen.filter(({ what }) => what.endsWith('/post')).length;
  return { posted, others: seen.length - posted };
}

test('while a migration runs, no request of a closed operation reaches the application, and all others are answered', async () => {
  const busy = customers();
  expect(await run(close)).toMatchObject({ kind: 'done' });
  expect(await run(migration(0, [POST]))).toMatchObject({ kind: 'done' });
  expect((await observeCell(cell)).closed).toMatchObject([{ operation: 'post-invoice', tenants: 2 }]);
  expect(await run(open)).toMatchObject({ kind: 'done' });
  expect(await observeCell(cell)).not.toHaveProperty('closed');
  await busy.end();
  const { posted, others } = await beside('busy1');
  expect(posted).toBe(0);
  expect(others).toBeGreaterThan(10);
  const refused = busy.answers.filter(({ status }) => status === 503);
  expect(refused.length).toBeGreaterThan(3);
  expect(refused.filter(({ what }) => !what.endsWith('/post'))).toEqual([]);
  expect(busy.answers.filter(({ status }) => status !== 503 && status !== 200)).toEqual([]);
});

test('sabotage: without the window the count turns', async () => {
  const busy = customers();
  expect(await run(migration(1, []))).toMatchObject({ kind: 'done' });
  await busy.end();
  expect((await beside('busy2')).posted).toBeGreaterThan(3);
  expect(busy.answers.filter(({ status }) => status !== 200)).toEqual([]);
});

test('a migration that begins long after its step closed them closes them again by itself, and waits for what runs', async () => {
  const busy = customers();
  expect(await run(migration(2, [POST]))).toMatchObject({ kind: 'done' });
  await run(open);
  await busy.end();
  expect((await beside('busy3')).posted).toBe(0);
});

test('a migration that fails opens them at once', async () => {
  const action = migration(3, [POST]) as Extract<Action, { kind: 'migrate' }>;
  const [own] = action.migrations;
  const broken = { ...action, migrations: [{ ...own!, file: file('broken.sql', 'select 1 / 0') }] };
  expect(await run(close)).toMatchObject({ kind: 'done' });
  expect(await run(broken)).toMatchObject({ kind: 'failed' });
  expect(await cell.operations.closed()).toEqual([]);
});

test('an agent that is killed in the midst, and the router too: they stay closed until it is known what became of it', async () => {
  const action = migration(3, [POST]);
  const bytes = Object.fromEntries([...blobs].map(([digest, each]) => [digest, each.toString('base64')]));
  await writeFile(
    join(dir, 'step.json'),
    JSON.stringify({ config: given, action, blobs: bytes, fence: { epoch: 1, n: ++n } }),
  );
  await cell.close();
  const busy = customers();
  const agent = spawn(process.execPath, [join(import.meta.dirname, 'testing/carry-out.ts'), join(dir, 'step.json')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  // The table that it makes, which nobody else sees yet.
  const running = `select 1 from pg_locks where locktype = 'relation' and mode = 'AccessExclusiveLock'`;
  for (const end = Date.now() + 20_000; (await query(running)).length === 0; )
    if (Date.now() > end) throw new Error('the migration never began');
  agent.kill('SIGKILL');
  const { pid } = JSON.parse(await readFile(join(config.dir, 'router/router.pid.json'), 'utf8')) as { pid: number };
  process.kill(pid, 'SIGKILL');
  await busy.end();
  // The agent comes back, starts the router anew, and does the step again.
  cell = await openCell(config, () => {});
  expect((await cell.operations.closed())[0]).toMatchObject({ operation: 'post-invoice', until: expect.any(Number) });
  expect((await fetch(`${base}/t/acme/invoices/7/post`, { method: 'POST' })).status).toBe(503);
  expect((await fetch(`${base}/t/acme/invoices/7`)).status).toBe(200);
  const again = customers();
  expect(await run(action)).toMatchObject({ kind: 'done', result: { schemaVersion: 4 } });
  expect(await run(open)).toMatchObject({ kind: 'done' });
  await again.end();
  expect((await beside('busy4')).posted).toBe(0);
  expect((await fetch(`${base}/t/acme/invoices/7/post`, { method: 'POST' })).status).toBe(200);
});
