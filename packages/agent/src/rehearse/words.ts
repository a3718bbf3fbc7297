/** A rehearsal as people read it: names, counts and durations, never a value. */

import { tookText } from '@headgate/domain/model/duration';
import { businessFailureText } from '@headgate/domain/rehearsal/business';
import { differenceText } from '@headgate/domain/rehearsal/compare';
import { planChangeText } from '@headgate/domain/rehearsal/plan-change';
import {
  judgeRehearsal,
  type Pass,
  type RehearsalFacts,
  type RehearsedStore,
  wayBackEnd,
} from '@headgate/domain/rehearsal/rehearsal';
import { lineText, othersWait, type TracedFile, type TracedStatement } from '@headgate/domain/rehearsal/trace';
import { underLoadLines } from './under-load-words.ts';

/** Differences and statements of one kind that are told. */
const TOLD = 10;

const number = (n: number): string => Math.round(n).toLocaleString('en-US');
const count = (n: number, one: string, many = `${one}s`): string => `${number(n)} ${n === 1 ? one : many}`;

function size(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  for (; value >= 1_000 && unit < units.length - 1; unit++) value /= 1_000;
  return unit === 0 ? `${Math.round(value)} bytes` : `${value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`;
}

/** `production, cell shared, store main`. */
export function storeText({ environment, cell, store }: RehearsedStore): string {
  return [environment, cell === undefined ? undefined : `cell ${cell}`, `store ${store}`].filter(Boolean).join(', ');
}

/** Everything that was seen, and what it comes to. `stallMs`: how long others may wait; undefined: their tenant is held. */
export function rehearsalLines(release: string, facts: RehearsalFacts, stallMs: number | undefined): readonly string[] {
  const { from, copy, schema, runner, passes, plans, missing } = facts;
  const origin = {
    'restore-point': `restore point ${copy.of}`,
    dump: `dump of ${copy.of}`,
    template: `copy of ${copy.of}`,
  }[copy.how];
  const taken = new Date(copy.takenAt).toISOString().replace(/\.\d+Z$/, 'Z');
  return [
    `Rehearsal of ${release} on a copy of ${storeText(from)}`,
    `  ${origin} of ${taken}: ${size(copy.bytes)}, ${count(copy.rows, 'row')}, usable after ${tookText(copy.readyMs)}, ${copy.maskedBy === undefined ? 'not masked' : 'masked'}`,
    `  PostgreSQL ${copy.server}; schema ${schema.from} to ${schema.to}; ${howText(runner, passes)}`,
    ...passes.flatMap((pass) => ['', ...passLines(pass, facts)]),
    ...(planLines(plans).length === 0 ? [] : ['', ...planLines(plans)]),
    ...businessLines(facts),
    ...underLoadLines(facts),
    ...(missing.length === 0 ? [] : ['', 'Not looked at:', ...missing.map((each) => `  ${each}`)]),
    '',
    ...closing(facts, stallMs),
  ];
}

function howText(runner: RehearsalFacts['runner'], passes: readonly Pass[]): string {
  if (passes.some(({ files }) => files.some(({ by }) => by === 'program'))) return 'by the application’s own program';
  return runner === 'headgate' ? 'each file in one transaction' : 'each statement as it stands';
}

const DIRECTIONS: Readonly<Record<Pass['direction'], string>> = {
  forward: 'Forward',
  back: 'Back',
  'forward-again': 'Forward again',
};

function passLines(pass: Pass, facts: RehearsalFacts): string[] {
  const { direction, durationMs, files, unwatched } = pass;
  const lines = [`${DIRECTIONS[direction]}: ${count(files.length, 'file')} in ${tookText(durationMs)}`];
  // What the same statements did is told once.
  for (const file of files) lines.push(...fileLines(file, direction === 'forward'));
  lines.push(...stallLines(pass));
  if (unwatched.length > 0) lines.push(`  nobody read or wrote meanwhile: ${unwatched.join(', ')}`);
  const what = direction === 'back' ? 'back' : 'again';
  const comparison = direction === 'forward' ? undefined : facts.comparisons.find((each) => each.what === what);
  if (comparison === undefined) return lines;
  const { differences } = comparison;
  if (differences.length === 0)
    lines.push(
      `  ${what === 'back' ? `${wholeText(files)} is as it was ${beforeText(facts)}.` : 'The same came of it as the first time.'}`,
    );
  else {
    const lossy = facts.migrations.slice(wayBackEnd(facts.migrations).end).flatMap(({ lossy: said }) => said ?? []);
    const declared = what === 'back' && lossy.length > 0 ? `, declared: ${lossy.join('; ')}` : '';
    lines.push(
      `  ${count(differences.length, 'difference')} from ${what === 'back' ? beforeText(facts) : 'the first time'}${declared}:`,
    );
    lines.push(...differences.slice(0, TOLD).map((each) => `    ${differenceText(each)}`));
    if (differences.length > TOLD) lines.push(`    and ${differences.length - TOLD} more (--json has them)`);
  }
  return lines;
}

