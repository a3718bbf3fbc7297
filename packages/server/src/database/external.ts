import {
  type Migrated,
  migrateControlDatabase,
  openPostgresControl,
  type PostgresControl,
} from '@headgate/adapters/control/postgres/index';
import type { Config } from '../config.ts';

const INSUFFICIENT_PRIVILEGE = '42501';

/**
 * Makes sure that an external database is at this code's version. The URL's own role migrates it when it may; a role that
 * may not (as it should be: it then can't change what stands on the log) needs a migrating role beside it. Undefined: there
 * was nothing that this code can't do without. With `insist` what may wait for later is tried, too.
 */
export async function migrateExternal(
  config: Config & { readonly databaseUrl: string },
  insist = false,
): Promise<Migrated | undefined> {
  const { databaseUrl, databaseAdminUrl } = config;
  if (databaseAdminUrl !== undefined) {
    const { username, password } = new URL(databaseUrl);
    const application = { role: decodeURIComponent(username), password: decodeURIComponent(password) };
    return migrateControlDatabase({ adminUrl: databaseAdminUrl, application });
  }
  if (!insist && (await isCurrent(databaseUrl))) return undefined;
  try {
    return await migrateControlDatabase({ adminUrl: databaseUrl });
  } catch (error) {
    if ((error as { code?: string }).code !== INSUFFICIENT_PRIVILEGE) throw error;
    throw new Error(
      `the role of --database-url may not bring the database up to date (${(error as Error).message}): give --database-admin-url with a role that may`,
    );
  }
}

async function isCurrent(databaseUrl: string): Promise<boolean> {
  let opened: PostgresControl;
  try {
    opened = await openPostgresControl({ databaseUrl, poolSize: 1, applicationName: 'headgate start' });
  } catch (error) {
    if (/migrate it first/.test((error as Error).message)) return false;
    throw error;
  }
  await opened.close();
  return true;
}
