/**
 * Up to which moment a store's log lies in its repository. pgBackRest doesn't say: the newest segment there may have been ended long
 * ago. So the agent ends the segment that is being written, sees it there, and notes the moment beside pgBackRest's configuration.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Instant } from '@headgate/domain';
import { z } from 'zod';
import { readIfThere, writeDurably } from '../../machine/durable-file.ts';
import { withClient } from '../../postgres-cluster/database.ts';
import { ancestorsIn, timelineOf } from '../../postgres-cluster/timelines.ts';
import { numberText, reaches, segmentNumber } from '../../postgres-cluster/wal-place.ts';
import { archivedByNow, archivedSegments, pushHistories } from './archived-log.ts';
import { pgbackrestFolder } from './own-configuration.ts';
import type { Bounds, PgBackRest } from './pgbackrest.ts';
import { type PgBackRestConfig, repositoryText } from './pgbackrest-config.ts';
import type { PgBackRestStore } from './pgbackrest-store.ts';
import type { PointManifest } from './point-manifest.ts';

const FILE = 'log-reach.json';
const lsn = z.string().regex(/^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/);

const LogReach = z.strictObject({
  /** What was acknowledged before then lies in the repository; by the clock of the store's machine. */
  at: z.int(),
  lsn,
  /** The segment that ends there. */
  last: z.string().regex(/^[0-9A-F]{24}$/),
  /** Timelines that the store's own came from, and where each was left. */
  ancestors: z.array(z.strictObject({ parent: z.int(), at: lsn })),
  /** Of which repository. */
  repository: z.string(),
});
export type LogReach = Readonly<z.output<typeof LogReach>>;

/** Of a restore point, what says where it stands in the log. */
export type PlaceInLog = Pick<PointManifest['pgbackrest'], 'lsn' | 'firstWal' | 'lastWal'>;

export interface CloseAsk {
  readonly now: () => Instant;
  readonly bounds: Bounds;
  /** Where in the stanza's log a segment lies, where that is known; else all of it is looked through. */
  readonly folder?: (segment: string) => string;
}

/**
 * Ends the segment that is being written, if anything is in it, and sees that it lies in the repository. Nothing is started: of a store
 * that doesn't run it throws in words, and so where the segment doesn't get there.
 */
export async function closeLog(
  { name, cluster }: Pick<PgBackRestStore, 'name' | 'cluster'>,
  own: PgBackRest,
  { now, bounds, folder }: CloseAsk,
): Promise<LogReach> {
  if ((await cluster.postmaster())?.ready !== true) throw new Error(`the store ${name} doesn't run`);
  const away = await own.away();
  if (away !== undefined) throw new Error(`${own.name}: ${away}`);
  const untold = await pushHistories(cluster, own, bounds);
  if (untold !== undefined) throw new Error(untold);
  const end = await withClient(await cluster.controlConnection(), async (client) => {
    // The clock is read first: what is acknowledged until then is in the log that is ended next.
    const at = now();
    const { rows } = await client.query<{ lsn: string; last: string }>(
      'select lsn::text, pg_walfile_name(lsn) as last from pg_switch_wal() as lsn',
    );
    return { at, ...rows[0]! };
  });
  const late = await archivedByNow(cluster, end.last, bounds);
  if (late !== undefined) throw new Error(late);
  const there = await archivedSegments(own, bounds, folder?.(end.last));
  if (!there.ok) throw new Error(there.why);
  if (!there.segments.has(end.last))
    throw new Error(`the log’s segment ${end.last} isn’t in ${own.name}, and PostgreSQL takes it for archived`);
  const history = join(cluster.data, 'pg_wal', `${end.last.slice(0, 8)}.history`);
  const ancestors = timelineOf(end.last) === 1 ? [] : ancestorsIn(await readFile(history, 'utf8'));
  return { ...end, ancestors: [...ancestors], repository: own.name };
}

/** Writes it down, for whoever asks on this machine. */
export async function noteReach(own: PgBackRest, reach: LogReach): Promise<void> {
  await writeDurably(join(own.dir, FILE), `${JSON.stringify(reach)}\n`, 0o600);
}

/** What was noted of this repository on this machine; `undefined`: nothing, as on any other machine. */
export async function readLogReach(
  clusterDir: string,
  config: Pick<PgBackRestConfig, 'stanza' | 'repository'>,
): Promise<LogReach | undefined> {
  const text = await readIfThere(join(pgbackrestFolder(clusterDir), FILE));
  if (text === undefined) return undefined;
  const { success, data } = LogReach.safeParse(jsonIn(text));
  return success && data.repository === repositoryText(config) ? data : undefined;
}

/** Whether the log goes on from a restore point to there: it is of the same timeline, or of one that was left after it. */
export function logGoesOn(reach: Pick<LogReach, 'lsn' | 'last' | 'ancestors'>, point: PlaceInLog): boolean {
  const timeline = timelineOf(point.lastWal);
  const left = timeline === timelineOf(reach.last) ? reach.lsn : reach.ancestors.find((a) => a.parent === timeline)?.at;
  return left !== undefined && reaches(left, point.lsn);
}

/** The first segment from one to another that is there on none of the timelines between theirs. */
export function missingOnTheWay(there: ReadonlySet<string>, first: string, last: string): string | undefined {
  const [from, to] = [timelineOf(first), timelineOf(last)];
  const numbers = new Set(
    [...there].filter((name) => timelineOf(name) >= from && timelineOf(name) <= to).map(segmentNumber),
  );
  for (let n = segmentNumber(first); n <= segmentNumber(last); n++)
    if (!numbers.has(n)) return last.slice(0, 8) + numberText(n);
  return undefined;
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