/** Where the ways back lead: not to before all of them where one has none. */
function beforeText({ migrations }: Pick<RehearsalFacts, 'migrations'>): string {
  const { end } = wayBackEnd(migrations);
  const last = migrations[end - 1];
  return last === undefined
    ? 'before'
    : `at schema ${last.to}: from there on there is no way back, since ${last.id} has none`;
}

/** A restore point that was brought back has files beside its rows. */
function wholeText(files: Pass['files']): string {
  const restored = files.length > 0 && files.every(({ statements }) => statements.length === 0);
  return restored ? 'Every object, every row and every file' : 'Every object and every row';
}

function fileLines({ file, durationMs, commitMs, statements, failed }: TracedFile, whole: boolean): string[] {
  const commit = commitMs > 100 && commitMs > durationMs / 10 ? `, ${tookText(commitMs)} of it to commit` : '';
  const lines = [`  ${file}: ${tookText(durationMs)}${commit}`];
  if (whole) for (const statement of statements.filter(worthTelling)) lines.push(...statementLines(statement));
  if (failed !== undefined) lines.push(`    FAILED${lineText(failed)}: ${failed.why}`);
  return lines;
}

/** One that nobody notices isn't told; --json has it. */
function worthTelling({ durationMs, rewritten, emptied, scanned, locks, alone }: TracedStatement): boolean {
  const work = rewritten.length + emptied.length + scanned.length > 0;
  return work || alone || durationMs >= 100 || locks.some((lock) => othersWait(lock));
}

function statementLines(statement: TracedStatement): string[] {
  const { line, text, durationMs, alone, locks, rewritten, emptied, rebuilt, scanned, walBytes, tempBytes } = statement;
  const told = text.length > 90 ? `${text.slice(0, 90)} …` : text;
  const under = new Map<string, string[]>();
  for (const { relation, rows, under: lock } of scanned) {
    const key = lock.relation === relation ? lock.mode : `${lock.mode} on ${lock.relation}`;
    under.set(key, [...(under.get(key) ?? []), `${count(rows, 'row')} of ${relation}`]);
  }
  const facts = [
    ...locks
      .filter(othersWait)
      .map(
        ({ relation, mode, heldMs }) =>
          `${mode} on ${relation} for ${tookText(heldMs)}: ${mode === 'ACCESS EXCLUSIVE' ? 'nobody could read or write it' : 'nobody could write it'}`,
      ),
    ...(rewritten.length === 0 ? [] : [`written again: ${rewritten.join(', ')}`]),
    ...(emptied.length === 0 ? [] : [`emptied: ${emptied.join(', ')}`]),
    ...(rebuilt.length === 0 ? [] : [`built again: ${rebuilt.join(', ')}`]),
    ...[...under].map(([lock, rows]) => `read under ${lock}: ${rows.join(', ')}`),
  ];
  const temp = tempBytes === undefined || tempBytes === 0 ? '' : `, ${size(tempBytes)} of temporary files`;
  return [
    `    ${line > 0 ? `line ${line}: ` : ''}${told}`,
    `      ${tookText(durationMs)}${alone && line > 0 ? ', outside of a transaction' : ''}, ${size(walBytes)} of WAL${temp}`,
    ...facts.map((each) => `      ${each}`),
  ];
}

/** Below it nobody notices. Milliseconds. */
const NOTICED_MS = 20;

