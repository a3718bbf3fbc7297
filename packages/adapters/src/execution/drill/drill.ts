/** A restore drill: the story in the order in which it happens. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Trust } from '@headgate/documents';
import { compareCensus, type DrilledStore, type DrillFacts } from '@headgate/domain';
import type { ObjectStore } from '@headgate/execution';
import { readBack } from '../../machine/copy-tree.ts';
import { closedFolder } from '../../machine/reachable.ts';
import { findPrograms } from '../../postgres-cluster/programs.ts';
import { holdMoment } from '../census/count-rows.ts';
import { PROGRAMS, sweepClusters, throwAwayFolder } from '../rehearsal/throw-away-cluster.ts';
import { type ContentFile, kindOf } from '../vault/point-contents.ts';
import { amcheck } from './amcheck.ts';
import { chosenBackup } from './backup-to-drill.ts';
import type { BroughtBack } from './brought-back.ts';
import { isOurs, LogHasGap } from './in-our-words.ts';
import type { PointToDrill } from './point-to-drill.ts';
import { chosenInVault } from './sealed-to-drill.ts';
import type { StoreToDrill } from './store-to-drill.ts';
import { runTransactions } from './transactions.ts';

export interface DrillAsk {
  readonly from: DrilledStore;
  readonly of: StoreToDrill;
  readonly vault: ObjectStore;
  readonly trust: Pick<Trust, 'signers'>;
  /** age's, secret. */
  readonly identities: readonly string[];
  /** Absent: the newest restore point. */
  readonly id?: string | undefined;
  /** Between two restore points, where they are taken by schedule. Milliseconds. */
  readonly everyMs?: number | undefined;
  /** Between two rounds that bring its log to the vault. Milliseconds. */
  readonly walEveryMs?: number | undefined;
  readonly transactions?: { readonly command: readonly string[]; readonly timeoutMs: number } | undefined;
  /** Folder for what is thrown away; what killed drills left in it goes first. */
  readonly workDir: string;
  /** For each part of it: to bring the store back, to check it. Milliseconds. */
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
  readonly now: () => number;
  readonly say: (line: string) => void;
  /** What broke, in others' words, which may hold what customers wrote: for a person on this machine, and for nobody else. */
  readonly detail?: (words: string) => void;
}

type Draft = { -readonly [K in keyof DrillFacts]: DrillFacts[K] };
type Took = { -readonly [K in keyof DrillFacts['took']]: DrillFacts['took'][K] };

const MOST_CHARACTERS = 500;

/** PostgreSQL and its programs quote rows in their errors: of theirs only the code is told. */
function endedBy(error: Error & { readonly code?: unknown }, stage: string): string {
  if (isOurs(error)) return error.message;
  const { code } = error;
  if (code === 'ENOSPC' || code === 'EDQUOT') return `${stage} broke off: the folder for drills has no room left`;
  return `${stage} broke off${typeof code === 'string' ? ` (${code})` : ''}: what exactly, headgate-agent drill --config FILE --store STORE says where it runs`;
}

/**
 * Carries one out. Whatever goes wrong is in its facts, and such a drill hasn't passed; what was brought back is gone in any
 * case. Throws when it can't begin or is interrupted, which says nothing of the restore point, and when what it brought back can't be
 * removed.
 */
