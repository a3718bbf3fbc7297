/** The schema that is one tenant's, where each tenant has one: its name, and whether it can be. */
import { type Refusal, refused } from '../model/refusal.ts';
import type { TenantSchemas } from './rule.ts';

/** A tenant's schema. */
export interface OwnSchema {
  readonly named: string;
  readonly name: string;
  /** Those of the store's other tenants, each once, in order. */
  readonly others: readonly string[];
  readonly leave: NonNullable<TenantSchemas['leave']>;
}

const MOST_BYTES = 63;
/** Everybody's, PostgreSQL's, or ours. */
const NOBODYS = /^(public|information_schema|headgate|headgate_copy|pg_.*)$/;

/** The schema's name, for what stands for a tenant. */
export function schemaOfTenant(named: string, value: string): string {
  return named.split('{tenant}').join(value);
}

/** `others`: names of the store's other tenants, and what stands for them. */
export function ownSchema(
  what: string,
  { named, leave = [] }: TenantSchemas,
  { tenant, value, others }: { readonly tenant: string; readonly value: string; readonly others: readonly string[] },
): { readonly ok: true; readonly own: OwnSchema } | { readonly ok: false; readonly refusal: Refusal } {
  const name = schemaOfTenant(named, value);
  const no = (code: string, why: string, unblock: string) => refused(code, what, name, why, unblock);
  if (!named.includes('{tenant}'))
    return no(
      'value-unfit',
      `${named} names one schema for all tenants`,
      'put {tenant} where the tenants’ names differ',
    );
  if (NOBODYS.test(name) || name.includes('.') || new TextEncoder().encode(name).length > MOST_BYTES)
    return no(
      'value-unfit',
      `${JSON.stringify(name)} can’t be the schema of ${tenant}: it has at most ${MOST_BYTES} bytes and no dot, and isn’t everybody’s`,
      'say in the rules how a tenant’s schema is named (`schemas: {named: …}`), and what stands for the tenant in it (`values`)',
    );
  const theirs = others.find((other) => schemaOfTenant(named, other) === name);
  if (theirs !== undefined)
    return no(
      'value-of-another',
      `the schema ${name} would be that of ${tenant}, and is another tenant’s of this store (${JSON.stringify(theirs)}): its rows would be changed`,
      'say in the rules what stands for each tenant: `values`, and nobody’s name for somebody else',
    );
  const schemas = [...new Set(others.map((other) => schemaOfTenant(named, other)))].toSorted();
  return { ok: true, own: { named, name, others: schemas, leave } };
}
