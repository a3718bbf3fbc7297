/**
 * The courses of a store's log in its repository: each time that it is brought back in place it begins a timeline, and from there on
 * two segments have one number. Which one a moment or a backup belongs to is told by what lies in the repository alone.
 */
import type { Instant } from '@headgate/domain';
import { type Answer, denied, granted } from '@headgate/execution';
import { z } from 'zod';
import { ancestorsIn, type LeftAt, timelineOf } from '../../postgres-cluster/timelines.ts';
import { reaches } from '../../postgres-cluster/wal-place.ts';
import type { Bounds, PgBackRest } from './pgbackrest.ts';
import type { Backup } from './repository-info.ts';
import { failedAs } from './take-backup.ts';

/** When the first and the last segment of a timeline came to the repository, by its clock: in whole seconds, rounded up or down as a store does. */
export interface Course {
  readonly timeline: number;
  readonly firstAt: Instant;
  readonly lastAt: Instant;
}

/** The present course of a store, with all that it came from. */
export interface Line {
  readonly timeline: number;
  readonly ancestors: readonly LeftAt[];
}

export interface Courses {
  /** Those of which a segment is there; by their numbers, which is how they followed each other. */
  readonly courses: readonly Course[];
  /** The newest, also when no segment of it is there yet. */
  readonly newest: number;
  /** Of a timeline. */
  line(timeline: number): Promise<Answer<Line>>;
}

const Listed = z.record(z.string(), z.object({ type: z.string(), time: z.number().optional() }));
const SECOND_MS = 1_000;

/** Asks the repository. */
export async function readCourses(own: PgBackRest, bounds: Bounds): Promise<Answer<Courses>> {
  const where = `archive/${own.config.stanza}`;
  const filter = '--filter=(^|/)([0-9A-F]{24}-[0-9a-f]{40}|[0-9A-F]{8}\\.history)';
  const ran = await own.run(['repo-ls', where, '--recurse', '--output=json', filter], bounds);
  if (!ran.ok) return failedAs(ran);
  const away = await own.away();
  if (away !== undefined) return denied('transient', `${own.name}: ${away}`);
  const files = filesIn(ran.output);
  if (files === undefined) return denied('transient', `what ${own.name} says of its log can’t be read`);
  const courses = coursesIn(files);
  const histories = files.filter(({ name }) => name.endsWith('.history'));
  const newest = Math.max(
    1,
    ...courses.map(({ timeline }) => timeline),
    ...histories.map(({ name }) => timelineOf(name)),
  );
  const line = async (timeline: number): Promise<Answer<Line>> => {
    if (timeline === 1) return granted({ timeline, ancestors: [] });
    const history = histories.findLast(({ name }) => timelineOf(name) === timeline);
    if (history === undefined)
      return denied(
        'rejected',
        `the history of the timeline ${timeline} isn’t in ${own.name} yet: nobody knows where it began. The agent’s next round brings it there`,
      );
    const got = await own.run(['repo-get', `${where}/${history.path}`], bounds);
    return got.ok ? granted({ timeline, ancestors: ancestorsIn(got.output) }) : failedAs(got);
  };
  return granted({ courses, newest, line });
}

interface Listed {
  readonly path: string;
  readonly name: string;
  readonly at: Instant;
}

/** In the newest of the folders, one for each cluster that the stanza knew. */
function filesIn(text: string): readonly Listed[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const parsed = Listed.safeParse(value);
  if (!parsed.success) return undefined;
  const files = Object.entries(parsed.data)
    .filter(([, { type }]) => type === 'file')
    .map(([path, { time = 0 }]) => ({ path, name: path.slice(path.lastIndexOf('/') + 1), at: time * SECOND_MS }));
  const clusterOf = ({ path }: Listed): number => Number(/^\d+-(\d+)\//.exec(path)?.[1] ?? 0);
  const newest = Math.max(0, ...files.map(clusterOf));
  return files.filter((file) => clusterOf(file) === newest).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function coursesIn(files: readonly Listed[]): readonly Course[] {
  const found = new Map<number, Course>();
  for (const { name, at } of files) {
    if (name.endsWith('.history')) continue;
    const timeline = timelineOf(name);
    const { firstAt = at, lastAt = at } = found.get(timeline) ?? {};
    found.set(timeline, { timeline, firstAt: Math.min(firstAt, at), lastAt: Math.max(lastAt, at) });
  }
  return [...found.values()].toSorted((a, b) => a.timeline - b.timeline);
}

/**
 * Which timeline was the store's own at a moment. A segment comes to the repository after all that is in it: until the last one of a
 * timeline came that one was in force, from the first one of the next on that. Between those nobody knows, and no guess is made.
 */
export function courseAt(
  at: Instant,
  { courses, newest }: Pick<Courses, 'courses' | 'newest'>,
): { readonly timeline: number } | { readonly after: Instant; readonly until: Instant | undefined } {
  const known = courses.some(({ timeline }) => timeline === newest)
    ? courses
    : [...courses, { timeline: newest, firstAt: Number.POSITIVE_INFINITY, lastAt: Number.POSITIVE_INFINITY }];
  const inForce = known.findLastIndex(({ firstAt }) => firstAt + SECOND_MS <= at);
  const course = known[Math.max(0, inForce)]!;
  const next = known[Math.max(0, inForce) + 1];
  const last = course.lastAt - SECOND_MS;
  if (next === undefined || at <= last) return { timeline: course.timeline };
  return { after: last, until: Number.isFinite(next.firstAt) ? next.firstAt + SECOND_MS : undefined };
}

/** Whether the log along a line goes on from a backup: it is of that timeline, or of one that was left after it. */
export function isOnLine({ archive, lsn }: Pick<Backup, 'archive' | 'lsn'>, { timeline, ancestors }: Line): boolean {
  const own = timelineOf(archive.stop);
  if (own === timeline) return true;
  const left = ancestors.find(({ parent }) => parent === own)?.at;
  return left !== undefined && reaches(left, lsn.stop);
}
