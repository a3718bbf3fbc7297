/**
 * What every store demands of a commit before it looks at a version, and the bytes of its entries. Breaking one of these
 * is a programming error, so it throws.
 */
import { encodeEntry } from '@headgate/documents/log/entry';
import type { Instant } from '@headgate/domain';
import { EntryRefused } from './errors.ts';
import { BY_TIME, type Commit, type StreamId, type Write } from './store.ts';

/** Streams that one commit may write and read: each is a lock in the database until it ends. */
export const MAX_COMMIT_STREAMS = 2_000;
/** Rows, entries or streams that one call answers with. */
export const MAX_PAGE = 1_000;

export function checkCommit(commit: Commit): void {
  const { writes } = commit;
  if (writes.length + (commit.reads?.length ?? 0) > MAX_COMMIT_STREAMS) {
    throw new RangeError(`a commit names at most ${MAX_COMMIT_STREAMS} streams`);
  }
  if (commit.waiting !== undefined && commit.lists !== undefined)
    throw new TypeError('a commit counts those who wait, or rests on lists');
  for (const write of writes) checkWrite(write);
  if (writes.length > 1 && new Set(writes.map((write) => write.stream)).size !== writes.length) {
    throw new TypeError('a commit writes each stream at most once');
  }
}

function checkWrite({ stream, expected, entries, dueAt }: Write): void {
  kindOf(stream);
  if (entries.length === 0 && expected === 0) throw new TypeError(`${stream} can't be created without an entry`);
  if (!Number.isSafeInteger(expected) || expected < 0) throw new TypeError(`${expected} is no version of ${stream}`);
  if (dueAt !== null && !Number.isSafeInteger(dueAt)) {
    throw new TypeError(`${stream} is due in whole milliseconds, not ${dueAt}`);
  }
}

/** What stands before a stream's first slash. */
export function kindOf(stream: StreamId): string {
  const slash = stream.indexOf('/');
  if (slash < 1 || slash === stream.length - 1) throw new TypeError(`a stream is named kind/id, not ${stream}`);
  return stream.slice(0, slash);
}

export function checkLimit(limit: number): void {
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > MAX_PAGE) {
    throw new RangeError(`a page has 1 to ${MAX_PAGE} items, not ${limit}`);
  }
}

/** The kind, when its rows are listed by time. */
export function checkByTime(kind: string): (typeof BY_TIME)[number] {
  const found = BY_TIME.find((each) => each === kind);
  if (found === undefined) throw new TypeError(`rows of the kind ${kind} are not listed by when they were made`);
  return found;
}

export interface EntryBytes {
  readonly stream: StreamId;
  readonly version: number;
  readonly bytes: Buffer;
}

/** Canonical bytes of a commit's entries, in the order of its writes. Throws {@link EntryRefused}. */
export function entryBytes(commit: Commit, at: Instant): EntryBytes[] {
  const out: EntryBytes[] = [];
  for (const { stream, expected, entries } of commit.writes) {
    let version = expected;
    for (const { type, data } of entries) {
      version += 1;
      const encoded = encodeEntry({
        v: 1,
        stream,
        version,
        type,
        at,
        by: commit.by,
        data: data as Record<string, unknown>,
      });
      if (!encoded.ok) throw new EntryRefused(encoded);
      out.push({ stream, version, bytes: encoded.bytes });
    }
  }
  return out;
}
