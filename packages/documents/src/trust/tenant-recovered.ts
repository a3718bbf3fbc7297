/** Our statement of a difference that was applied: its subject is the difference, and no value of any row stands in it. */
import type { Digest, TenantDifference } from '@headgate/domain';
import { TENANT_RECOVERED_PREDICATE } from './predicates.ts';
import { type SignedBundle, signStatement } from './sign.ts';
import type { SigningKey } from './signing-key.ts';
import { type Statement, statementAbout } from './statement.ts';

export interface TenantRecovered {
  readonly by: string;
  readonly approval: { readonly by: string; readonly digest: Digest };
  readonly at: number;
  readonly rows: { readonly back: number; readonly away: number; readonly changed: number };
  /** How it is known that nobody else's rows changed: by sums over them, or by the rows that were written. */
  readonly others: { readonly summed: number; readonly counted: readonly string[] };
  /** The difference that takes this one back. */
  readonly reverse: Digest;
}

/** "This tenant's rows were brought back, and that is what came of it." */
export function tenantRecoveredStatement(
  { environment, cell, store, tenant, moment, rules }: TenantDifference,
  digest: Digest,
  facts: TenantRecovered,
): Statement {
  const predicate = { environment, cell, store, tenant, moment, rules, ...facts };
  return statementAbout(`${tenant} of ${cell}/${store}`, digest, TENANT_RECOVERED_PREDICATE, predicate);
}

/** The same, signed. */
export function signTenantRecovered(statement: Statement, key: SigningKey): SignedBundle {
  return signStatement(statement, key);
}
