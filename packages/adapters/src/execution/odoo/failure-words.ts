import type { FailureCode } from '@headgate/domain';
import type { RunResult } from '../program-run/bounded-run.ts';
import { holderInWords, type LockHolder } from './lock-holders.ts';

export interface UpgradeFailure {
  readonly run: RunResult;
  /** Who was seen holding a lock that the upgrade waited for. */
  readonly holders: readonly LockHolder[];
  /** What the database says afterwards: versions that aren't right, modules half done. */
  readonly drift: readonly string[];
}

const END_IT = "end that work, or upgrade when it doesn't run";

/**
 * Why an upgrade failed, in words for who administers Odoo. Read from what Odoo printed, which is bounded and masked;
 * the most particular reason wins.
 */
export function upgradeFailure({ run, holders, drift }: UpgradeFailure): { code: FailureCode; why: string } {
  const { output } = run;
  const waited = holders.map(holderInWords).join('; ');
  const full = /No space left on device|could not extend file|could not write to file|Disk quota exceeded/i.test(
    output,
  );
  if (full)
    return { code: 'rejected', why: 'the disk is full: make room for the database and its files, then try again' };
  if (/LockNotAvailable|lock timeout/i.test(output)) {
    const who = waited === '' ? 'a session that has ended since' : waited;
    const why = `the upgrade waited in vain for a lock held by ${who}; ${END_IT}`;
    return { code: 'transient', why };
  }
  if (run.ended === 'deadline' || run.ended === 'aborted') {
    const why = `the upgrade didn't end within ${Math.round(run.durationMs / 1_000)} s and was stopped${at(output)}`;
    const waiting = `it waited for a lock held by ${waited}; ${END_IT}`;
    return { code: 'expired', why: waited === '' ? why : `${why}; ${waiting}` };
  }
  if (run.ended === 'killed') {
    return { code: 'transient', why: `Odoo's upgrade process was ended from outside${at(output)}` };
  }
  const missing = /Some modules (?:are not loaded|have inconsistent states)[^:]*: (\[[^\]]*\])/.exec(output)?.[1];
  if (missing) {
    return {
      code: 'rejected',
      why: `modules weren't loaded since something that they depend on is missing: ${missing}`,
    };
  }
  if (/terminating connection|connection .*(?:closed|refused|reset)|permission denied for database/i.test(output)) {
    return { code: 'transient', why: `the database ended the upgrade's session${at(output)}` };
  }
  const error = lastError(output);
  if (error !== undefined) return { code: 'rejected', why: `Odoo's upgrade failed${at(output)}: ${error}` };
  if (drift.length > 0) return { code: 'rejected', why: `Odoo ended, and ${drift.join('; ')}` };
  return { code: 'rejected', why: `Odoo's upgrade ended with ${run.exitCode}${at(output)}` };
}

/** Which module, or which migration script of it, it was at. */
function at(output: string): string {
  const module = lastMatch(output, /Loading module (\w+) \(/g);
  const script = lastMatch(output, /module \w+: Running migration \[[^\]]*\] ([\w-]+)/g);
  if (module === undefined) return '';
  return script === undefined ? ` at the module ${module}` : ` at the module ${module}, after its migration ${script}`;
}

/** The last line of the first traceback's innermost error: what Python says went wrong. At most 300 characters. */
function lastError(output: string): string | undefined {
  const traceback = output.lastIndexOf('Traceback (most recent call last):');
  if (traceback < 0) return undefined;
  const line = output
    .slice(traceback)
    .split('\n')
    .slice(1)
    .find((each) => /^[A-Za-z_][\w.]*(?:Error|Exception|Warning|Interrupt|\w+)?(?:: |$)/.test(each));
  return line?.slice(0, 300);
}

function lastMatch(text: string, pattern: RegExp): string | undefined {
  return [...text.matchAll(pattern)].at(-1)?.[1];
}
