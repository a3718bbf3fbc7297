import type { FailureCode } from '@headgate/domain';
import { denied } from '@headgate/execution';
import pg from 'pg';

/** How PostgreSQL refuses them where one function runs a whole file; our clusters speak English (lc_messages). */
const TRANSACTION_CONTROL = 'EXECUTE of transaction commands is not implemented';

/**
 * What a PostgreSQL error means for a step, or `undefined` when it is broken infrastructure. The message is only passed
 * on where it speaks of the statement; others may quote a customer's data, so they are named by code and object.
 */
export function sqlRefusal(error: unknown): ReturnType<typeof denied> | undefined {
  if (!(error instanceof pg.DatabaseError) || error.code === undefined) return undefined;
  const code = refusalCode(error.code);
  if (code === undefined) return undefined;
  if (error.code === '2D000' || error.message === TRANSACTION_CONTROL) {
    const unblocks = 'a migration is run whole in one transaction, so leave BEGIN, COMMIT, ROLLBACK and SAVEPOINT out';
    return denied(code, `PostgreSQL refused it (${error.code}): the file controls its transaction; ${unblocks}`);
  }
  const object = [error.table, error.column, error.constraint].filter(Boolean).join('.');
  const speaksOfStatement = /^(42|0A|25|55P03|57014)/.test(error.code);
  const what = speaksOfStatement ? error.message.slice(0, 300) : object ? `on ${object}` : '';
  return denied(code, `PostgreSQL refused it (${error.code})${what ? `: ${what}` : ''}`);
}

function refusalCode(state: string): FailureCode | undefined {
  // Lock not available in time, deadlock, serialisation failure: somebody was in the way.
  if (state === '55P03' || state === '40P01' || state === '40001') return 'transient';
  if (state === '57014') return 'expired';
  // 08: connection, 53: resources, 57P: shutting down, 58 and XX: the system. Not the statement's fault.
  if (/^(08|53|57P|58|XX)/.test(state)) return undefined;
  return 'rejected';
}
