/** Evidence from a real run: the command is run as it stands, and what it did is signed, be it green or red. */
import { spawn } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { type Client, MAX_BLOB_BYTES } from '@headgate/contract';
import {
  digestOf,
  MAX_JUNIT_BYTES,
  readJunit,
  type SigningKey,
  signStatement,
  type TestNames,
  testResultStatement,
} from '@headgate/documents';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';

type Digest = `sha256:${string}`;

export interface TestRunRequest {
  /** `psa@1.1.0`, for people. */
  readonly release: string;
  readonly subject: Digest;
  /** Argument vector; never a shell's. */
  readonly command: readonly string[];
  readonly cwd: string;
  /** The report that the run writes, from which tests are counted; without it none count. */
  readonly junit?: string | undefined;
  /** Hears the run's output as it comes. */
  readonly onOutput?: (chunk: Uint8Array) => void;
}

export interface AttachedRun {
  readonly evidence: Digest;
  readonly exitCode: number;
  readonly log: Digest;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Most of a run's output that is kept. */
const MAX_LOG_BYTES = Math.min(16 * 1024 * 1024, MAX_BLOB_BYTES);

/** Runs the command, uploads its log, signs what happened and attaches it to the release. */
export async function attachTestRun(client: Client, key: SigningKey, request: TestRunRequest): Promise<AttachedRun> {
  const { release, subject, command, cwd } = request;
  const startedAt = Date.now();
  const { exitCode, output } = await runCommand(command, cwd, request.onOutput);
  const tests =
    request.junit === undefined ? { passed: [], failed: [], skipped: [] } : await report(request.junit, startedAt);
  const log = digestOf(output);
  await client.call('putBlob', { digest: log, body: output });
  const statement = testResultStatement({ release, subject, command, exitCode, log, tests });
  const bundle = signStatement(statement, key) as unknown as Record<string, unknown>;
  const { digest } = await client.call('attachEvidence', { body: { bundle } });
  const { passed, failed, skipped } = tests;
  return { evidence: digest, exitCode, log, passed: passed.length, failed: failed.length, skipped: skipped.length };
}

async function runCommand(
  command: readonly string[],
  cwd: string,
  onOutput: ((chunk: Uint8Array) => void) | undefined,
): Promise<{ exitCode: number; output: Buffer }> {
  const [program, ...args] = command;
  if (program === undefined) throw new Failure(EXIT.usage, 'usage', '--run needs a command behind --');
  const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const chunks: Buffer[] = [];
  let size = 0;
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      onOutput?.(chunk);
      if (size < MAX_LOG_BYTES) chunks.push(chunk.subarray(0, MAX_LOG_BYTES - size));
      size += chunk.length;
    });
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.once('error', (error) =>
      reject(new Failure(EXIT.usage, 'not-started', `${program} could not be started: ${error.message}`)),
    );
    // A run that a signal ended did not pass: as shells do, 128 and above.
    child.once('close', (code) => resolve(code ?? 128));
  });
  return { exitCode, output: Buffer.concat(chunks) };
}

/** The report that this run wrote: one from before it would prove another run. */
async function report(file: string, startedAt: number): Promise<TestNames> {
  const facts = await stat(file).catch(() => undefined);
  if (facts === undefined) throw new Failure(EXIT.refused, 'no-report', `the run wrote no report ${file}`);
  if (facts.size > MAX_JUNIT_BYTES) throw new Failure(EXIT.refused, 'junit-malformed', `${file} is too large`);
  if (facts.mtimeMs < startedAt - 2_000)
    throw new Failure(EXIT.refused, 'old-report', `${file} is older than this run`, 'have the run write it');
  const read = readJunit(await readFile(file));
  if (!read.ok) throw new Failure(EXIT.refused, read.code, `${file}: ${read.why}`, read.unblock);
  return read.tests;
}
