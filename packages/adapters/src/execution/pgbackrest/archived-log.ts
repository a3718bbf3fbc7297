/** The log as it lies in the repository, and whether recovery came to its end. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cluster } from '../../postgres-cluster/cluster.ts';
import { withClient } from '../../postgres-cluster/database.ts';
import { recoveryEnd, timelineOf } from '../../postgres-cluster/timelines.ts';
import { numberText, segmentNumber, segmentOfLsn } from '../../postgres-cluster/wal-place.ts';
import type { Bounds, PgBackRest, Ran } from './pgbackrest.ts';

export type LogAnswer =
  | {
      readonly ok: true;
      readonly segments: ReadonlySet<string>;
      /** The folder of the newest, in the stanza's: one for each cluster that the stanza knew. */
      readonly folder?: string;
    }
  | Extract<Ran, { readonly ok: false }>;

const SEGMENT_THERE = /^(?:(.+)\/)?([0-9A-F]{24})-[0-9a-f]{40}/gm;

/** Names of the segments of the log that lie in the repository. `folder`: of those alone that lie there. */
export async function archivedSegments(own: PgBackRest, bounds: Bounds, folder?: string): Promise<LogAnswer> {
  const where = ['archive', own.config.stanza, ...(folder === undefined ? [] : [folder])].join('/');
  const ran = await own.run(['repo-ls', where, '--recurse', '--filter=(^|/)[0-9A-F]{24}-[0-9a-f]{40}'], bounds);
  if (!ran.ok) return ran;
  // Of a folder that went away in the meantime pgBackRest lists nothing, and calls that well.
  const away = await own.away();
  if (away !== undefined) return { ok: false, code: 0, why: `${own.name}: ${away}`, later: true };
  const found = [...ran.output.matchAll(SEGMENT_THERE)].map(([, at, name]) => ({ at, name: name! }));
  const newest = found.toSorted((a, b) => (a.name < b.name ? 1 : -1))[0];
  return {
    ...{ ok: true, segments: new Set(found.map(({ name }) => name)) },
    ...(newest?.at !== undefined && { folder: newest.at }),
  };
}

/** The first segment from one to another that isn't there, on the first one's timeline. */
export function missingSegment(there: ReadonlySet<string>, first: string, last: string): string | undefined {
  for (let n = segmentNumber(first); n <= segmentNumber(last); n++) {
    const name = first.slice(0, 8) + numberText(n);
    if (!there.has(name)) return name;
  }
  return undefined;
}

/** The last segment there, on the newest timeline; or on the newest up to one, which was the store's own then. */
export function lastSegment(there: ReadonlySet<string>, upTo?: number): string | undefined {
  return [...there]
    .filter((name) => upTo === undefined || timelineOf(name) <= upTo)
    .sort()
    .at(-1);
}

/**
 * Why a store that was recovered as far as its log goes didn't come to its end; `undefined`: it did. PostgreSQL takes a piece that is missing,
 * or isn't what its name says, for the end, and goes on without a word.
 */
export async function endedBefore(recovered: Cluster, last: string): Promise<string | undefined> {
  const { parent: timeline, at: lsn } = await recoveryEnd(await recovered.controlConnection());
  const came = timeline.toString(16).toUpperCase().padStart(8, '0') + numberText(segmentOfLsn(lsn));
  if (came >= last) return undefined;
  return `what came back ends at ${lsn} (segment ${came}), and the log goes up to ${last}: a piece of it is missing, or isn’t what its name says`;
}

/** How long PostgreSQL's archiver may take, which is woken by each segment that is full. Milliseconds. */
const ARCHIVE_MS = 60_000;

/**
 * Waits until PostgreSQL has given a segment to the repository, by PostgreSQL's own notes: its counters don't outlive a crash. In words
 * why it hasn't, in time.
 */
export async function archivedByNow(
  { data, logFile }: Cluster,
  segment: string,
  { deadlineMs, signal }: Bounds,
): Promise<string | undefined> {
  const until = performance.now() + Math.max(1_000, Math.min(ARCHIVE_MS, deadlineMs));
  const wal = join(data, 'pg_wal');
  const there = async (path: string): Promise<boolean> =>
    (await stat(join(wal, path)).catch(() => undefined)) !== undefined;
  // A segment is reused only after it was archived.
  while (!(await there(join('archive_status', `${segment}.done`))) && (await there(segment))) {
    signal.throwIfAborted();
    if (performance.now() > until)
      return `the log's segment ${segment} didn't get to the repository in time; ${logFile} says why`;
    await new Promise((done) => setTimeout(done, 25));
  }
  return undefined;
}

/** Ends the segment that is written to, and waits until it lies in the repository. */
export async function archiveToNow(cluster: Cluster, own: PgBackRest, bounds: Bounds): Promise<string | undefined> {
  if (!(await cluster.postmaster())?.ready) return undefined;
  const untold = await pushHistories(cluster, own, bounds);
  if (untold !== undefined) return untold;
  const segment = await withClient(await cluster.controlConnection(), async (client) => {
    const { rows } = await client.query<{ segment: string }>('select pg_walfile_name(pg_switch_wal()) as segment');
    return rows[0]!.segment;
  });
  return archivedByNow(cluster, segment, bounds);
}

/**
 * Brings the histories of timelines into the repository that PostgreSQL itself never archives: a store that was brought back began its
 * timeline aside, where nothing is archived. Without them nobody could follow the log over that point.
 */
export async function pushHistories({ data }: Cluster, own: PgBackRest, bounds: Bounds): Promise<string | undefined> {
  const wal = join(data, 'pg_wal');
  const names = (await readdir(wal)).filter((name) => /^[0-9A-F]{8}\.history$/.test(name)).sort();
  for (const name of names) {
    const ran = await own.run(['archive-push', join(wal, name)], bounds);
    if (!ran.ok) return ran.why;
  }
  return undefined;
}
