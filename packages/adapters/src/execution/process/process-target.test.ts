import { createHash } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOfJson } from '@headgate/documents/digest';
import type { Digest, ReleaseManifest, ReleaseRef } from '@headgate/domain';
import type { StepContext } from '@headgate/execution';
import { stepContext } from '@headgate/testkit/execution/step-context';
import { targetSuite } from '@headgate/testkit/execution/target-suite';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { freePorts } from '../../machine/free-port.ts';
import { processesIn } from '../../machine/processes-in.ts';
import { reachableProgram } from '../../machine/program-copy.ts';
import { runAs } from '../../machine/run-as.ts';
import { holdCell } from './cell-hold.ts';
import { FenceFile } from './fence-file.ts';
import { ProcessTarget } from './process-target.ts';
import { staysInside } from './slot-files.ts';
import { Supervisor } from './supervisor.ts';

const WEB = `import http from 'node:http';
const server = http.createServer((q, r) => r.end(process.env.SLOT + ' ' + process.env.COLOUR + ' ' + (process.getuid?.() ?? '')));
server.listen(Number(process.env.PORT), process.env.HOST);
process.on('SIGTERM', () => server.close(() => process.exit(0)));`;
const WORKER = `process.on('SIGTERM', () => setTimeout(() => process.exit(0), 50)); setInterval(() => {}, 1000);`;
const BROKEN = `process.exit(3);`;

const blobs = new Map<Digest, Uint8Array>();
function file(name: string, text: string) {
  const bytes = Buffer.from(text);
  const digest: Digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  blobs.set(digest, bytes);
  return { name, digest, size: bytes.length };
}
function release(version: string, web: string, worker = WORKER): { ref: ReleaseRef; manifest: ReleaseManifest } {
  const manifest: ReleaseManifest = {
    apiVersion: 'headgate/v1',
    kind: 'Release',
    application: 'psa',
    version,
    authors: ['usr_author'],
    components: [
      {
        name: 'web',
        role: 'web',
        recovery: 'stateless',
        files: [file('bin/web.mjs', web)],
        command: ['${node}', '${dir}/bin/web.mjs'],
        healthPath: '/health',
      },
      {
        name: 'worker',
        role: 'worker',
        recovery: 'stateful',
        files: [file('worker.mjs', worker)],
        command: ['${node}', '${dir}/worker.mjs'],
      },
    ],
    schemaRange: { min: 1, max: 2 },
    migrations: [],
    configuration: { web: { COLOUR: 'teal' } },
    rollbackConditions: [],
    notes: '',
    origin: 'built',
  };
  return { ref: { digest: digestOfJson(manifest), version }, manifest };
}

let n = 0;
const context = (more: Partial<StepContext> = {}) =>
  stepContext({ fence: { epoch: 1, n: ++n }, blob: async (digest) => blobs.get(digest)!, ...more });

let dir: string;
let target: ProcessTarget;
let port: number;
let slots: Record<string, Record<string, number>>;
const user = runAs();

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-process-'));
  await chmod(dir, 0o755);
  const [blue, green] = await freePorts(2);
  port = blue!;
  slots = { blue: { web: blue!, worker: 0 }, green: { web: green!, worker: 0 } };
  target = await newTarget();
});
afterEach(async () => {
  await target.retire('blue', context({ fence: { epoch: 9, n: 0 } }));
  await rm(dir, { recursive: true, force: true });
});

async function newTarget(): Promise<ProcessTarget> {
  const node = await reachableProgram(process.execPath, `node-${process.version}`, user);
  return new ProcessTarget(
    { cellDir: dir, slots, node, user, drainMs: 3_000, environment: async (slot) => ({ SLOT: slot }) },
    new FenceFile(dir),
  );
}

