/** Whether each effect happened once, by what the targets remember. Pure: every finding is a sentence. */
import type { LogEntry } from '@headgate/documents';
import type { StoreRecord } from './witness.ts';

/** Which step of which rollout had an assignment, from the log. */
interface Assignment {
  readonly rollout: string;
  readonly step: string;
}

/** Each migration's DDL was committed in one transaction, with its row in the migrator's table, and none without. */
export function schemaFindings({ store, schemaChanges, migrations }: StoreRecord): readonly string[] {
  const findings: string[] = [];
  for (const { version, xid } of migrations)
    if (!schemaChanges.some((change) => change.xid === xid))
      findings.push(`${store}: version ${version} stands in the table, but its DDL was not seen`);
  for (const { xid, commands } of schemaChanges)
    if (!migrations.some((migration) => migration.xid === xid))
      findings.push(`${store}: DDL that no migration accounts for: ${commands.join(', ')}`);
  return findings;
}

/** Each tenant was moved at most once for a step of a rollout, and never without one. */
export function routeFindings(record: StoreRecord, entries: readonly LogEntry[]): readonly string[] {
  const assignments = assignmentsOf(record.cell, entries);
  const moved = new Map<string, number>();
  const findings: string[] = [];
  for (const { tenant, slot, n } of record.routeChanges) {
    const assignment = assignments.get(n);
    if (assignment === undefined) {
      findings.push(`${record.store}: ${tenant} was moved to ${slot} by assignment ${n}, which the log doesn't have`);
      continue;
    }
    const key = `${assignment.rollout}/${assignment.step} ${tenant}`;
    moved.set(key, (moved.get(key) ?? 0) + 1);
  }
  for (const [key, times] of moved) if (times > 1) findings.push(`${record.store}: moved ${times} times: ${key}`);
  return findings;
}

function assignmentsOf(cell: string, entries: readonly LogEntry[]): ReadonlyMap<number, Assignment> {
  const assignments = new Map<number, Assignment>();
  for (const { stream, type, data } of entries) {
    if (type !== 'rollout.leased' || !stream.endsWith(`.${cell}`)) continue;
    const { n, step } = data as { n: number; step: string };
    assignments.set(n, { rollout: stream.slice('rollout/'.length), step });
  }
  return assignments;
}

/** What customers saw: a tenant's answers never changed slot more often than the tenant was moved. */
export function servedFindings(
  answers: readonly { readonly tenant: string; readonly slot: string }[],
  records: readonly StoreRecord[],
): readonly string[] {
  const findings: string[] = [];
  for (const [tenant, own] of Map.groupBy(answers, (answer) => answer.tenant)) {
    const changes = own.filter(({ slot }, i) => i > 0 && slot !== own[i - 1]?.slot).length;
    const moves = records.flatMap((r) => r.routeChanges).filter((change) => change.tenant === tenant).length;
    if (changes > moves)
      findings.push(`${tenant}: its answers changed slot ${changes} times, it was moved ${moves} times`);
  }
  return findings;
}
