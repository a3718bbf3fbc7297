import type { ControlPlane } from '../control-plane/control-plane.ts';
import type { Logger } from '../log.ts';
import type { ReconciliationsFile } from './reconciliations-file.ts';

/**
 * Tells the server of the plans that were carried out, oldest first, until it has them. A refused one is kept, since it may
 * be the server's trust file that lacks the agent's key. Answers what became of the newest: `recorded`, why it is
 * refused, or undefined while the server is away.
 */
export async function tellReconciled(
  plane: Pick<ControlPlane, 'recordReconciliation'>,
  file: Pick<ReconciliationsFile, 'untold' | 'told'>,
  log: Logger,
): Promise<string | undefined> {
  let said: string | undefined;
  for (const statement of file.untold) {
    said = await plane.recordReconciliation(statement).catch(() => undefined);
    if (said === undefined) return undefined;
    if (said === 'recorded') await file.told(statement);
    else log.warn({ said }, 'the server did not take the statement of a reconciliation; it is kept, and told again');
  }
  return said;
}
