/**
 * Asks npm's advisories about every package of the lockfile, and says one line: clean, so many advisories (exit code 1), or
 * not checked, where no registry answers that question. Not checked is never clean.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { env, exit, stdout } from 'node:process';

const ROOT = join(import.meta.dirname, '..');

export type Audit =
  | { readonly kind: 'clean'; readonly packages: number }
  | { readonly kind: 'advisories'; readonly count: number; readonly packages: readonly string[] }
  | { readonly kind: 'not-checked'; readonly why: string };

interface Report {
  readonly vulnerabilities?: Readonly<Record<string, { readonly via?: readonly unknown[] }>>;
  readonly metadata?: { readonly dependencies?: { readonly total?: number } };
}

/** What `npm audit --json` said. Whatever isn't a whole report is "not checked". */
export function auditOf(said: string): Audit {
  let report: Report;
  try {
    report = JSON.parse(said) as Report;
  } catch {
    return { kind: 'not-checked', why: 'npm gave no report' };
  }
  const total = report.metadata?.dependencies?.total;
  if (report.vulnerabilities === undefined || total === undefined)
    return { kind: 'not-checked', why: 'the registry gave no advisories' };
  // A report about nothing is none either.
  if (total === 0) return { kind: 'not-checked', why: 'npm looked at no package' };
  const packages = Object.keys(report.vulnerabilities).sort();
  const advisories = new Set(
    Object.values(report.vulnerabilities).flatMap(({ via = [] }) =>
      via.flatMap((each) =>
        typeof each === 'object' && each !== null ? [String((each as { source?: unknown }).source)] : [],
      ),
    ),
  );
  if (packages.length === 0) return { kind: 'clean', packages: total };
  return { kind: 'advisories', count: Math.max(1, advisories.size), packages };
}

export function lineOf(audit: Audit): string {
  if (audit.kind === 'clean') return `dependency audit: clean (${audit.packages} packages)`;
  if (audit.kind === 'not-checked') return `dependency audit: not checked: ${audit.why}`;
  return `dependency audit: ${audit.count} advisories, about ${audit.packages.join(', ')}`;
}

/** Runs npm on a folder with a lockfile. */
export async function audit(folder = ROOT, environment: NodeJS.ProcessEnv = env): Promise<Audit> {
  const child = spawn('npm', ['audit', '--json', '--package-lock-only'], {
    cwd: folder,
    env: environment,
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: 120_000,
  });
  let said = '';
  for await (const chunk of child.stdout) said += chunk;
  return auditOf(said);
}

if (import.meta.main) {
  const found = await audit();
  stdout.write(`${lineOf(found)}\n`);
  exit(found.kind === 'advisories' ? 1 : 0);
}
