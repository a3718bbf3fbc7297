/** Proposed rules as a document that a person reads and corrects: each with why, and how sure. */
import { API_VERSION, type ProposedRule } from '@headgate/domain';

/** The YAML text. */
export function tenantRowsDocument(name: string, proposed: readonly ProposedRule[]): string {
  return [
    '# Proposed from the tables and their foreign keys. Read every line: a table that is called shared and isn’t stays as it is',
    '# when a tenant goes back, and what belongs to a tenant by more than one way belongs by the one that stands here.',
    `apiVersion: ${API_VERSION}`,
    'kind: TenantRows',
    `metadata: {name: ${name}, owner: change-me}`,
    'spec:',
    proposed.length === 0 ? '  rules: [] # the store has no table' : '  rules:',
    ...proposed.flatMap(({ rule, sure, why }) => [`    # ${sure}: ${why}`, `    - ${flow(rule)}`]),
    '',
  ].join('\n');
}

function flow(rule: ProposedRule['rule']): string {
  const table = plain(rule.table);
  if (rule.rows === 'tenant') return `{table: ${table}, rows: tenant, column: ${plain(rule.column)}}`;
  if (rule.rows === 'shared') return `{table: ${table}, rows: shared}`;
  return `{table: ${table}, rows: through, by: [${rule.by.map(plain).join(', ')}], of: ${plain(rule.of)}}`;
}

/** Quoted only where it must be. */
function plain(text: string): string {
  return /^[A-Za-z_][\w.]*$/.test(text) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(text)
    ? text
    : JSON.stringify(text);
}
