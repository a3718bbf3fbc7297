import { type JournalLine, readJournal } from '../../../examples/psa/load/journal.ts';
import type { ExampleCell } from '../../../examples/psa/tenants.ts';
import type { Kill } from '../session.ts';

/** How long customers may still wait for an answer that a killed store owed them: the load's own time limit, and a bit. */
const AFTERMATH_MS = 6_000;

export interface CustomersView {
  readonly requests: number;
  /** Failed while their store's PostgreSQL was down: nobody can help that. */
  readonly excused: number;
  readonly findings: readonly string[];
  readonly answers: readonly { readonly tenant: string; readonly slot: string }[];
}

/** What customers saw. A request may fail only while the PostgreSQL of its tenant's store was killed. */
export async function customersView(
  journalFile: string,
  cells: readonly ExampleCell[],
  kills: readonly Kill[],
): Promise<CustomersView> {
  const storeOf = new Map(cells.flatMap((cell) => cell.tenants.map((tenant) => [tenant.id, cell.store] as const)));
  const findings: string[] = [];
  const answers: { tenant: string; slot: string }[] = [];
  let requests = 0;
  let excused = 0;
  for await (const line of readJournal(journalFile)) {
    requests += 1;
    if (line.kind === 'acknowledged') answers.push({ tenant: line.tenant, slot: line.slot });
    else if (isExcused(line, `store-postgres:${storeOf.get(line.tenant)}`, kills)) excused += 1;
    else findings.push(`${new Date(line.at).toISOString()} ${line.tenant}: ${line.action} ${line.why}`);
  }
  return { requests, excused, findings, answers };
}

function isExcused({ at }: JournalLine, victim: string, kills: readonly Kill[]): boolean {
  return kills.some((kill) => kill.point.victim === victim && at >= kill.at && at <= kill.backAt + AFTERMATH_MS);
}
