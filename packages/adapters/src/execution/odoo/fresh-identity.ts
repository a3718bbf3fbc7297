import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { withClient } from '../../postgres-cluster/database.ts';
import type { OdooLogin } from './command.ts';
import type { OdooStore, OdooStores } from './store.ts';

/** Parameters that are one database's own, and which Odoo makes anew when they are needed and not there. */
const FORGOTTEN = ['mail.web_push_vapid_public_key', 'mail.web_push_vapid_private_key'] as const;

/** Tables of keys by which somebody gets in: API keys, passkeys, and devices that need no second factor. */
const KEYS = ['res_users_apikeys', 'auth_passkey_key', 'auth_totp_device'] as const;

const GMAIL = ['google_gmail_refresh_token', 'google_gmail_access_token'] as const;
const OUTLOOK = ['microsoft_outlook_refresh_token', 'microsoft_outlook_access_token'] as const;

/** What somebody proves by who they are, here or elsewhere, and which stands in rows that stay. */
const SECRETS: Readonly<Record<string, readonly string[]>> = {
  res_users: ['password', 'totp_secret', 'oauth_access_token', 'microsoft_calendar_token', 'microsoft_calendar_rtoken'],
  res_users_settings: ['google_calendar_token', 'google_calendar_rtoken'],
  // An account without a token is one that Odoo makes anew when it is needed.
  iap_account: ['account_token'],
  ir_mail_server: ['smtp_pass', 'smtp_ssl_private_key', ...GMAIL, ...OUTLOOK],
  fetchmail_server: ['password', ...GMAIL, ...OUTLOOK],
};

/**
 * Makes a copied database one of its own, in one transaction and as its owner: another `database.uuid` (by which Odoo's
 * services know it) and `database.secret` (which signs sessions and links, so none of the template's is good here), no API
 * key, no passkey, no trusted device, no second factor's secret, no token and no password of the template's users; no
 * account of the template's with Odoo's paid services, and no password or token of its mail servers and calendars. Odoo
 * itself changes the parameters alone when it duplicates a database. Whoever is to log in gets a password or a key
 * afterwards.
 *
 * What its maker configured for whole companies stays: payment providers, LDAP, certificates, electronic invoicing, keys of
 * maps and text messages. A secret that no two tenants may share doesn't belong into a template.
 */
export async function freshIdentity(stores: OdooStores, store: OdooStore, login: OdooLogin): Promise<void> {
  const { user, password } = login;
  await withClient(await stores.cluster.connectionAs({ user, password }, store.database), async (client) => {
    await client.query('begin');
    for (const key of ['database.uuid', 'database.secret'])
      await client.query(
        `insert into public.ir_config_parameter(key, value, create_uid, create_date) values ($1, $2, 1, now() at time zone 'utc')
         on conflict (key) do update set value = excluded.value, write_date = excluded.create_date`,
        [key, randomUUID()],
      );
    await client.query(
      `update public.ir_config_parameter set value = to_char(now() at time zone 'utc', 'YYYY-MM-DD HH24:MI:SS')
       where key = 'database.create_date'`,
    );
    await client.query('delete from public.ir_config_parameter where key = any($1)', [FORGOTTEN]);
    for (const table of KEYS)
      if (await hasColumn(client, table, 'id')) await client.query(`delete from public.${pg.escapeIdentifier(table)}`);
    for (const [table, columns] of Object.entries(SECRETS))
      for (const column of columns)
        if (await hasColumn(client, table, column)) {
          const name = pg.escapeIdentifier(column);
          await client.query(
            `update public.${pg.escapeIdentifier(table)} set ${name} = null where ${name} is not null`,
          );
        }
    await client.query('commit');
  });
}

async function hasColumn(client: pg.ClientBase, table: string, column: string): Promise<boolean> {
  const { rowCount } = await client.query(
    `select 1 from information_schema.columns where table_schema = 'public' and table_name = $1 and column_name = $2`,
    [table, column],
  );
  return rowCount === 1;
}
