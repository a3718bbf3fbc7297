/** Proposes how tenants' schemas are named, from the schemas that are there: for a person to read. */
import { schemaOfTenant } from './schema.ts';

export interface ProposedSchemas {
  readonly named: string;
  /** What stands for tenants whose names don't stand in their schema's as they are. */
  readonly values: Readonly<Record<string, string>>;
  /** Tenants that have no schema by that. */
  readonly without: readonly string[];
}

/** How a name may stand in a schema's: as it is, or as a name that needs no quotes. */
const SPELLED: readonly ((tenant: string) => string)[] = [
  (tenant) => tenant,
  (tenant) => tenant.replaceAll(/[^A-Za-z0-9_]/g, '_').toLowerCase(),
];

/** Undefined: no tenant's name stands in any schema's. `schemas`: those that have tables. */
export function proposeSchemas(schemas: readonly string[], tenants: readonly string[]): ProposedSchemas | undefined {
  const there = new Set(schemas);
  const spelled = (tenant: string, named: string): string | undefined =>
    SPELLED.map((spell) => spell(tenant)).find((value) => there.has(schemaOfTenant(named, value)));
  const namings = new Set(
    tenants.flatMap((tenant) =>
      SPELLED.flatMap((spell) => {
        const value = spell(tenant);
        return schemas.flatMap((schema) => {
          const at = schema.lastIndexOf(value);
          return at < 0 ? [] : [`${schema.slice(0, at)}{tenant}${schema.slice(at + value.length)}`];
        });
      }),
    ),
  );
  const having = (named: string): number => tenants.filter((each) => spelled(each, named) !== undefined).length;
  const [best] = [...namings].toSorted((a, b) => having(b) - having(a) || a.length - b.length || (a < b ? -1 : 1));
  if (best === undefined) return undefined;
  const values = tenants.flatMap((tenant) => {
    const value = spelled(tenant, best);
    return value === undefined || value === tenant ? [] : [[tenant, value] as const];
  });
  return {
    named: best,
    values: Object.fromEntries(values),
    without: tenants.filter((each) => spelled(each, best) === undefined),
  };
}
