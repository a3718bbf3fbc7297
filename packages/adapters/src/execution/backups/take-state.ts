/** Takes Terraform's state, from its file or from the program that prints it. Nothing of what it holds is ever told. */
import { constants } from 'node:fs';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readTerraformState } from '@headgate/documents';
import { stateSum } from '@headgate/documents/backups/terraform-state';
import type { StatePromise } from '@headgate/domain';
import { secretOf } from '../object-store/open-object-store.ts';
import { type RunResult, runBounded } from '../program-run/bounded-run.ts';
import type { StateSource } from './backup-config.ts';
import { BackupTrouble } from './trouble.ts';

/** The state's name in a backup: as Terraform calls it. */
export const STATE = 'terraform.tfstate';

export interface StateRuns {
  readonly source: StateSource;
  /** A folder of our own. */
  readonly dir: string;
  readonly timeoutMs: number;
  readonly mostBytes: number;
  readonly signal: AbortSignal;
  readonly yields: boolean;
}

export interface AskedState {
  readonly state: StatePromise;
  /** Of its content: a secret, as what it is of. */
  readonly sum: string;
}

/** Reads it, as it is now. Throws {@link BackupTrouble} where it can't be had, or isn't a state. */
export async function askedState(runs: StateRuns): Promise<AskedState & { readonly bytes: Buffer }> {
  const { state: file, command } = runs.source;
  const bytes = file === undefined ? await printed(runs, command ?? []) : await readBoundedFile(file, runs.mostBytes);
  return { bytes, state: stateIn(bytes), sum: stateSum(bytes.toString('utf8')) };
}

/** Takes it into `dir`, a folder. */
export async function takeState(runs: StateRuns, dir: string): Promise<AskedState> {
  const { bytes, ...asked } = await askedState(runs);
  await writeFile(join(dir, STATE), bytes, { mode: 0o600, flag: 'wx', flush: true });
  return asked;
}

/** What is seen of a state that was laid out in `dir`. */
export async function readState(dir: string, mostBytes: number): Promise<StatePromise> {
  return stateIn(await readBoundedFile(join(dir, STATE), mostBytes));
}

/** How many resources `terraform show` finds in a state that lies in `dir`. */
export async function shownResources(runs: StateRuns, show: readonly string[], dir: string): Promise<number> {
  const bytes = await printed(runs, [...show, 'show', '-json', '-no-color', join(dir, STATE)]);
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new BackupTrouble(`${show[0]} show -json printed no JSON`);
  }
  const root = (value as { values?: { root_module?: unknown } } | null)?.values?.root_module;
  return countIn(root, 0);
}

const MOST_DEPTH = 100;

function countIn(module: unknown, depth: number): number {
  if (typeof module !== 'object' || module === null || depth > MOST_DEPTH) return 0;
  const { resources, child_modules: children } = module as { resources?: unknown; child_modules?: unknown };
  const below = Array.isArray(children) ? children.reduce((sum: number, each) => sum + countIn(each, depth + 1), 0) : 0;
  return (Array.isArray(resources) ? resources.length : 0) + below;
}

function stateIn(bytes: Buffer): StatePromise {
  const read = readTerraformState(bytes.toString('utf8'));
  if (read.ok) return read.state;
  throw new BackupTrouble(`${read.why}${read.unblock === '' ? '' : `; to unblock: ${read.unblock}`}`);
}

/** A program's standard output. What else it says isn't told: it may quote the state. */
async function printed(runs: StateRuns, command: readonly string[]): Promise<Buffer> {
  const { source, dir, timeoutMs, mostBytes, signal, yields } = runs;
  const environment: Record<string, string> = {};
  for (const [name, from] of Object.entries(source.environment))
    environment[name] = await secretOf(from).catch((error: Error) => {
      throw new BackupTrouble(`${name} of its environment can't be read: ${error.message}`);
    });
  const run: RunResult = await runBounded({
    command,
    environment: {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      HOME: dir,
      LC_ALL: 'C',
      TF_IN_AUTOMATION: '1',
      TF_INPUT: '0',
      CHECKPOINT_DISABLE: '1',
      ...environment,
    },
    workDir: join(dir, 'run'),
    ...(source.dir !== undefined && { cwd: source.dir }),
    user: undefined,
    yields,
    deadlineMs: timeoutMs,
    graceMs: 5_000,
    signal,
    secrets: Object.values(environment),
    wholeBytes: mostBytes,
    maxOutputBytes: 1_024,
  }).catch((error: Error) => {
    throw new BackupTrouble(`${command[0]} can't be started: ${error.message}`);
  });
  signal.throwIfAborted();
  const program = command.slice(0, 3).join(' ');
  if (run.ended === 'too-much') throw new BackupTrouble(tooLarge(mostBytes));
  if (run.ended === 'deadline')
    throw new BackupTrouble(`${program} wasn't at its end after ${timeoutMs / 1_000} s; to give it longer: timeoutMs`);
  if (run.exitCode !== 0)
    throw new BackupTrouble(
      `${program} ended with ${run.exitCode ?? run.ended}; what it says isn't kept, since it may quote the state: run it by hand${source.dir === undefined ? '' : ` in ${source.dir}`}`,
    );
  return run.whole ?? Buffer.alloc(0);
}

async function readBoundedFile(path: string, most: number): Promise<Buffer> {
  // A pipe that nobody writes to would be waited for.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: NodeJS.ErrnoException) => {
    throw new BackupTrouble(`${path} can't be read (${error.code})`);
  });
  try {
    const facts = await file.stat();
    if (!facts.isFile()) throw new BackupTrouble(`${path} is no file`);
    if (facts.size > most) throw new BackupTrouble(tooLarge(most));
    const bytes = Buffer.alloc(facts.size + 1);
    let size = 0;
    for (;;) {
      const { bytesRead } = await file.read(bytes, size, bytes.length - size, size);
      size += bytesRead;
      if (bytesRead === 0) break;
      if (size === bytes.length) throw new BackupTrouble(`${path} grew while it was read: ask again`);
    }
    return bytes.subarray(0, size);
  } finally {
    await file.close();
  }
}

function tooLarge(most: number): string {
  return `it is larger than ${Math.round(most / 1024 / 1024)} MiB; to take it: a larger maxMiB`;
}
