/** Proposes rules for a store from its foreign keys, for a person to read: which tables carry a tenant, which lead to one. */
import type { RowsCatalogue, RowsForeignKey, RowsTable } from './catalogue.ts';
import type { TenantRowsRule } from './rule.ts';

export interface ProposedRule {
  readonly rule: TenantRowsRule;
  readonly sure: 'sure' | 'likely' | 'guess';
  readonly why: string;
}

/** What columns that say a tenant are called, the usual ones first. */
const TENANT_COLUMNS = [
  'tenant_id',
  'tenant',
  'tenant_key',
  'org_id',
  'organisation_id',
  'organization_id',
  'company_id',
  'account_id',
  'mandant',
  'mandant_id',
];

/** Proposals in the order of the tables' names. `column`: what the tenant's column is called; absent: the usual name that most tables have. */
export function proposeTenantRows(catalogue: RowsCatalogue, column?: string): readonly ProposedRule[] {
  const has = (table: RowsTable, name: string): boolean => table.columns.some((each) => each.name === name);
  const count = (name: string): number => catalogue.tables.filter((table) => has(table, name)).length;
  const usual = TENANT_COLUMNS.toSorted((a, b) => count(b) - count(a))[0]!;
  const tenantColumn = column ?? (count(usual) > 0 ? usual : undefined);
  const tables = catalogue.tables
    .map((table) => ({ ...table, full: `${table.schema}.${table.name}` }))
    .toSorted((a, b) => (a.full < b.full ? -1 : 1));
  const found = new Map<string, ProposedRule>();
  for (const table of tables)
    if (tenantColumn !== undefined && has(table, tenantColumn))
      found.set(table.full, {
        rule: { table: table.full, rows: 'tenant', column: tenantColumn },
        sure: 'sure',
        why: withDoubts(`it has the column ${tenantColumn}`, table),
      });
  // Where the tenants themselves stand: their own row is theirs.
  for (const { table: from, columns, references, referencedColumns } of catalogue.foreignKeys) {
    const of = tables.find(({ full }) => full === references);
    if (of === undefined || found.has(references) || !found.has(from) || columns.join() !== tenantColumn) continue;
    const rule = { table: references, rows: 'tenant', column: referencedColumns[0]! } as const;
    found.set(references, { rule, sure: 'likely', why: withDoubts('tenant columns refer to it', of) });
  }
  // From those that carry a tenant outwards: the shortest way to one.
  for (let grew = true; grew; ) {
    const next = tables.flatMap((table) => {
      if (found.has(table.full)) return [];
      const ways = catalogue.foreignKeys.filter((key) => key.table === table.full && found.has(key.references));
      return ways.length === 0 ? [] : [through(table, ways)];
    });
    for (const proposed of next) found.set(proposed.rule.table, proposed);
    grew = next.length > 0;
  }
  return tables.map(
    (table) =>
      found.get(table.full) ?? {
        rule: { table: table.full, rows: 'shared' },
        sure: 'guess',
        why: 'no column says a tenant, and no foreign key leads to one',
      },
  );
}

function through(table: RowsTable & { readonly full: string }, ways: readonly RowsForeignKey[]): ProposedRule {
  const always = (key: RowsForeignKey): boolean =>
    key.columns.every((name) => table.columns.find((each) => each.name === name)?.notNull === true);
  const [way] = ways.toSorted((a, b) => Number(always(b)) - Number(always(a)) || (a.name < b.name ? -1 : 1));
  const others = ways.filter((each) => each !== way).map((each) => `${each.columns.join(', ')} to ${each.references}`);
  const why = [
    `the foreign key ${way!.name} leads there`,
    ...(always(way!) ? [] : ['where it is null the row is nobody’s, and left alone']),
    ...(others.length > 0 ? [`other ways: ${others.slice(0, 5).join('; ')}`] : []),
  ].join('; ');
  const sure = always(way!) && others.length === 0 ? 'sure' : 'likely';
  return {
    rule: { table: table.full, rows: 'through', by: way!.columns, of: way!.references },
    sure,
    why: withDoubts(why, table),
  };
}

function withDoubts(why: string, { key, kind }: RowsTable): string {
  const doubts = [
    ...(kind === 'plain' ? [] : [`it is ${kind}, which is refused`]),
    ...(kind === 'plain' && key.length === 0 ? ['it has no primary key, which is refused'] : []),
  ];
  return [why, ...doubts].join('; ');
}
