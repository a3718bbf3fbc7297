/** A restore drill in words for a person at this machine. */
import { type DrillFacts, judgeDrill, rtoText } from '@headgate/domain';
import { ageText } from '@headgate/domain/model/duration';

export function drillLines(facts: DrillFacts): readonly string[] {
  const { from, point, took, census, files, amcheck, transactions, wal } = facts;
  const result = judgeDrill(facts);
  const lines = [`Drill of the store ${from.store}, cell ${from.cell} (${from.environment})`];
  if (point !== undefined) {
    const { id, takenAt, form, major, lsn, bytes } = point;
    const at = lsn === undefined ? '' : `, LSN ${lsn}`;
    lines.push(
      `  ${id} of ${new Date(takenAt).toISOString()}: PostgreSQL ${major} ${form}${at}, ${Math.ceil(bytes / 1e6)} MB`,
    );
  }
  const stages: readonly [string, number | undefined][] = [
    ['fetched', took.fetchedMs],
    ['brought back', took.restoredMs],
    ['first business transaction', took.firstTransactionMs],
    ['compared', took.comparedMs],
    ['checked', took.checkedMs],
  ];
  const reached = stages
    .flatMap(([what, ms]) => (ms === undefined ? [] : [{ what, ms }]))
    // Some go on side by side: they are told as they were reached.
    .toSorted((a, b) => a.ms - b.ms)
    .map(({ what, ms }) => `${what} after ${seconds(ms)}`);
  if (reached.length > 0) lines.push(`  ${reached.join(', ')}`);
  if (census !== undefined) lines.push(`  ${census.rows} rows in ${census.tables} tables compared`);
  if (files !== undefined && files.compared > 0) lines.push(`  ${files.compared} files beside the database compared`);
  if (amcheck?.problems.length === 0) lines.push('  pg_amcheck found nothing wrong in tables and indexes');
  if (wal !== undefined)
    lines.push(
      `  ${wal.replayed === undefined ? 'not brought back:' : 'with'} ${wal.segments} segments of its log, up to ${new Date(wal.reachedAt).toISOString()} (LSN ${wal.lsn})`,
    );
  if (transactions === undefined) lines.push('  no business transactions are declared (vault.drill.transactions)');
  const { rpoMs } = result;
  if (result.rtoMs !== undefined) lines.push(`  RTO: ${rtoText(result)}`);
  if (rpoMs !== undefined) lines.push(`  RPO: the last ${ageText(rpoMs)} would be lost`);
  for (const each of result.because) lines.push(`  WRONG: ${each}`);
  for (const each of result.missing) lines.push(`  NOT LOOKED AT: ${each}`);
  lines.push(result.ok ? 'It went well.' : 'It did not go well.');
  return lines;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
