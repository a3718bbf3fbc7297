import pg from 'pg';
import type { Database } from '../app/core/database.ts';
import type { AuditedStore } from '../audit.ts';
import type { Example } from '../bring-up.ts';
import type { LoadConfig } from '../load/config.ts';

/** What the audit reads, over sessions of its own: every store of the example, and the ledger. */
export interface AuditTargets {
  readonly stores: readonly AuditedStore[];
  readonly erp: Database;
  close(): Promise<void>;
}

/** Opens the sessions that the audit reads through. */
export async function openAuditTargets(example: Pick<Example, 'cells' | 'erp'>): Promise<AuditTargets> {
  const pools: pg.Pool[] = [];
  const open = async (config: Promise<pg.ClientConfig>): Promise<Database> => {
    const pool = new pg.Pool({ ...(await config), max: 1, application_name: 'audit' });
    // A cluster that is killed between two measurements is met by the next query, not by an uncaught event.
    pool.on('error', () => {});
    pools.push(pool);
    return pool as unknown as Database;
  };
  const stores = await Promise.all(
    example.cells.map(async (each) => ({
      client: await open(each.connection()),
      tenants: each.cell.tenants.map((tenant) => tenant.id),
    })),
  );
  const erp = await open(example.erp.connection());
  return { stores, erp, close: async () => void (await Promise.all(pools.map((pool) => pool.end()))) };
}

/** A load of every tenant of the example, through its cell's router. */
export function loadConfigOf(example: Pick<Example, 'cells'>, journalFile: string, requestsPerSecond = 4): LoadConfig {
  const cells = example.cells.map(({ url, tokensFile, cell }) => ({
    url,
    tokensFile,
    tenants: cell.tenants.map((tenant) => tenant.id),
  }));
  return { journalFile, requestsPerSecond, timeLimitMs: 5_000, cells };
}
