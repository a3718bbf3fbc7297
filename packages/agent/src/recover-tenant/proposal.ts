/** Proposed rules as a document that a person reads and corrects: each with why, and how sure. */
import { API_VERSION, type ProposedRule, type ProposedSchemas } from '@headgate/domain';

/** How tenants' schemas are named, and what one of them has that can't go back by its rows, each with why. */
export interface SchemasToRead extends ProposedSchemas {
  readonly doubts: readonly { readonly table: string; readonly why: string }[];
}

/** The YAML text. `schemas`: where tenants have one each. */
export function tenantRowsDocument(name: string, proposed: readonly ProposedRule[], schemas?: SchemasToRead): string {
  return [
    '# Proposed from the tables and their foreign keys. Read every line: a table that is called shared and isn’t stays as it is',
    '# when a tenant goes back, and what belongs to a tenant by more than one way belongs by the one that stands here.',
    `apiVersion: ${API_VERSION}`,
    'kind: TenantRows',
    `metadata: {name: ${name}, owner: change-me}`,
    'spec:',
    ...(schemas === undefined ? [] : schemaLines(schemas)),
    proposed.length === 0
      ? `  rules: [] # the store has no ${schemas === undefined ? 'table' : 'other table'}`
      : '  rules:',
    ...proposed.flatMap(({ rule, sure, why }) => [`    # ${sure}: ${why}`, `    - ${flow(rule)}`]),
    '',
  ].join('\n');
}

function schemaLines({ named, values, without, doubts }: SchemasToRead): readonly string[] {
  const spelled = Object.entries(values).map(
    ([tenant, value]) => `${JSON.stringify(tenant)}: ${JSON.stringify(value)}`,
  );
  return [
    '  # Every table of a tenant’s schema is the tenant’s, without a rule.',
    ...without.map((tenant) => `  # ${tenant} has no schema by this: say in values what stands for it`),
    ...doubts.map(
      ({ table, why }) =>
        `  # ${why}: to go back without it say leave: [{table: ${plain(table)}}] below, and bring its rows back by hand`,
    ),
    ...(spelled.length === 0 ? [] : [`  values: {${spelled.join(', ')}}`]),
    `  schemas: {named: ${JSON.stringify(named)}}`,
  ];
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
