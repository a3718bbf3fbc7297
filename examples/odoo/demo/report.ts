import type { OdooClosing, TenantFigures } from './figures.ts';
import type { Met } from './journal-figures.ts';

export type { OdooClosing } from './figures.ts';

/** The closing table, for a person. At most 110 columns. */
export function renderOdoo(closing: OdooClosing): string {
  const { line, promotions, tenants } = closing;
  const lines: string[] = ['', 'What happened, as measured in this run', ''];
  for (const { version, environment, result, from, to, question } of promotions) {
    lines.push(`  ${version} → ${environment}: ${result} in ${((to - from) / 1000).toFixed(1)} s`);
    if (question !== undefined) lines.push(`    a person was asked: ${question} (answered: keep)`);
  }
  lines.push('', '  tenant      now at       while 19.0.2 came          while 19.0.3 came          invoices');
  for (const tenant of tenants) lines.push(tenantLine(tenant));
  const { neighbours: beside } = closing;
  lines.push(
    '',
    `  neighbours    ${beside.failed} of ${beside.requests} requests failed while another tenant was away; p95 ${ms(beside.p95Ms)}, before ${ms(beside.quietP95Ms)}`,
    `  writes lost   ${line.lostWrites} of ${closing.checkedWrites} acknowledged timesheet lines, compared with the databases`,
    `  log           ${closing.logEntries} entries, ${line.logVerified ? 'verified against the tree head that the agent holds' : 'NOT VERIFIED'}`,
  );
  if (closing.findings.length > 0)
    lines.push('', '  Findings', ...closing.findings.slice(0, 20).map((f) => `    ${f}`));
  lines.push('');
  return lines.join('\n');
}

function tenantLine({ tenant, version, restored, untouched, upgrade, second, invoices }: TenantFigures): string {
  const how = restored ? ', restored' : untouched ? ', untouched' : '';
  const columns = [
    tenant.padEnd(11),
    version.padEnd(12),
    window(upgrade).padEnd(26),
    `${window(second)}${how}`.padEnd(26),
    invoices.join(', '),
  ];
  return `  ${columns.join(' ')}`;
}

function window({ downtimeMs, turnedAway, failed }: Met): string {
  const away = downtimeMs === null ? 'served' : `${(downtimeMs / 1000).toFixed(1)} s away, ${turnedAway}×503`;
  return failed === 0 ? away : `${away}, ${failed} FAILED`;
}

function ms(value: number | null): string {
  return value === null ? 'none' : `${value} ms`;
}
