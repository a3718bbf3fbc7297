import type pg from 'pg';

/**
 * What a session of ours is by, whatever the database's owner set for it (`alter database … set`): a search path alone
 * would make us run the owner's functions with a superuser's rights. Given as the session starts, they win.
 */
const OWN_SETTINGS: Readonly<Record<string, string>> = {
  search_path: 'pg_catalog,pg_temp',
  role: 'none',
  default_transaction_isolation: 'read committed',
  default_transaction_read_only: 'off',
  synchronous_commit: 'on',
  // What is read is taken apart by these, and what is written quoted by them.
  datestyle: 'ISO',
  intervalstyle: 'postgres',
  timezone: 'UTC',
  bytea_output: 'hex',
  standard_conforming_strings: 'on',
};

const OPTIONS = Object.entries(OWN_SETTINGS).map(([name, value]) => `-c ${name}=${value.replaceAll(' ', '\\ ')}`);

/** The same session, by our settings. Every name in a statement there has to be a qualified one. */
export function ownSession(config: pg.ClientConfig): pg.ClientConfig {
  const { options } = config;
  return { ...config, options: [...(options === undefined ? [] : [options]), ...OPTIONS].join(' ') };
}

/** Who logs in with rights of its own, and with what options of the session, if any. */
export interface Login {
  readonly user: string;
  readonly password: string;
  readonly options?: string;
}