async function ask(): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}/`)).text();
}

async function pidOf(component: string): Promise<number> {
  return JSON.parse(await readFile(join(dir, 'slots/blue', `${component}.pid.json`), 'utf8')).pid;
}

test('a deployed release runs detached, healthy, as an unprivileged user, and is what observe says', async () => {
  const { ref, manifest } = release('1.0.0', WEB);
  const answer = await target.deploy('blue', ref, manifest, context());
  expect(answer).toMatchObject({ ok: true, value: { phase: 'running', release: ref, intact: true } });
  expect(await ask()).toBe(`blue teal ${user?.uid ?? process.getuid?.()}`);
  const seen = await target.observe('blue');
  expect(seen.components).toEqual([
    { name: 'web', role: 'web', alive: true, healthy: true },
    { name: 'worker', role: 'worker', alive: true, healthy: true },
  ]);
  expect((await target.observe('green')).phase).toBe('empty');
});

test('another agent adopts what runs, and a retire drains and empties the slot', async () => {
  const { ref, manifest } = release('1.0.0', WEB);
  await target.deploy('blue', ref, manifest, context());
  const pids = [await pidOf('web'), await pidOf('worker')];
  const next = await newTarget();
  expect((await next.observe('blue')).components.every((component) => component.healthy)).toBe(true);
  expect(await next.retire('blue', context())).toMatchObject({ ok: true, value: { phase: 'empty' } });
  for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow(/ESRCH/);
  expect(await next.retire('blue', context())).toMatchObject({ ok: true, value: { phase: 'empty' } });
});

test('a new deploy replaces the old one, also after an agent that was killed between start and pid file', async () => {
  await target.deploy('blue', release('1.0.0', WEB).ref, release('1.0.0', WEB).manifest, context());
  const orphan = await pidOf('web');
  await rm(join(dir, 'slots/blue/web.pid.json'));
  expect(await processesIn(join(dir, 'slots/blue/run/web'))).toEqual([orphan]);
  const two = release('1.1.0', WEB.replace("' '", "' two '"));
  expect(await target.deploy('blue', two.ref, two.manifest, context())).toMatchObject({ ok: true });
  expect(await ask()).toContain('two');
});

test('a lower fence is refused and changes nothing', async () => {
  const { ref, manifest } = release('1.0.0', WEB);
  await target.deploy('blue', ref, manifest, context({ fence: { epoch: 2, n: 1 } }));
  expect(await target.retire('blue', context({ fence: { epoch: 1, n: 99 } }))).toMatchObject({
    ok: false,
    code: 'fenced',
  });
  expect((await target.observe('blue')).phase).toBe('running');
});

test('a component that died is started again, with the bytes that the release names or not at all', async () => {
  const { ref, manifest } = release('1.0.0', WEB);
  await target.deploy('blue', ref, manifest, context());
  const events: string[] = [];
  const supervisor = new Supervisor(target, (event) => events.push(event));
  const before = await pidOf('worker');
  process.kill(before, 'SIGKILL');
  await expect.poll(async () => (await target.observe('blue')).components[1]!.alive).toBe(false);
  await supervisor.look('blue');
  expect(await pidOf('worker')).not.toBe(before);
  expect(events).toEqual(['slot blue: worker had died and was started again']);

  await writeFile(join(dir, 'slots/blue/files/worker/worker.mjs'), `${WORKER}//`);
  expect(await target.observe('blue')).toMatchObject({ intact: false, tampered: ['worker/worker.mjs'] });
  process.kill(await pidOf('worker'), 'SIGKILL');
  await expect.poll(async () => (await target.observe('blue')).components[1]!.alive).toBe(false);
  await supervisor.look('blue', performance.now() + 5_000);
  expect(events.at(-1)).toMatch(/worker\/worker.mjs of 1.0.0 isn't what the release names; not started/);
  expect((await target.observe('blue')).components[1]!.alive).toBe(false);
});

test('a file that the release does not name keeps the component from starting, and so does a link', async () => {
  const { ref, manifest } = release('1.0.0', WEB);
  await target.deploy('blue', ref, manifest, context());
  const folder = join(dir, 'slots/blue/files/worker');
  for (const plant of [
    () => writeFile(join(folder, 'planted.mjs'), ''),
    () => symlink(join(folder, 'worker.mjs'), join(folder, 'planted.mjs')),
  ]) {
    await plant();
    expect(await target.observe('blue')).toMatchObject({ intact: false, tampered: ['worker/planted.mjs'] });
    await rm(join(folder, 'planted.mjs'));
  }
});

