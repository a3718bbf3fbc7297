import type { ReconciledEvidence } from '@headgate/domain';
import type { ReconciliationRecord } from './records.ts';

/** So many of a store are remembered, so that the same statement twice changes nothing. */
const MOST_RECORDED = 200;

/** The row with one statement more: they may come late, and in any order, from an agent whose server was away. */
export function withReconciled(
  record: ReconciliationRecord | undefined,
  reconciled: ReconciledEvidence,
): ReconciliationRecord {
  const { last, recorded = [] } = record ?? {};
  return {
    last: last !== undefined && last.at > reconciled.at ? last : reconciled,
    recorded: [...recorded, reconciled.evidence].slice(-MOST_RECORDED),
  };
}
