/** Whether the recorded history is whole and keeps the design's invariants. Pure. */
import type { LogEntry } from '@headgate/documents';
import type { Plan } from '@headgate/domain';
import { checkHistory } from '@headgate/simulator/history/history-checker';
import type { HistoryDocuments } from '@headgate/simulator/history/recorded';
import type { Acknowledged } from '../trigger.ts';

export interface RecordedHistory {
  /** All of the log, in its places. */
  readonly entries: readonly LogEntry[];
  /** What the database acknowledged, by the decorator's own synced file. */
  readonly acknowledged: readonly Acknowledged[];
  readonly plans: ReadonlyMap<string, Plan>;
  readonly documents: HistoryDocuments['document'];
}

export function historyFindings(history: RecordedHistory): readonly string[] {
  return [...missing(history), ...gaps(history), ...violations(history)];
}

/** Acknowledged and not on the log. */
function missing({ entries, acknowledged }: RecordedHistory): readonly string[] {
  const held = new Set(entries.map(keyOf));
  return acknowledged.filter((a) => !held.has(keyOf(a))).map((a) => `acknowledged, and not on the log: ${keyOf(a)}`);
}

/** Each stream counts 1, 2, 3 … in the order of the log. */
function gaps({ entries }: RecordedHistory): readonly string[] {
  const versions = new Map<string, number>();
  const findings: string[] = [];
  for (const { stream, version } of entries) {
    const before = versions.get(stream) ?? 0;
    if (version !== before + 1) findings.push(`${stream}: version ${version} follows version ${before}`);
    versions.set(stream, version);
  }
  return findings;
}

function violations({ entries, plans, documents }: RecordedHistory): readonly string[] {
  const found = checkHistory(entries, { plan: (digest) => plans.get(digest), document: documents });
  return found.map((v) => `${v.invariant}: ${v.why} (${v.stream} ${v.version})`);
}

function keyOf({ stream, version, type }: Acknowledged): string {
  return `${stream} ${version} ${type}`;
}
