import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from '@headgate/contract';
import {
  digestOf,
  readJunit,
  sealRelease,
  signStatement,
  type TestResultContent,
  testResultStatement,
} from '@headgate/documents';
import type { Digest, ReleaseManifest, ReleaseRef } from '@headgate/domain';
import { type PsaVersion, psaManifest } from '../build.ts';
import { testCommand } from '../release-tests.ts';
import type { RunningSystem, World } from './world.ts';

/** Builds a release of the example, and registers it. */
export async function createRelease(world: World, version: PsaVersion): Promise<ReleaseRef> {
  return registerRelease(world, await psaManifest(version));
}

/** What a CI system does with a built release: sign, upload, register. The digest is the release's name from here on. */
export async function registerRelease<S extends RunningSystem>(
  world: World<S>,
  built: { readonly manifest: ReleaseManifest; readonly files: ReadonlyMap<Digest, Uint8Array> },
): Promise<ReleaseRef> {
  const developer = await world.client('developer');
  const { manifest, files } = built;
  const { version } = manifest;
  for (const [digest, bytes] of files) await developer.call('putBlob', { digest, body: bytes });
  const sealed = sealRelease(manifest, world.key, Date.now());
  if (!('bundle' in sealed)) throw new Error(`release ${version}: ${sealed.why}`);
  const body = { manifest: sealed.bytes.toString('utf8'), bundle: sealed.bundle as unknown as Record<string, unknown> };
  const registered = await developer.call('registerRelease', { body });
  return registered.ref as ReleaseRef;
}

export interface TestRun {
  readonly passed: number;
  readonly exitCode: number;
}

/** Really runs the release's own tests, and attaches what they said as signed evidence: green or red. */
export async function attachTests(world: World, developer: Client, release: ReleaseRef): Promise<TestRun> {
  const folder = await mkdtemp(join(tmpdir(), 'headgate-tests-'));
  try {
    const report = join(folder, 'junit.xml');
    const command = testCommand(release.version as PsaVersion, report);
    const [program, ...args] = command as [string, ...string[]];
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const output: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => output.push(chunk));
    const [code] = (await once(child, 'close')) as [number | null];
    const log = Buffer.concat(output);
    const junit = readJunit(await readFile(report, 'utf8'));
    if (!junit.ok) throw new Error(`the test report of ${release.version}: ${junit.why}`);
    const exitCode = code ?? -1;
    await attachResult(world, developer, `psa@${release.version}`, release, log, {
      command,
      exitCode,
      tests: junit.tests,
    });
    return { passed: junit.tests.passed.length, exitCode };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Keeps the log of a run of tests and attaches its result, signed. */
export async function attachResult<S extends RunningSystem>(
  world: World<S>,
  developer: Client,
  name: string,
  release: ReleaseRef,
  log: Uint8Array,
  run: Pick<TestResultContent, 'command' | 'exitCode' | 'tests'>,
): Promise<void> {
  const logDigest = digestOf(log);
  await developer.call('putBlob', { digest: logDigest, body: log });
  const statement = testResultStatement({ release: name, subject: release.digest, log: logDigest, ...run });
  const bundle = signStatement(statement, world.key) as unknown as Record<string, unknown>;
  await developer.call('attachEvidence', { body: { bundle } });
}
