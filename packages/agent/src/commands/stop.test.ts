/** What runs in a cell, ended by a person: on a service taken up with a PostgreSQL that we keep. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openCell } from '@headgate/adapters/execution/cell';
import { type CellConfig, parseCellConfig } from '@headgate/adapters/execution/cell-config';
import { holdCell } from '@headgate/adapters/execution/process/cell-hold';
import { slotDir } from '@headgate/adapters/execution/process/slot-record';
import { endRunning, lookAtRunning } from '@headgate/adapters/execution/running-cell';
import { processesBelow } from '@headgate/adapters/machine/processes-in';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadService, writeServiceCells } from '../service/service-cells.ts';
import { takeUpService } from '../service/take-up-service.ts';
import { sealedPlan } from '../testing/sealed-plan.ts';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
const SERVICE = `apiVersion: headgate/v1
kind: Service
metadata: {name: desk, owner: team-desk}
spec:
  run: ["\${node}", "\${dir}/server.mjs"]
  files: [server.mjs]
  health: /health
  environments: [{name: staging}]
`;
/** It takes its time over an answer, and over its own end. */
const SERVER = `import http from 'node:http';
const server = http.createServer((q, r) => setTimeout(() => r.end('answered'), q.url === '/slow' ? 1_000 : 0));
server.listen(process.env.PORT, '127.0.0.1');
process.on('SIGTERM', () => server.close(() => process.exit(0)));
`;

let dir: string;
let config: CellConfig;

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** The shipped command, as a person types it. */
async function stop(...args: string[]): Promise<Ended> {
  const child = spawn(process.execPath, [MAIN, 'stop', '--config', join(dir, 'agent.yaml'), ...args]);
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    out += String(chunk);
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += String(chunk);
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}

const url = () => `http://127.0.0.1:${config.router.listenPort}`;
const ask = (path: string) => fetch(url() + path).then((response) => response.text());

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-stop-'));
  await chmod(dir, 0o755);
  await mkdir(join(dir, 'desk'));
  await mkdir(join(dir, 'data'), { mode: 0o700 });
  const file = join(dir, 'desk', 'headgate.yaml');
  await writeFile(file, SERVICE);
  await writeFile(join(dir, 'desk', 'server.mjs'), SERVER);
  const [cellFile] = await writeServiceCells(await loadService(file), ['staging'], join(dir, 'cells'));
  config = parseCellConfig(JSON.parse(await readFile(cellFile!, 'utf8')));
  await writeFile(join(dir, 'token'), 'test-token\n', { mode: 0o600 });
  await writeFile(join(dir, 'trust.yaml'), sealedPlan().trustText);
  const agent = {
    server: 'http://127.0.0.1:1',
    name: 'agt_desk',
    tokenFile: join(dir, 'token'),
    dataDir: join(dir, 'data'),
    trustFile: join(dir, 'trust.yaml'),
    environments: [{ name: 'staging' }],
    cellFiles: [cellFile],
  };
  await writeFile(join(dir, 'agent.yaml'), JSON.stringify(agent));
  await takeUpService({ cells: [config] }, file, '1.0', () => {});
});
afterAll(async () => {
  if (config !== undefined) await endRunning(config, () => {});
  await rm(dir, { recursive: true, force: true });
});

test('whoever is served is named before they are cut off, and nothing is ended until then', async () => {
  const before = await lookAtRunning(config);
  expect(before.parts.map(({ what }) => what)).toEqual([
    'router',
    'slot blue: web of 1.0',
    'PostgreSQL of store desk-staging-db',
  ]);
  const unnamed = await stop();
  expect(unnamed.code).toBe(1);
  expect(unnamed.err).toMatch(/cell desk-staging: desk is served there\. Name who is to be cut off: --tenants desk\n/);
  const other = await stop('--tenants', 'desk,somebody');
  expect(other.code).toBe(1);
  expect(other.err).toMatch(/nobody of that name is served there: somebody\. Served are desk/);
  expect(await lookAtRunning(config)).toEqual(before);
  expect(await ask('/')).toBe('answered');
});

test('a cell that somebody else holds, and one that isn’t there, are refused', async () => {
  const hold = await holdCell(config.dir);
  const held = await stop('--tenants', 'desk');
  await hold.release();
  expect(held.code).toBe(1);
  expect(held.err).toMatch(new RegExp(`held by another process \\(pid ${process.pid}\\)`));
  const unknown = await stop('--cell', 'elsewhere');
  expect(unknown.code).toBe(64);
  expect(unknown.err).toMatch(/the agent has no cell elsewhere; it has desk-staging/);
});