function stallLines({ stalls, direction }: Pass): string[] {
  if (stalls.length === 0) return [];
  const felt = stalls
    .map((stall) => ({ ...stall, longest: Math.max(stall.readersMs ?? 0, stall.writersMs ?? 0) }))
    .sort((a, b) => b.longest - a.longest);
  const noticed = felt.filter(({ longest }) => longest >= NOTICED_MS);
  if (noticed.length === 0)
    return [
      `  Beside it ${count(stalls.length, 'table was', 'tables were')} read and written, and nobody waited for ${NOTICED_MS} ms.`,
    ];
  const each = (ms: number | undefined, who: string): string =>
    `${who} ${ms === undefined ? 'not known' : tookText(ms)}`;
  return [
    `  Others waited${direction === 'forward' ? ' (the longest of those who read and wrote meanwhile)' : ''}:`,
    ...noticed
      .slice(0, TOLD)
      .map(
        ({ relation, readersMs, writersMs }) =>
          `    ${relation}: ${each(readersMs, 'readers')}, ${each(writersMs, 'writers')}`,
      ),
  ];
}

function planLines({ compared, changes, source }: RehearsalFacts['plans']): string[] {
  if (source === 'none' || (compared === 0 && changes.length === 0)) return [];
  const where = source === 'file' ? 'the file' : 'pg_stat_statements';
  if (changes.length === 0) return [`Plans: ${count(compared, 'statement')} of ${where} compared, none is worse.`];
  return [
    `Plans: ${count(compared, 'statement')} of ${where} compared, worse are`,
    ...[...new Set(changes.map((change) => change.text))]
      .slice(0, TOLD)
      .flatMap((text) => [
        `  ${text.replace(/\s+/g, ' ').slice(0, 90)}`,
        ...changes.filter((change) => change.text === text).map((change) => `    ${planChangeText(change)}`),
      ]),
  ];
}

function businessLines({ business, schema }: RehearsalFacts): string[] {
  if (business === undefined) return [];
  const { verification, runs } = business;
  return [
    '',
    `Business transactions (${verification.name}), on the copy at schema ${schema.to}`,
    ...runs.flatMap(({ which, release, components, readyMs, durationMs, tenants, transactions, failures }) => [
      `  ${which} version ${release.version} (${components.join(', ')})${readyMs === undefined ? '' : `, ready after ${tookText(readyMs)}`}:`,
      ...(failures.length === 0
        ? [
            `    ${count(transactions, 'transaction')} of ${count(tenants, 'tenant')} went well in ${tookText(durationMs)}`,
          ]
        : []),
      ...failures.slice(0, TOLD).map((failure) => `    FAILED ${businessFailureText(failure)}`),
      ...(failures.length > TOLD ? [`    and ${failures.length - TOLD} more (--json has them)`] : []),
      ...(failures.length > 0 && transactions > 0 ? [`    ${count(transactions, 'other')} went well`] : []),
    ]),
  ];
}

/** Where not all have a way back it begins with the last, and ends at the first that has none. */
function noWayBack({ migrations, comparisons }: RehearsalFacts): string {
  const without = migrations.filter(({ down }) => down === undefined).map(({ id }) => id);
  if (without.length === migrations.length) return 'going back is not a migration';
  if (comparisons.some(({ what }) => what === 'back')) return `the way back leads ${beforeText({ migrations })}`;
  return `the ways back that there are were NOT run, since ${without.join(', ')} ${without.length === 1 ? 'has' : 'have'} none`;
}

function closing(facts: RehearsalFacts, stallMs: number | undefined): string[] {
  const { ok, because, longestStallMs, durationMs, wayBack } = judgeRehearsal(facts);
  if (!ok) return ['It did NOT go well:', ...because.map((each) => `  ${each}`)];
  const ways = {
    equal: 'the way back leads to the same schema and rows',
    'declared-lossy': 'the way back loses data, as it says itself',
    none: `${noWayBack(facts)}: the release keeps the schema, or restores`,
    different: '',
    'not-reached': 'the way back was not run',
  };
  const felt =
    longestStallMs === undefined
      ? 'it isn’t known how long others wait'
      : `others wait for at most ${tookText(longestStallMs)}`;
  const promise = `Production is promised ${tookText(durationMs)}; ${felt}; ${ways[wayBack]}.`;
  if (stallMs === undefined)
    return ['It went well.', `${promise} The tenant is held meanwhile, so that only logins of its own can wait.`];
  const long = longestStallMs === undefined || longestStallMs > stallMs;
  return long
    ? [`It went well, and others wait too long: ${tookText(stallMs)} are allowed (--stall).`, promise]
    : ['It went well.', promise];
}
