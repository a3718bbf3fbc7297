/** PostgreSQL's own check: whether every index holds what its table holds, and every page is what it should be. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { findTools } from '../external-store/postgres-tools.ts';
import { runBounded } from '../program-run/bounded-run.ts';
import { type BroughtBack, environmentOf } from './brought-back.ts';

export interface AmcheckAsk {
  readonly copy: Pick<BroughtBack, 'url'>;
  readonly major: number;
  /** Folder of PostgreSQL's programs; without it they are looked for. */
  readonly toolsDir: string | undefined;
  readonly workDir: string;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

/** How pg_amcheck ends when it has found something. */
const FOUND = 2;
const MOST_PROBLEMS = 20;

/**
 * What it found, in its own words; `undefined`: there is no pg_amcheck on this machine. Throws when it couldn't do its work.
 * The extension that it needs is made in the copy.
 */
export async function amcheck(ask: AmcheckAsk): Promise<{ readonly problems: readonly string[] } | undefined> {
  const { copy, major, toolsDir, ...bounds } = ask;
  const dir = await findTools(major, toolsDir);
  const program = dir === undefined ? undefined : join(dir, 'pg_amcheck');
  if (program === undefined || !(await stat(program).catch(() => undefined))) return undefined;
  const thorough = ['--install-missing', '--heapallindexed', '--parent-check', '--jobs=2'];
  const ran = await runBounded({
    ...bounds,
    command: [program, ...thorough, `--database=${copy.url.database}`],
    environment: environmentOf(copy),
    user: undefined,
    secrets: [copy.url.password],
  });
  if (ran.exitCode === 0) return { problems: [] };
  if (ran.exitCode === FOUND) return { problems: problemsIn(ran.output) };
  const how = ran.ended === 'by-itself' ? `ended with ${ran.exitCode}` : `was stopped (${ran.ended})`;
  throw new Error(`pg_amcheck ${how}: ${ran.output.trim().slice(-400)}`);
}

/** A line that isn't indented names an object; what was found of it stands below. A warning names none, and precedes one that does. */
export function problemsIn(output: string): readonly string[] {
  const problems: string[] = [];
  for (const line of output.split('\n').filter((each) => !/^(WARNING:.*|\s*)$/.test(each))) {
    if (/^\s/.test(line) && problems.length > 0) problems.push(`${problems.pop()} ${line.trim()}`);
    else problems.push(line.trim());
  }
  const more = problems.length - MOST_PROBLEMS;
  const told = problems.slice(0, MOST_PROBLEMS).map((each) => each.slice(0, 300));
  if (more > 0) told.push(`and ${more} more`);
  return told.length > 0 ? told : ['it found something, and does not say what'];
}
