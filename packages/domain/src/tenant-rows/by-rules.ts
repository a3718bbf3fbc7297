/** Whether a difference is what rules make of a tenant: which tables are compared, by what their rows are somebody's, and what stands for the tenant. */
import { fullName } from '../masking/rule.ts';
import type { Digest } from '../model/identity.ts';
import { named } from '../plan/render-words.ts';
import type { TenantDifference } from './difference.ts';
import type { Belongs } from './plan.ts';
import { type TenantRowsRule, type TenantRowsSpec, tenantValue } from './rule.ts';
import { schemaOfTenant } from './schema.ts';

/** Why it isn't, in words; undefined: it is. */
export function misfitOfRules(
  difference: Pick<TenantDifference, 'rules' | 'value' | 'tenant' | 'tables' | 'shared' | 'schemas'>,
  spec: TenantRowsSpec & { readonly digest: Digest },
): string | undefined {
  const { rules, value, tenant, tables, shared, schemas } = difference;
  if (rules.digest !== spec.digest)
    return `it says that it was made by the rules ${rules.digest}, and these are ${spec.digest}`;
  const stands = tenantValue(spec, tenant);
  if (value !== stands) return `${JSON.stringify(value)} stands for ${tenant} in it, and ${stands} by the rules`;
  if (schemas?.named !== spec.schemas?.named)
    return `tenants’ schemas are named ${schemas?.named ?? 'by nothing'} in it, and ${spec.schemas?.named ?? 'by nothing'} by the rules`;
  const own = schemas && schemaOfTenant(schemas.named, value);
  const left = new Set(
    spec.schemas?.leave?.flatMap((each) => (each.columns === undefined ? [`${own}.${each.table}`] : [])),
  );
  const byTable = new Map(spec.rules.map((rule) => [fullName(rule.table), rule]));
  const otherwise = tables.filter(({ table, belongs }) => !isBy(belongs, byTable.get(table)));
  const there = new Set(tables.map(({ table }) => table));
  const lacking = [...byTable].flatMap(([table, { rows }]) => (rows === 'shared' || there.has(table) ? [] : [table]));
  const taken = shared.filter((table) => byTable.get(table)?.rows !== 'shared' && !left.has(table));
  const wrong = [...otherwise.map(({ table }) => table), ...lacking, ...taken];
  return wrong.length === 0 ? undefined : `whose the rows of ${named(wrong)} are is otherwise in it than by the rules`;
}

function isBy(belongs: Belongs, rule: TenantRowsRule | undefined): boolean {
  // That it lies in the tenant's schema is held against the store.
  if (belongs.rows === 'schema') return rule === undefined;
  if (belongs.rows === 'tenant') return rule?.rows === 'tenant' && rule.column === belongs.column;
  if (rule?.rows !== 'through' || fullName(rule.of) !== belongs.of) return false;
  return rule.by.toSorted().join('\0') === belongs.by.toSorted().join('\0');
}
