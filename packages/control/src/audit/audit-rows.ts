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
  readonly differences: readonly Difference[];
  /** The last stream that was looked at; undefined after the last one of all. */
  readonly next: StreamId | undefined;
}

const HISTORY_PAGE = 1_000;

/**
 * Folds the entries of up to `limit` streams after a cursor, and compares each with its row. A row that moved on while it
 * was compared is compared as it was: only entries up to its version count.
 */
export async function auditRows(
  deps: Pick<Deps, 'store'> & FoldMeans,
  log: Pick<LogStore, 'history'>,
  page: { readonly after?: StreamId; readonly limit: number },
): Promise<AuditedRows> {
  const differences: Difference[] = [];
  let checked = 0;
  const started = page.after?.split('/', 1)[0] ?? '';
  for (const kind of KINDS) {
    if (kind < started) continue;
    const after = kind === started ? page.after : undefined;
    const limit = page.limit - checked;
    const rows = await deps.store.list(kind, { limit, ...(after !== undefined && { after }) });
    // What a newer Headgate wrote, its own audit folds.
    for (const row of rows) if (row.newer !== true) differences.push(...(await auditRow(deps, log, kind, row)));
    checked += rows.length;
    const last = rows.at(-1);
    if (rows.length === limit && last !== undefined) return { checked, differences, next: last.stream };
  }
  return { checked, differences, next: undefined };
}

async function auditRow(
  deps: FoldMeans,
  log: Pick<LogStore, 'history'>,
  kind: string,
  row: Row,
): Promise<readonly Difference[]> {
  const { stream, version } = row;
  const differs = (field: string, why: string): Difference => ({ stream, field, why });
  const entries: LogEntry[] = [];
  while (entries.length < version) {
    const history = await log.history(stream, entries.length, Math.min(HISTORY_PAGE, version - entries.length));
    if (history.length === 0)
      return [differs('version', `the row counts ${version} entries, the log holds ${entries.length}`)];
    for (const { version: at, bytes } of history) {
      const decoded = decodeEntry(bytes);
      if (!decoded.ok) return [differs('version', `entry ${at}: ${decoded.why}`)];
      if (decoded.entry.stream !== stream || decoded.entry.version !== entries.length + 1)
        return [differs('version', `entry ${at} says that it is ${decoded.entry.version} of ${decoded.entry.stream}`)];
      entries.push(decoded.entry);
    }
  }
  const fold = FOLDS[kind];
  if (fold === undefined) return [];
  try {
    const sides = await fold(entries, row.state as never, deps);
    const fields = [...new Set([...Object.keys(sides.entries), ...Object.keys(sides.row)])].sort();
    return fields
      .filter((field) => !equal(deps, sides.entries[field], sides.row[field]))
      .map((field) => differs(field, `the row's ${field} is not what its ${version} entries lead to`));
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
