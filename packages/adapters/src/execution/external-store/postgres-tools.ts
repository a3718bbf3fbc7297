import { execFile } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { runBounded } from '../program-run/bounded-run.ts';
import { type ConnectionUrl, toolEnvironment } from './connection-url.ts';

const run = promisify(execFile);

/** Where distributions put PostgreSQL's programs, a folder for each major version. */
const HOMES = ['/usr/lib/postgresql', '/usr/pgsql', '/opt/postgresql'];

/**
 * The folder of pg_dump and pg_restore for a server: the given one, else the newest installed that isn't older than the
 * server (an older pg_dump refuses a newer server). `undefined`: there is none.
 */
export async function findTools(major: number, given: string | undefined): Promise<string | undefined> {
  const candidates = given === undefined ? await installed() : [given];
  const known: { readonly dir: string; readonly version: number }[] = [];
  for (const dir of candidates) {
    if (!(await stat(join(dir, 'pg_restore')).catch(() => undefined))) continue;
    const { stdout } = await run(join(dir, 'pg_dump'), ['--version'], { timeout: 5_000 }).catch(() => ({ stdout: '' }));
    const version = Number(/ (\d+)/.exec(stdout)?.[1] ?? 0);
    if (version >= major) known.push({ dir, version });
  }
  return known.sort((a, b) => a.version - b.version)[0]?.dir;
}

async function installed(): Promise<readonly string[]> {
  const found: string[] = [];
  for (const home of HOMES) for (const name of await readdir(home).catch(() => [])) found.push(join(home, name, 'bin'));
  return [...found, '/usr/bin', '/usr/local/bin'];
}

export interface ToolRun {
  readonly toolsDir: string;
  readonly program: 'pg_dump' | 'pg_restore';
  readonly args: readonly string[];
  readonly url: ConnectionUrl;
  readonly workDir: string;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

/** Runs one of them to its end, its password in its environment alone and masked in what it says. Throws when it fails. */
export async function runTool({ toolsDir, program, args, url, ...bounds }: ToolRun): Promise<string> {
  const ran = await runBounded({
    ...bounds,
    command: [join(toolsDir, program), ...args],
    environment: toolEnvironment(url),
    user: undefined,
    secrets: [url.password],
  });
  if (ran.exitCode === 0) return ran.output;
  const how = ran.ended === 'by-itself' ? `ended with ${ran.exitCode}` : `was stopped (${ran.ended})`;
  throw new Error(`${program} ${how}: ${ran.output.trim().slice(-800)}`);
}
