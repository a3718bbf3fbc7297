/** The pass under load as people read it. */
import { tookText } from '@headgate/domain/model/duration';
import { differenceText } from '@headgate/domain/rehearsal/compare';
import type { RehearsalFacts } from '@headgate/domain/rehearsal/rehearsal';
import { type Felt, loadFailureText, rowsAstray, type UnderLoadFacts } from '@headgate/domain/rehearsal/under-load';

/** Of one kind, that are told. */
const TOLD = 10;

const count = (n: number, one: string, many = `${one}s`): string =>
  `${Math.round(n).toLocaleString('en-US')} ${n === 1 ? one : many}`;

export function underLoadLines({ underLoad }: RehearsalFacts): readonly string[] {
  if (underLoad === undefined) return [];
  const { old, verification, sessions, everyMs, attempts, seed, quiet, during, failures } = underLoad;
  const { calls, durationMs, lockTimeouts, deadlocks, stopped } = underLoad;
  return [
    '',
    `Under load: ${count(sessions, 'session')} at work with ${old.version} (${verification.name}, each at most every ${tookText(everyMs)}), ${count(attempts, 'attempt')} at a step, seed ${seed}`,
    ...interruptionLines(underLoad),
    `  ${count(calls, 'call')} of the runner in ${tookText(durationMs)}; ${count(lockTimeouts, 'lock timeout')}, ${count(deadlocks, 'deadlock')}`,
    `  before:    ${feltText(quiet)}`,
    `  meanwhile: ${feltText(during)}`,
    ...failures.slice(0, TOLD).map((failure) => `    FAILED ${loadFailureText(failure)}`),
    ...(failures.length > TOLD ? [`    and ${failures.length - TOLD} more (--json has them)`] : []),
    ...waitLines(underLoad),
    ...(stopped === undefined ? endLines(underLoad) : [`  STOPPED: ${stopped}`]),
  ];
}

function interruptionLines({ interruptions }: UnderLoadFacts): string[] {
  const files = [...new Set(interruptions.map(({ file }) => file))];
  return files.flatMap((file) => [
    `  ${file} was interrupted`,
    ...interruptions
      .filter((each) => each.file === file)
      .map(({ at, done, stood, expected }) => {
        if (!done) return `    not ${at}: it was over before`;
        const where =
          stood === expected ? `went on from schema ${stood}` : `STOOD at schema ${stood}, not at ${expected}`;
        return `    ${at}: ${where}`;
      }),
  ]);
}

function feltText({ transactions, failed, p95Ms, longestMs }: Felt): string {
  const took =
    p95Ms === undefined || longestMs === undefined
      ? ''
      : `, 95% of them within ${tookText(p95Ms)}, the longest took ${tookText(longestMs)}`;
  return `${count(transactions, 'transaction')}, ${failed === 0 ? 'none' : failed} failed${took}`;
}

/** Below it nobody notices. Milliseconds. */
const NOTICED_MS = 20;

function waitLines({ stalls }: UnderLoadFacts): string[] {
  const each = (ms: number | undefined, who: string): string =>
    `${who} ${ms === undefined ? 'not known' : tookText(ms)}`;
  const felt = stalls.filter(({ readersMs = 0, writersMs = 0 }) => Math.max(readersMs, writersMs) >= NOTICED_MS);
  if (felt.length === 0) return [];
  return [
    '  Others waited, those that queued behind it while somebody held what it needs included:',
    ...felt
      .slice(0, TOLD)
      .map(
        ({ relation, readersMs, writersMs }) =>
          `    ${relation}: ${each(readersMs, 'readers')}, ${each(writersMs, 'writers')}`,
      ),
  ];
}

function endLines({ end, written }: UnderLoadFacts): string[] {
  if (end === undefined) return ['  What came of it was not compared.'];
  const { differences, tables } = end;
  const { lost, doubled } = rowsAstray(written);
  const rows = written.map(({ relation, each, found }) => `${relation} (${found}, ${each} a transaction)`);
  return [
    ...(differences.length === 0
      ? [`  The schema, and ${count(tables, 'table')} that no session wrote, came out as undisturbed.`]
      : [
          `  ${count(differences.length, 'difference')} from the same migrations undisturbed:`,
          ...differences.slice(0, TOLD).map((difference) => `    ${differenceText(difference)}`),
        ]),
    written.length === 0
      ? '  No table’s rows could be counted.'
      : `  Rows that sessions wrote: ${lost} lost, ${doubled} doubled; counted in ${rows.slice(0, TOLD).join(', ')}`,
  ];
}
