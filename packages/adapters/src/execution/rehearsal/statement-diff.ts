/** Two looks at a session become what the statement between them did. Pure. */
import type { RowCount, TracedLock, TracedScan } from '@headgate/domain/rehearsal/trace';
import { othersWait } from '@headgate/domain/rehearsal/trace';
import { LOCK_MODES, type LockMode } from '@headgate/migrations';
import type { Look, Relations } from './looks.ts';

/** What a statement did to relations that were there before. */
export interface StatementDiff {
  readonly locks: readonly Omit<TracedLock, 'heldMs'>[];
  readonly rewritten: readonly string[];
  readonly emptied: readonly string[];
  readonly rebuilt: readonly string[];
  readonly scanned: readonly TracedScan[];
  readonly changed: readonly RowCount[];
}

/** Below so many entries an index was asked, not read. */
const INDEX_READ = 100;

const TABLES = new Set(['r', 'p', 'm', 'v', 'f']);
const strength = (mode: string): number => LOCK_MODES.indexOf(mode as LockMode);

/**
 * `known`: relations before the migration; what it made itself is nobody's yet. `before`, `after`: looks around the
 * statement, in one transaction.
 */
export function statementDiff(
  known: Relations,
  before: ReadonlyMap<string, Look>,
  after: ReadonlyMap<string, Look>,
): StatementDiff {
  const locks: Omit<TracedLock, 'heldMs'>[] = [];
  const rewritten: string[] = [];
  const emptied: string[] = [];
  const rebuilt: string[] = [];
  const changed: RowCount[] = [];
  const read: RowCount[] = [];
  const held: Omit<TracedLock, 'heldMs'>[] = [];
  for (const [oid, look] of after) {
    const relation = known.get(oid);
    if (relation === undefined) continue;
    const was = before.get(oid);
    // Whoever plans a query looks at the table's indexes, too; behind the same lock of the table they don't get there.
    const shut = look.mode === 'ACCESS EXCLUSIVE' && after.get(relation.table ?? '')?.mode !== 'ACCESS EXCLUSIVE';
    if (TABLES.has(relation.kind) || shut) {
      const lock = { relation: relation.name, mode: look.mode };
      held.push(lock);
      if (was === undefined || strength(look.mode) > strength(was.mode)) locks.push(lock);
    }
    if (look.file !== undefined && look.file !== (was?.file ?? relation.file)) {
      const empty = look.bytes === 0 && (was?.bytes ?? relation.bytes) > 0;
      if (relation.kind === 'i') rebuilt.push(relation.name);
      else if (relation.kind === 'r' || relation.kind === 'm') (empty ? emptied : rewritten).push(relation.name);
    }
    const rows = look.read - (was?.read ?? 0);
    const table = relation.table === undefined ? undefined : known.get(relation.table);
    if (table === undefined && rows > 0) read.push({ relation: relation.name, rows });
    else if (table !== undefined && rows > Math.max(INDEX_READ, table.rows / 2))
      read.push({ relation: table.name, rows });
    const rowsChanged = look.changed - (was?.changed ?? 0);
    if (table === undefined && rowsChanged > 0) changed.push({ relation: relation.name, rows: rowsChanged });
  }
  return { locks, rewritten, emptied, rebuilt, scanned: scans(read, held), changed };
}

/** What was read while somebody may have been waiting: under the table's own lock if others wait for it, else the strongest. */
export function scans(read: readonly RowCount[], held: readonly Omit<TracedLock, 'heldMs'>[]): readonly TracedScan[] {
  const blocking = held.filter(othersWait).sort((a, b) => strength(b.mode) - strength(a.mode));
  const [strongest] = blocking;
  if (strongest === undefined) return [];
  const once = new Map<string, number>();
  for (const { relation, rows } of read) once.set(relation, Math.max(rows, once.get(relation) ?? 0));
  return [...once].map(([relation, rows]) => ({
    relation,
    rows,
    under: blocking.find((lock) => lock.relation === relation) ?? strongest,
  }));
}
