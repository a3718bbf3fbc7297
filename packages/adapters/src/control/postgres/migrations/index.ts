import { tables } from './0001-tables.ts';
import { appendOnly } from './0002-append-only.ts';
import { commit } from './0003-commit.ts';
import { claim } from './0004-claim.ts';
import { log } from './0005-log.ts';
import { lists } from './0006-lists.ts';
import { ended } from './0007-ended.ts';
import { sideBySide } from './0008-side-by-side.ts';
import { troubled } from './0009-troubled.ts';
import { made } from './0010-made.ts';
import { waiting } from './0011-waiting.ts';
import { listsRead } from './0012-lists-read.ts';
import { agentContact } from './0013-agent-contact.ts';
import { placedForGood } from './0014-placed-for-good.ts';
import { standbyLook } from './0015-standby-look.ts';
import { moveLook } from './0016-move-look.ts';
import { vaultLook } from './0017-vault-look.ts';

export interface ControlMigration {
  readonly name: string;
  readonly sql: string;
  /**
   * Set on one that takes away what older code uses (a contract step): code that runs on the database afterwards must know
   * at least so many migrations. Without it the code of before runs on (an expand step).
   */
  readonly needs?: number;
}

/**
 * Migrations of the control plane's own database, in order, forward only. One that was released never changes: its digest
 * is kept where it was applied, and compared.
 */
export const MIGRATIONS: readonly ControlMigration[] = [
  { name: '0001-tables', sql: tables },
  { name: '0002-append-only', sql: appendOnly },
  { name: '0003-commit', sql: commit },
  { name: '0004-claim', sql: claim },
  { name: '0005-log', sql: log },
  { name: '0006-lists', sql: lists },
  { name: '0007-ended', sql: ended },
  { name: '0008-side-by-side', sql: sideBySide },
  { name: '0009-troubled', sql: troubled },
  { name: '0010-made', sql: made },
  { name: '0011-waiting', sql: waiting },
  { name: '0012-lists-read', sql: listsRead },
  { name: '0013-agent-contact', sql: agentContact },
  { name: '0014-placed-for-good', sql: placedForGood },
  { name: '0015-standby-look', sql: standbyLook },
  { name: '0016-move-look', sql: moveLook },
  { name: '0017-vault-look', sql: vaultLook },
];

/** What code that knows these can't do without: contract steps at the end may come later. */
export function requiredOf(migrations: readonly ControlMigration[]): number {
  return migrations.findLastIndex(({ needs }) => needs === undefined) + 1;
}
