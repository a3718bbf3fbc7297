/** The pass under load as people read it. */
import { tookText } from '@headgate/domain/model/duration';
import { type Difference, differenceText } from '@headgate/domain/rehearsal/compare';
import type { RehearsalFacts } from '@headgate/domain/rehearsal/rehearsal';
import {
  type Felt,
  type HeldFacts,
  loadFailureText,
  rowsAstray,
  type UnderLoadFacts,
} from '@headgate/domain/rehearsal/under-load';

/** Of one kind, that are told. */
const TOLD = 10;

const number = (n: number): string => Math.round(n).toLocaleString('en-US');
const count = (n: number, one: string, many = `${one}s`): string => `${number(n)} ${n === 1 ? one : many}`;

export function underLoadLines({ underLoad }: RehearsalFacts): readonly string[] {
  if (underLoad === undefined) return [];
  const { old, verification, sessions, everyMs, attempts, seed, quiet, during, failures, held } = underLoad;
  const { calls, durationMs, lockTimeouts, deadlocks, stopped } = underLoad;
  return [
    '',
    `Under load: ${count(sessions, 'session')} at work with ${old.version} (${verification.name}, each at most every ${tookText(everyMs)}), ${count(attempts, 'attempt')} at a step, seed ${seed}`,
    ...interruptionLines(underLoad),
    `  ${count(calls, 'call')} of the runner in ${tookText(durationMs)}; ${count(lockTimeouts, 'lock timeout')}, ${count(deadlocks, 'deadlock')}`,
    `  before:    ${feltText(quiet)}`,
    `  meanwhile: ${held === undefined ? feltText(during) : turnedAwayText(during, held)}`,
    ...failures
      .slice(0, TOLD)
      .map((failure) => `    ${held === undefined ? 'FAILED' : 'GOT IN'} ${loadFailureText(failure)}`),
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

/** A tenant that is held: nobody of those who came should have got in. */
function turnedAwayText({ transactions, failed, longestMs }: Felt, { sessions }: HeldFacts): string {
  const through = transactions - failed;
  const got = through === 0 ? 'all turned away, since the tenant is held' : `${number(through)} carried out`;
  const took = longestMs === undefined ? '' : `; the longest waited ${tookText(longestMs)}`;
  return `${count(transactions, 'transaction')} tried, ${got}${took}; ${sessions === 0 ? 'nobody' : count(sessions, 'session')} of the application’s in its database`;
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

function endLines({ end, written, held }: UnderLoadFacts): string[] {
  if (end === undefined) return ['  What came of it was not compared.'];
  const { differences, tables } = end;
  const { lost, doubled } = rowsAstray(written);
  const rows = written.map(({ relation, each, found }) => `${relation} (${found}, ${each} a transaction)`);
  const same =
    held === undefined
      ? `  The schema, and ${count(tables, 'table')} that no session wrote, came out as undisturbed.`
      : `  The schema, the files and ${count(tables, 'table')} came out as undisturbed.`;
  return [
    ...differenceLines(differences, same, 'from the same migrations undisturbed'),
    ...(held === undefined
      ? [
          written.length === 0
            ? '  No table’s rows could be counted.'
            : `  Rows that sessions wrote: ${lost} lost, ${doubled} doubled; counted in ${rows.slice(0, TOLD).join(', ')}`,
        ]
      : restoredLines(held)),
  ];
}

function restoredLines({ restored }: HeldFacts): string[] {
  if (restored === undefined) return ['  Its restore point was not brought back after an upgrade that was ended.'];
  const { at, tookMs, differences } = restored;
  const when = `Its restore point came back in ${tookText(tookMs)}, while a report was open, after the upgrade was ended ${at}`;
  const same = `  ${when}: every object, every row and every file is as it was before.`;
  return differenceLines(differences, same, `from what it was: ${when}`);
}

function differenceLines(differences: readonly Difference[], same: string, from: string): string[] {
  if (differences.length === 0) return [same];
  return [
    `  ${count(differences.length, 'difference')} ${from}:`,
    ...differences.slice(0, TOLD).map((difference) => `    ${differenceText(difference)}`),
  ];
}
