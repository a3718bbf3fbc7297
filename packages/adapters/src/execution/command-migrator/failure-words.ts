import { stripVTControlCharacters } from 'node:util';
import type { FailureCode } from '@headgate/domain';
import type { RunResult } from '../program-run/bounded-run.ts';
import { holderInWords, type LockHolder } from '../store/lock-holders.ts';
import { inWords } from './judge.ts';
import type { Said } from './version-query.ts';

export interface CommandFailure {
  readonly run: RunResult;
  /** Who was seen holding a lock that the program waited for. */
  readonly holders: readonly LockHolder[];
  /** What the version query says afterwards, and should have said. */
  readonly said: Said;
  readonly goal: string | null;
}

/** Why a command failed, for who runs the application: what it was about, then its own last words, which are masked. */
export function commandFailure({ run, holders, said, goal }: CommandFailure): { code: FailureCode; why: string } {
  const words = lastWords(run.output);
  const last = words === '' ? '; it said nothing' : `; it said: ${words}`;
  const waited = holders.map(holderInWords).join('; ');
  const now = said.kind === 'unclear' ? said.why : `the application says ${inWords(said.answer)}`;
  const seconds = `${Math.round(run.durationMs / 1_000)} s`;
  if (/No space left on device|could not extend file|could not write to file|Disk quota exceeded/i.test(run.output))
    return { code: 'rejected', why: `the disk is full: make room, then try again (${now})` };
  if (run.ended === 'deadline' || run.ended === 'aborted') {
    const why =
      run.ended === 'deadline'
        ? `the command didn't end in its time and was stopped after ${seconds}`
        : `the command was stopped after ${seconds}, since its assignment was taken back`;
    return { code: 'expired', why: `${why}; ${waited === '' ? now : `it waited for ${waited}; ${now}`}${last}` };
  }
  if (/lock timeout|LockNotAvailable|55P03/i.test(run.output)) {
    const who = waited === '' ? 'a session that has ended since' : waited;
    return { code: 'transient', why: `the command waited in vain for a lock held by ${who}; ${now}` };
  }
  if (run.ended === 'killed') return { code: 'transient', why: `the command was ended from outside; ${now}${last}` };
  if (run.exitCode !== 0) {
    const reached = said.kind === 'version' && said.answer === goal ? ', although the version is reached' : '';
    return { code: 'rejected', why: `the command failed (exit code ${run.exitCode})${reached}; ${now}${last}` };
  }
  return { code: 'rejected', why: `the command ended well, but ${now} where ${inWords(goal)} was expected${last}` };
}

/** What people make of a frame of a stack: nothing. And PostgreSQL's details quote customers' rows. */
const NO_WORDS = /^\s*(at |\.\.\. \d+ more|File "|DETAIL:|CONTEXT:|Failing row|\^+$|During handling of)/;

/** What a program's error begins with: `ValueError: …`, `Caused by: java.sql.SQLException: …`, `ERROR: …`, `fatal: …`. */
const HEADLINE = /^(Caused by: )?([\w.$]*(Error|Exception|Warning)|error|fatal)( \[\w+\])?: ./i;

/** The last error that it named, else the last lines that say something; at most 240 characters. */
export function lastWords(output: string): string {
  const lines = stripVTControlCharacters(output)
    .split(/[\r\n]+/)
    .filter((line) => line.trim() !== '' && !NO_WORDS.test(line))
    .map((line) =>
      [...line]
        .map((each) => (each < ' ' || each === '\x7f' ? ' ' : each))
        .join('')
        .trim(),
    );
  const headline = lines.findLast((line) => HEADLINE.test(line));
  return headline ? headline.slice(0, 240) : lines.slice(-3).join(' | ').slice(-240);
}
