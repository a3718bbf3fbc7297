import { entryBytes } from '@headgate/control/ports/commit-rules';
import { formatOf, KNOWN_FORMAT } from '@headgate/control/ports/row-format';
import type { Commit } from '@headgate/control/ports/store';
import type { Instant } from '@headgate/domain';

/** The call of `headgate.commit`, with the casts that its arrays need. */
export const COMMIT_SQL = `select * from headgate.commit($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,
  $16, $17, $18, $19, $20, $21)`;

/**
 * A commit as arrays, one item a write. The bytes of all entries go as one value with offsets: no escaping, no copies.
 * A write without entries keeps what the row holds, whatever it says.
 */
export function commitArguments(commit: Commit, at: Instant): unknown[] {
  const { writes, reads = [], wake = [] } = commit;
  const entries = entryBytes(commit, at);
  const offsets: number[] = [];
  let end = 1; // SQL counts from one
  for (const { bytes } of entries) {
    offsets.push(end);
    end += bytes.length;
  }
  return [
    at,
    writes.map((w) => w.stream),
    writes.map((w) => w.expected),
    writes.map((w) => w.entries.length),
    writes.map((w) => (w.entries.length === 0 ? null : JSON.stringify(w.state))),
    writes.map((w) => w.dueAt),
    writes.map((w) => (w.entries.length === 0 ? null : (w.exclusive ?? null))),
    writes.map((w) => w.entries.length === 0 || w.exclusive === undefined),
    writes.map((w) => w.audience ?? null),
    writes.map((w) => w.entries.length === 0 || w.audience === undefined),
    writes.map((w) => w.parent ?? null),
    entries.map((e) => e.stream),
    entries.map((e) => e.version),
    offsets,
    entries.map((e) => e.bytes.length),
    Buffer.concat(entries.map((e) => e.bytes)),
    reads.map((r) => r.stream),
    reads.map((r) => r.version),
    wake,
    KNOWN_FORMAT,
    writes.map((w) => formatOf(w.stream, w.state)),
  ];
}
