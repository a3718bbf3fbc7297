import { entryBytes } from '@headgate/control/ports/commit-rules';
import { formatOf, KNOWN_FORMAT } from '@headgate/control/ports/row-format';
import { storable, storedJson } from '@headgate/control/ports/storable';
import type { Commit } from '@headgate/control/ports/store';
import { NotCanonical } from '@headgate/documents/canonical';
import type { Instant } from '@headgate/domain';

const PARAMETERS = Array.from({ length: 21 }, (_, i) => `$${i + 1}`).join(', ');
/** The call of `headgate.commit`, and of those that look at something else before it. */
const COMMIT_SQL = `select * from headgate.commit(${PARAMETERS})`;
const COMMIT_WAITING_SQL = `select * from headgate.commit_waiting($22, $23, ${PARAMETERS})`;

const COMMIT_ON_LISTS_SQL = `select * from headgate.commit_on_lists($22, $23, $24, ${PARAMETERS})`;

/**
 * The statement that makes a commit, and its values. Throws `NotCanonical` for texts that can't be stored; of Headgate's own
 * decisions these are mended instead.
 */
export function commitCall(commit: Commit, at: Instant): Call {
  try {
    return callOf(commit, at);
  } catch (error) {
    if (commit.by !== 'sys' || !(error instanceof NotCanonical)) throw error;
    return callOf(storable(commit), at);
  }
}

interface Call {
  readonly sql: string;
  readonly values: readonly unknown[];
}

function callOf(commit: Commit, at: Instant): Call {
  const values = commitArguments(commit, at);
  const { waiting, lists } = commit;
  if (lists !== undefined) {
    const looked = [lists.map((l) => l.under), lists.map((l) => l.rows), lists.map((l) => l.versions)];
    return { sql: COMMIT_ON_LISTS_SQL, values: [...values, ...looked] };
  }
  if (waiting === undefined) return { sql: COMMIT_SQL, values };
  return { sql: COMMIT_WAITING_SQL, values: [...values, waiting.of, waiting.most] };
}

/**
 * A commit as arrays, one item a write. The bytes of all entries go as one value with offsets: no escaping, no copies.
 * A write without entries keeps what the row holds, whatever it says.
 */
function commitArguments(commit: Commit, at: Instant): unknown[] {
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
    writes.map((w) => (w.entries.length === 0 ? null : storedJson(w.state, commit))),
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
