import { join } from 'node:path';
import { runBounded } from '../../program-run/bounded-run.ts';
import type { Bounds } from '../../rehearsal/rehearsal-context.ts';
import { neutraliseCommand, odooEnvironment } from '../command.ts';
import { storeDir } from '../store.ts';
import type { TenantCopy } from './tenant-copy.ts';

/**
 * Has Odoo make a copy harmless: no mail goes out, no scheduled job is active, nobody's payment provider is asked. Each installed
 * module that is found in `addons` or among Odoo's own says what is its own. `yields`: everybody else of the machine
 * goes first. Throws, in words, when it doesn't.
 */
export async function neutralise(
  { stores, tenant, door }: Pick<TenantCopy, 'stores' | 'tenant' | 'door'>,
  addons: readonly string[],
  { deadlineMs, signal }: Bounds,
  yields = true,
): Promise<void> {
  const { odoo } = stores;
  const login = await door.forAssignment(tenant);
  try {
    const run = await runBounded({
      command: neutraliseCommand(odoo, addons, tenant.database),
      environment: odooEnvironment(odoo, login),
      workDir: join(storeDir(stores, tenant), 'neutralise'),
      user: odoo.user,
      deadlineMs,
      signal,
      yields,
      secrets: [login.password],
    });
    signal.throwIfAborted();
    if (run.exitCode !== 0)
      throw new Error(`Odoo doesn't neutralise the copy, so nothing is run on it: ${run.output.trim().slice(-800)}`);
  } finally {
    await door.endAssignments(tenant);
  }
}
