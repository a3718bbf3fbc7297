/** What runs today, put into a cell of its own with a PostgreSQL that we keep; and the cells of a service on the disk. */
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CellConfig, parseCellConfig } from '@headgate/adapters/execution/cell-config';
import { holdCell } from '@headgate/adapters/execution/process/cell-hold';
import { ComponentProcess } from '@headgate/adapters/execution/process/component-process';
import { readSlot, slotDir } from '@headgate/adapters/execution/process/slot-record';
import { Cluster } from '@headgate/adapters/postgres-cluster/cluster';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { findPrograms } from '@headgate/adapters/postgres-cluster/programs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadService, writeServiceCells } from './service-cells.ts';
import { takeUpService } from './take-up-service.ts';

const SERVICE = `apiVersion: headgate/v1
kind: Service
metadata: {name: desk, owner: team-desk}
spec:
  run: ["\${node}", "\${dir}/server.mjs"]
  files: [server.mjs]
  health: /health
  migrations: sql
  environments: [{name: staging}, {name: production, port: 18080}]
`;
const SERVER = `import http from 'node:http';
const database = new URL(process.env.DATABASE_URL).pathname.slice(1);
http.createServer((q, r) => r.end(JSON.stringify({ path: q.url, database }))).listen(process.env.PORT, '127.0.0.1');
`;

let dir: string;
let file: string;
let config: CellConfig;
let cluster: Cluster;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-service-'));
  await chmod(dir, 0o755);
  await mkdir(join(dir, 'desk', 'sql'), { recursive: true });
  file = join(dir, 'desk', 'headgate.yaml');
  await writeFile(file, SERVICE);
  await writeFile(join(dir, 'desk', 'server.mjs'), SERVER);
  await writeFile(join(dir, 'desk', 'sql', '1-tickets.sql'), 'create table tickets(n int);');
});
afterAll(async () => {
  if (config !== undefined) {
    await new ComponentProcess(join(config.dir, 'router'), { name: 'router' }).stop(2_000);
    for (const slot of Object.keys(config.slots))
      for (const component of (await readSlot(slotDir(config.dir, slot)))?.components ?? [])
        await new ComponentProcess(slotDir(config.dir, slot), component).stop(2_000);
    await cluster?.stop();
  }
  await rm(dir, { recursive: true, force: true });
});

test('a service’s cells are written once: ports that were chosen stay, files are ours alone', async () => {
  const service = await loadService(file);
  const cells = join(dir, 'cells');
  const first = await writeServiceCells(service, ['staging', 'production'], cells);
  const texts = await Promise.all(first.map((each) => readFile(each, 'utf8')));
  expect(await writeServiceCells(service, ['staging', 'production'], cells)).toEqual(first);
  expect(await Promise.all(first.map((each) => readFile(each, 'utf8')))).toEqual(texts);
  expect(JSON.parse(texts[1]!).router.listenPort).toBe(18_080);
  expect((await stat(first[0]!)).mode & 0o777).toBe(0o600);
  config = parseCellConfig(JSON.parse(texts[0]!));
});

test('what runs today is put into the first slot, its migrations made where the database is new, and once', async () => {
  const report = () => {};
  const taken = await takeUpService({ cells: [config] }, file, '0.9', report);
  const url = `http://127.0.0.1:${config.router.listenPort}`;
  expect(taken).toEqual([{ cell: 'desk-staging', how: 'taken up', version: '0.9', url }]);
  // Every path is the one tenant's, and arrives as it was asked.
  expect(await (await fetch(`${url}/tickets?open=1`)).json()).toEqual({ path: '/tickets?open=1', database: 'service' });
  expect(await takeUpService({ cells: [config] }, file, '0.9', report)).toMatchObject([{ how: 'runs already' }]);
  const { clusterDir, port } = Object.values(config.stores)[0]!;
  cluster = new Cluster({ dir: clusterDir, port }, await findPrograms(15, config.dir));
  const { rows } = await withClient(await cluster.connection('service'), (client) =>
    client.query('select version, id from headgate.migration'),
  );
  expect(rows).toEqual([{ version: 1, id: '1-tickets' }]);
  const slot = await readSlot(slotDir(config.dir, 'blue'));
  expect(slot).toMatchObject({ phase: 'running', genuine: true, release: { version: '0.9' } });
});

test('of a cell that runs, the version that runs is said, and that another one was typed', async () => {
  const lines: string[] = [];
  const taken = await takeUpService({ cells: [config] }, file, '1.0', (line) => lines.push(line));
  expect(taken).toMatchObject([{ how: 'runs already', version: '0.9' }]);
  expect(lines.join('\n')).toMatch(/cell desk-staging: 0\.9 runs there, and not 1\.0, as --version says/);
  lines.splice(0);
  await takeUpService({ cells: [config] }, file, '0.9', (line) => lines.push(line));
  expect(lines.join('\n')).not.toMatch(/as --version says/);
});

test('a cell that its agent holds is left to it, with the command that ends that alone', async () => {
  const hold = await holdCell(config.dir);
  const refused = takeUpService({ cells: [config] }, file, '0.9', () => {}, 'here/agent.yaml');
  await expect(refused).rejects.toThrow(
    new RegExp(`pid ${process.pid}.*headgate-agent stop --config here/agent\\.yaml --agent-only`),
  );
  await hold.release();
});

test('an agent that has no cell of the service says so', async () => {
  await expect(takeUpService({ cells: [] }, file, '1', () => {})).rejects.toThrow(/no cell of desk/);
});