test('what was left half way is refused, whoever is named', async () => {
  const file = join(slotDir(config.dir, 'blue'), 'release.json');
  const record = await readFile(file, 'utf8');
  await writeFile(file, record.replace('"running"', '"retiring"'), { mode: 0o600 });
  const refused = await stop('--tenants', 'desk');
  await writeFile(file, record, { mode: 0o600 });
  expect(refused.code).toBe(1);
  expect(refused.err).toMatch(/a step is under way: slot blue is being emptied \(1\.0\)\. Let it come to its end/);
});

test('everything is ended, each let come to the end of what it was at; data stays, and it all starts again', async () => {
  const slow = ask('/slow');
  const { parts } = await lookAtRunning(config);
  const { code, out } = await stop('--tenants', 'desk');
  expect(await slow).toBe('answered');
  expect(code).toBe(0);
  expect(out.trim().split('\n')).toEqual([
    ...parts.map(({ what, pid }) => `cell desk-staging: ended ${what} (pid ${pid})`),
    "the server at http://127.0.0.1:1 couldn't be told; what it shows of these cells is as before, until it misses the agent",
    `nothing of it runs any more, data is kept; it starts again with: headgate-agent run --config ${join(dir, 'agent.yaml')}`,
  ]);
  await expect(ask('/')).rejects.toThrow();
  expect(await processesBelow(join(dir, 'cells'))).toEqual([]);

  const again = await stop('--tenants', 'desk', '--json');
  expect([again.code, JSON.parse(again.out)]).toEqual([0, { ended: [] }]);
  expect((await stop()).out).toMatch(/\nnothing ran; nothing of it runs any more/);

  const cell = await openCell(config);
  const back = async () => {
    await cell.supervise();
    return ask('/').catch(() => '');
  };
  await expect.poll(back, { timeout: 20_000 }).toBe('answered');
  await cell.close();
  expect((await lookAtRunning(config)).parts.map(({ what }) => what)).toEqual(parts.map(({ what }) => what));
});

test('called from a shell in a component’s own folder it ends the component, and not that shell', async () => {
  const cwd = join(slotDir(config.dir, 'blue'), 'run', 'web');
  const line = `"${process.execPath}" "${MAIN}" stop --config "${join(dir, 'agent.yaml')}" --tenants desk; echo "the shell goes on ($?)"`;
  const shell = spawn('bash', ['-c', line], { cwd, stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  shell.stdout.on('data', (chunk: Buffer) => {
    out += String(chunk);
  });
  const [code, signal] = await once(shell, 'close');
  expect([code, signal]).toEqual([0, null]);
  expect(out).toMatch(/ended slot blue: web of 1\.0/);
  expect(out).toMatch(/the shell goes on \(0\)\n$/);
});

test('a process that doesn’t prove that it is the agent is never signalled, whoever says that it is', async () => {
  const data = join(dir, 'data');
  const stranger = spawn('sleep', ['600'], { stdio: 'ignore' });
  const ended = once(stranger, 'exit');
  const digest = createHash('sha256')
    .update(await realpath(data))
    .digest('hex');
  const claiming = createServer((socket) => {
    socket.on('error', () => {});
    socket.end(`${stranger.pid}\n`);
  });
  claiming.listen({ path: `\0headgate-cell-${digest.slice(0, 40)}`, exclusive: true });
  await once(claiming, 'listening');
  const refused = await stop('--agent-only');
  await new Promise((closed) => claiming.close(closed));
  expect(refused).toMatchObject({
    code: 1,
    err: expect.stringMatching(/runs, and its process can't be told from here/),
  });
  expect([stranger.exitCode, stranger.signalCode]).toEqual([null, null]);
  stranger.kill('SIGKILL');
  await ended;
});

test('the agent alone: nothing else is ended, and where none runs that is said', async () => {
  const none = await stop('--agent-only');
  expect(none).toMatchObject({ code: 0, out: "the agent agt_desk didn't run\n" });
  const both = await stop('--agent-only', '--tenants', 'desk');
  expect(both).toMatchObject({ code: 64, err: expect.stringMatching(/--agent-only ends nothing in the cells/) });
  const typo = await stop('--agentonly');
  expect(typo).toMatchObject({
    code: 64,
    err: expect.stringMatching(/stop: there is no option --agentonly \(see headgate-agent stop --help\)/),
  });
});