export async function drill(ask: DrillAsk): Promise<DrillFacts> {
  const { from, workDir, everyMs, now, signal } = ask;
  const began = performance.now();
  const took: Took = {};
  const facts: Draft = { from, startedAt: now(), at: 0, took, ...(everyMs !== undefined && { everyMs }) };
  const since = (): number => performance.now() - began;
  await mkdir(workDir, { recursive: true, mode: 0o755 });
  await sweepClusters(workDir);
  const programs = await findPrograms(15, workDir);
  const closed = programs.user && (await closedFolder(workDir, programs.user));
  if (closed)
    throw new Error(
      `${closed} is closed to the user ${programs.user?.name}, who runs what is brought back; choose a folder that it can reach`,
    );
  const { dir, remove } = await throwAwayFolder(workDir, programs, 'drill');
  let copy: BroughtBack | undefined;
  const at = { stage: 'looking for it' };
  try {
    const point = await (ask.of.form === 'backup'
      ? chosenBackup(ask.of.store, ask, dir)
      : chosenInVault(ask.of, ask, dir));
    facts.point = point.told;
    ask.say(`${point.told.id} of ${from.cell}/${from.store} is fetched …`);
    at.stage = 'fetching it';
    await point.fetch();
    took.fetchedMs = since();
    at.stage = 'fetching its log';
    const log = await point.fetchLog();
    const wal = log?.wal;
    if (wal !== undefined) facts.wal = wal;
    ask.say(
      wal === undefined ? 'It is brought back …' : `It is brought back, with ${wal.segments} segments of its log …`,
    );
    at.stage = 'bringing it back';
    copy = await point.bringBack(wal !== undefined);
    took.restoredMs = since();
    at.stage = 'looking at what came back';
    if (log !== undefined) facts.wal = { ...log.wal, replayed: await log.came(copy) };
    // Before anybody writes to the copy.
    const moment = wal === undefined ? await holdMoment(copy.counting) : undefined;
    try {
      await carryOut(copy, ask, dir, facts, took, since);
      if (moment !== undefined) await compare(copy, point, ask, facts, moment);
    } finally {
      await moment?.close();
    }
    if (moment !== undefined) took.comparedMs = since();
    await check(copy, point, ask, dir, facts);
    if (facts.amcheck !== undefined) took.checkedMs = since();
    if (wal !== undefined) {
      // What was promised was promised of the restore point's own moment, which the log has gone on from.
      await copy.close();
      copy = undefined;
      at.stage = 'bringing its own moment back';
      copy = await point.bringBack(false);
      const own = await holdMoment(copy.counting);
      try {
        await compare(copy, point, ask, facts, own);
      } finally {
        await own.close();
      }
      took.comparedMs = since();
    }
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof LogHasGap && error.wal !== undefined) facts.wal = error.wal;
    facts.ended = endedBy(error as Error, at.stage).slice(0, MOST_CHARACTERS);
    if (!isOurs(error)) ask.detail?.((error as Error).message);
  } finally {
    try {
      await copy?.close();
    } finally {
      await remove();
    }
  }
  facts.at = now();
  return facts;
}

/** The application's business transactions, where they are declared. */
async function carryOut(
  copy: BroughtBack,
  { transactions, say, signal, detail }: DrillAsk,
  dir: string,
  facts: Draft,
  took: Took,
  since: () => number,
): Promise<void> {
  if (transactions === undefined) return;
  say('Business transactions are carried out on it …');
  const ran = await runTransactions({ ...transactions, copy, workDir: join(dir, PROGRAMS, 'transactions'), signal });
  if (ran.failed === undefined) took.firstTransactionMs = since();
  else detail?.(ran.output);
  facts.transactions = ran.failed === undefined ? {} : { failed: ran.failed };
}

/** What came back of the restore point's own moment, beside what was promised of it. */
async function compare(
  copy: BroughtBack,
  point: PointToDrill,
  { say, signal }: DrillAsk,
  facts: Draft,
  moment: Awaited<ReturnType<typeof holdMoment>>,
): Promise<void> {
  say('Rows and files are compared …');
  const version = await copy.version();
  if (version !== undefined) facts.schemaVersion = version;
  const { census, files } = await point.promised();
  const { form } = point.told;
  if (census !== undefined) facts.census = compareCensus(census, await moment.count(form, signal));
  facts.files = await compareFiles(point, files, signal);
}

/** PostgreSQL's programs, where the cell says which. */
function toolsOf(of: StoreToDrill): string | undefined {
  if ('odoo' in of) return of.odoo.stores.cluster.programs.bin;
  return of.form === 'dump' ? of.store.toolsDir : undefined;
}

async function check(
  copy: BroughtBack,
  { told }: PointToDrill,
  ask: DrillAsk,
  dir: string,
  facts: Draft,
): Promise<void> {
  const { of, deadlineMs, signal, say } = ask;
  say('Tables and indexes are checked …');
  const toolsDir = toolsOf(of);
  const workDir = join(dir, PROGRAMS, 'amcheck');
  const checked = await amcheck({ copy, major: told.major, toolsDir, workDir, deadlineMs, signal });
  signal.throwIfAborted();
  if (checked !== undefined) facts.amcheck = checked;
}

/** Files beside the database, read back from the disk where they were laid out; the database's own are PostgreSQL's by now. */
async function compareFiles(
  { files: laidOut }: PointToDrill,
  files: readonly ContentFile[],
  signal: AbortSignal,
): Promise<NonNullable<DrillFacts['files']>> {
  const wrong: string[] = [];
  const beside = files.filter(({ path }) => kindOf(path) === 'files');
  for (const { path, size, sha256 } of beside) {
    signal.throwIfAborted();
    const found = await readBack(join(laidOut, path));
    if (found?.size !== size || found.sha256 !== sha256)
      wrong.push(`number ${files.findIndex((f) => f.path === path) + 1} of its manifest`);
  }
  return { compared: beside.length, wrong };
}
