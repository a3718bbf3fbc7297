import type { Closing, PromotionFigures } from './figures.ts';

/** The closing table, for a person. At most 100 columns. */
export function renderClosing(closing: Closing): string {
  const lines: string[] = ['', 'What happened, as measured in this run', ''];
  for (const promotion of closing.promotions) lines.push(...promotionLines(promotion), '');
  const { line } = closing;
  const row = (name: string, value: string): void => {
    lines.push(`  ${name.padEnd(34)} ${value}`);
  };
  row('writes lost', `${line.lostWrites} of ${closing.checkedWrites} acknowledged writes, compared field by field`);
  row('postings doubled', `${line.doubledPostings} of ${closing.postings} in the ERP's ledger`);
  row(
    'system and ledger',
    closing.agrees
      ? `agree to the cent: ${cents(closing.invoicedCents)} on both sides`
      : `DISAGREE: ${cents(closing.invoicedCents)} invoiced, ${cents(closing.postedCents)} posted`,
  );
  row(
    'log',
    `${line.logEntries} entries, ${line.logVerified ? 'verified against the tree head that the agent holds' : 'NOT VERIFIED'}`,
  );
  if (closing.findings.length > 0)
    lines.push('', '  Findings', ...closing.findings.slice(0, 20).map((f) => `    ${f}`));
  lines.push('');
  return lines.join('\n');
}

function promotionLines(p: PromotionFigures): readonly string[] {
  const waves = p.waves.map((w) => `${w.ring} ${seconds(w.durationMs)}`).join(', ');
  const lines = [
    `  ${p.version} → ${p.environment}: ${p.result} in ${seconds(p.to - p.from)}`,
    `    waves            ${waves || 'none'}`,
    `    restore points   ${p.restorePoints} verified`,
    `    failed requests  ${failedText(p)}`,
  ];
  if (p.detectToSafeMs !== null)
    lines.push(
      `    verdict → safe   ${p.detectToSafeMs} ms from "a check failed" to the last tenant back on the stable slot`,
    );
  if (p.firstFailingLookToSafeMs !== null)
    lines.push(
      `    look → safe      ${p.firstFailingLookToSafeMs} ms from that check's first look that failed; it looks again before it judges`,
    );
  if (p.replayed + p.acknowledged + p.asked > 0)
    lines.push(
      `    reconciled       ${p.replayed} invoices posted again, ${p.acknowledged} acknowledged, ${p.asked} put before a person`,
    );
  return lines;
}

function failedText(p: PromotionFigures): string {
  const { count, requests, byTenant, awayMs } = p.failed;
  const away = awayMs === 0 ? '' : `, NOT MEASURED for ${seconds(awayMs)}`;
  if (count === 0) return `0 of ${requests}${away}`;
  return `${count} of ${requests}${away} (${Object.entries(byTenant)
    .map(([tenant, n]) => `${tenant} ${n}`)
    .join(', ')})`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** The example's tenants bill in one currency. */
function cents(amount: bigint): string {
  const digits = (amount < 0n ? -amount : amount).toString().padStart(3, '0');
  return `${amount < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}
