import type { Tenancy } from '@headgate/domain';
import type { Checks } from './checks.ts';
import type { LedgerSides } from './ledger-sides.ts';
import type { Migrator } from './migrator.ts';
import type { Operations } from './operations.ts';
import type { RestorePoints } from './restore-points.ts';
import type { Target } from './target.ts';
import type { Traffic } from './traffic.ts';
import type { Vault } from './vault.ts';

/** Everything that the steps of one cell act through. */
export interface Ports {
  /** Whether a store serves one tenant or several: what must fit a store's schema depends on it. */
  readonly tenancy: Tenancy;
  readonly target: Target;
  readonly traffic: Traffic;
  readonly operations: Operations;
  readonly migrator: Migrator;
  readonly restorePoints: RestorePoints;
  /** Absent: restore points stay where they are taken. */
  readonly vault?: Vault | undefined;
  readonly checks: Checks;
  readonly ledgerSides: LedgerSides;
}
