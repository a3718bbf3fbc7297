import { decodeEntry, type LogEntry } from '@headgate/documents/log/entry';
import type { Deps } from '../deps.ts';
import { StoreUnavailable } from '../ports/errors.ts';
import type { LogStore } from '../ports/log.ts';
import type { Row, StreamId } from '../ports/store.ts';
import { FOLDS, type FoldMeans } from './folds.ts';

/** Every kind of stream, in the order of their names: the order of the audit. */
export const KINDS = [
  'attempt',
  'cell',
  'delivery',
  'document',
  'drill',
  'freeze',
  'hypercare',
  'installation',
  'notifier',
  'principal',
  'promotion',
  'reconciliation',
  'recovery',
  'release',
  'request',
  'restoration',
  'rollout',
  'undone',
] as const;

export interface Difference {
  readonly stream: StreamId;
  /** The row's field that differs, or `version`. */
  readonly field: string;
  readonly why: string;
}

export interface AuditedRows {
  readonly checked: number;
  /** What no entry says, so that nobody can tell whether it was changed. */
  readonly unchecked: readonly Difference[];
  readonly differences: readonly Difference[];
  /** The last stream that was looked at; undefined after the last one of all. */
  readonly next: StreamId | undefined;
}

/** How a page is read. */
export interface AuditPage {
  readonly after?: StreamId;
  readonly limit: number;
  /** For how long an entry may wait for its place. Milliseconds; absent: for ever, as in a backup that nobody sequences. */
  readonly placedWithinMs?: number;
}

const HISTORY_PAGE = 1_000;

/**
 * Folds the entries of up to `limit` streams after a cursor, and compares each with its row. A row that moved on while it
 * was compared is compared as it was: only entries up to its version count. One that didn't, and has entries beyond its
 * version, was set back. What a newer Headgate wrote is counted, and only its own audit folds it.
 */
export async function auditRows(
  deps: Pick<Deps, 'store'> & FoldMeans,
  log: Pick<LogStore, 'history' | 'rowless'>,
  page: AuditPage,
): Promise<AuditedRows> {
  const differences: Difference[] = [];
  const unchecked: Difference[] = [];
  const placedBy = page.placedWithinMs === undefined ? 0 : (await deps.store.now()) - page.placedWithinMs;
  let checked = 0;
  const started = page.after?.split('/', 1)[0] ?? '';
  for (const kind of KINDS) {
    if (kind < started) continue;
    const after = kind === started ? page.after : undefined;
    const limit = page.limit - checked;
    const rows = await deps.store.list(kind, { limit, ...(after !== undefined && { after }) });
    for (const row of rows) {
      const found = await auditRow(deps, log, kind, row, placedBy);
      differences.push(...found.filter((each) => each.field !== UNCHECKED));
      unchecked.push(...found.filter((each) => each.field === UNCHECKED));
    }
    checked += rows.length;
    const last = rows.at(-1);
    const full = rows.length === limit && last !== undefined;
    // '0' comes right after '/': the rest of the kind.
    const lost = await log.rowless(after ?? `${kind}/`, full ? last.stream : `${kind}0`, HISTORY_PAGE);
    for (const stream of lost)
      differences.push({ stream, field: 'row', why: 'the log holds entries of it, and its row is gone' });
    if (full) return { checked, differences, unchecked, next: last.stream };
  }
  return { checked, differences, unchecked, next: undefined };
}

/** No field of a row. */
const UNCHECKED = '';

function timeText(at: number): string {
  return new Date(at).toISOString();
}

async function auditRow(
  deps: Pick<Deps, 'store'> & FoldMeans,
  log: Pick<LogStore, 'history'>,
  kind: string,
  row: Row,
  placedBy: number,
): Promise<readonly Difference[]> {
  const { stream, version } = row;
  const differs = (field: string, why: string): Difference => ({ stream, field, why });
  const entries: LogEntry[] = [];
  const unplaced: Difference[] = [];
  for (let more = true; more; ) {
    // One more than the row counts: it may have been set back.
    const wanted = Math.min(HISTORY_PAGE, version - entries.length + 1);
    const history = await log.history(stream, entries.length, wanted);
    more = history.length === wanted;
    for (const { version: at, bytes, place, waiting } of history) {
      if (entries.length === version) {
        const now = (await deps.store.load([stream])).get(stream)?.version ?? 0;
        if (now < at) return [differs('version', `the row counts ${now} entries, the log holds ${at} or more`)];
        more = false;
        break;
      }
      const decoded = decodeEntry(bytes);
      if (!decoded.ok) return [differs('version', `entry ${at}: ${decoded.why}`)];
      if (decoded.entry.stream !== stream || decoded.entry.version !== entries.length + 1)
        return [differs('version', `entry ${at} says that it is ${decoded.entry.version} of ${decoded.entry.stream}`)];
      entries.push(decoded.entry);
      if (place !== undefined) continue;
      const lateMs = placedBy - decoded.entry.at;
      if (waiting !== true)
        unplaced.push(
          differs('log', `entry ${at} has no place on the log and waits for none: it was kept off the log`),
        );
      else if (lateMs > 0)
        unplaced.push(
          differs('log', `entry ${at} has waited for its place on the log since ${timeText(decoded.entry.at)}`),
        );
    }
  }
  if (entries.length < version)
    return [differs('version', `the row counts ${version} entries, the log holds ${entries.length}`)];
  // What isn't on the log proves nothing: no row is compared with it. In its moment of waiting it does.
  if (unplaced.length > 0) return unplaced;
  if (row.newer === true)
    return [differs(UNCHECKED, 'it says that a newer Headgate wrote it: ask a server of that version')];
  const fold = FOLDS[kind];
  if (fold === undefined) return [];
  try {
    const sides = await fold(entries, row.state as never, deps);
    const fields = [...new Set([...Object.keys(sides.entries), ...Object.keys(sides.row)])].sort();
    const found = fields
      .filter((field) => !equal(deps, sides.entries[field], sides.row[field]))
      .map((field) => differs(field, `the row's ${field} is not what its ${version} entries lead to`));
    return sides.unchecked === undefined ? found : [...found, differs(UNCHECKED, sides.unchecked)];
  } catch (error) {
    // A fold that breaks on what stands there is a finding, not a fault of the audit.
    if (error instanceof StoreUnavailable) throw error;
    return [differs('state', `its entries lead to no state: ${(error as Error).message}`)];
  }
}

/** As JSON says them: a field that is undefined isn't there. */
function equal({ digestOf }: FoldMeans, a: unknown, b: unknown): boolean {
  const plain = (value: unknown) => (value === undefined ? null : JSON.parse(JSON.stringify(value)));
  return digestOf(plain(a)) === digestOf(plain(b));
}