test('a manifest that is not the one of the release is neither deployed nor started again', async () => {
  const { ref, manifest } = release('1.0.0', WEB);
  const other = release('6.6.6', WEB).manifest;
  expect(await target.deploy('blue', ref, other, context())).toMatchObject({ ok: false, code: 'rejected' });
  await target.deploy('blue', ref, manifest, context());
  const path = join(dir, 'slots/blue/manifest.json');
  await writeFile(path, (await readFile(path, 'utf8')).replace('teal', 'mine'));
  expect(await target.observe('blue')).toMatchObject({ intact: false, tampered: ['manifest.json'] });
  expect(await target.ailment('blue')).toContain('manifest.json');
  const pids = [await pidOf('web'), await pidOf('worker')];
  process.kill(pids[0]!, 'SIGKILL');
  const events: string[] = [];
  await new Supervisor(target, (event) => events.push(event)).look('blue');
  expect(events).toEqual([expect.stringContaining('nothing is started there')]);
  // And yet everything in the slot is found and stopped.
  expect(await target.retire('blue', context())).toMatchObject({ ok: true, value: { phase: 'empty' } });
  expect(() => process.kill(pids[1]!, 0)).toThrow(/ESRCH/);
});

test('bytes that are not what the release names never start', async () => {
  const { ref, manifest } = release('1.0.0', WEB);
  const answer = await target.deploy('blue', ref, manifest, context({ blob: async () => Buffer.from('evil()') }));
  expect(answer).toMatchObject({ ok: false, code: 'rejected', why: expect.stringContaining('web/bin/web.mjs') });
  await expect(ask()).rejects.toThrow();
});

test('a component that ends while it starts fails the deploy and leaves the slot empty', async () => {
  const { ref, manifest } = release('1.0.1', WEB, BROKEN);
  expect(await target.deploy('blue', ref, manifest, context())).toMatchObject({
    ok: false,
    code: 'check-failed',
    why: expect.stringMatching(/worker ended while it started/),
  });
  expect((await target.observe('blue')).phase).toBe('empty');
});

test('the record that the supervisor starts from is private', async () => {
  const { ref, manifest } = release('1.0.0', WEB);
  await target.deploy('blue', ref, manifest, context());
  expect((await stat(join(dir, 'slots/blue/release.json'))).mode & 0o777).toBe(0o600);
});

test('one process holds a cell, and a name is held again once it is given up', async () => {
  const hold = await holdCell(dir);
  await expect(holdCell(dir)).rejects.toThrow(`pid ${process.pid}`);
  await hold.release();
  await (await holdCell(dir)).release();
});

test.each(['/etc/passwd', '../x', 'a/../../x', 'a//b', './a', 'a\\b', 'a\nb', '', 'a/..'])(
  'the file name %j is refused',
  (name) => {
    expect(staysInside(name)).toBe(false);
  },
);

let suiteDir: string;
afterAll(() => rm(suiteDir, { recursive: true, force: true }));
targetSuite('supervised processes', async () => {
  suiteDir = await mkdtemp(join(tmpdir(), 'headgate-process-'));
  await chmod(suiteDir, 0o755);
  const [blue, green] = (await freePorts(2)) as [number, number];
  const node = await reachableProgram(process.execPath, `node-${process.version}`, user);
  const blob = async (digest: Digest) => blobs.get(digest)!;
  return {
    target: new ProcessTarget(
      {
        cellDir: suiteDir,
        slots: { blue: { web: blue }, green: { web: green } },
        node,
        user,
        drainMs: 3_000,
        environment: async () => ({}),
      },
      new FenceFile(suiteDir),
    ),
    slot: 'blue',
    releases: [
      { ...release('1.0.0', WEB), blob },
      { ...release('1.1.0', WEB), blob },
    ],
  };
});
