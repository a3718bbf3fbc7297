import { afterAll, beforeAll, expect, test } from 'vitest';
import { withClient } from '../../postgres-cluster/database.ts';
import { createTenant } from './tenant-creation.ts';
import { asSlot, type RealDoors, realDoors } from './testing/real-doors.ts';

const TEMPLATE = { name: 'template', database: 'template' };

/** As Odoo 19's own modules make them, in short. */
const TABLES = `
  create table ir_config_parameter(key text unique, value text, create_uid int, create_date timestamp, write_date timestamp);
  insert into ir_config_parameter values ('database.uuid', 'its-own'), ('database.secret', 'its-own');
  create table res_users(id int, login varchar, password varchar, totp_secret varchar, oauth_access_token varchar);
  insert into res_users values (2, 'admin', 'hash', 'totp', 'oauth');
  create table res_users_apikeys(id int); insert into res_users_apikeys values (1);
  create table auth_passkey_key(id int, credential_identifier varchar not null, public_key varchar);
  insert into auth_passkey_key values (1, 'credential', 'public');
  create table iap_account(id int, account_token varchar); insert into iap_account values (1, 'token');
  create table ir_mail_server(id int, smtp_host varchar, smtp_pass varchar, smtp_ssl_private_key bytea);
  insert into ir_mail_server values (1, 'mail.example', 'pass', 'key');
  create table fetchmail_server(id int, password varchar, google_gmail_refresh_token varchar);
  insert into fetchmail_server values (1, 'pass', 'token')`;

let at: RealDoors;
beforeAll(async () => {
  at = await realDoors(['template']);
  await at.door.open(TEMPLATE, 'blue');
  await asSlot(at, 'template', (client) => client.query(TABLES));
});
afterAll(() => at?.remove());

test('a tenant that is made from a template has none of its keys, tokens and passwords', async () => {
  const { stores, door } = at;
  const creation = { store: { name: 'fresh', database: 'fresh' }, template: TEMPLATE };
  expect(await createTenant(stores, door, creation)).toEqual({ ok: true, value: 'made' });
  await withClient(await stores.cluster.connection('fresh'), async (client) => {
    const rows = async (table: string) => (await client.query(`select * from public.${table}`)).rows;
    expect(await rows('res_users')).toEqual([
      { id: 2, login: 'admin', password: null, totp_secret: null, oauth_access_token: null },
    ]);
    expect([await rows('res_users_apikeys'), await rows('auth_passkey_key')]).toEqual([[], []]);
    expect(await rows('iap_account')).toEqual([{ id: 1, account_token: null }]);
    expect(await rows('ir_mail_server')).toEqual([
      { id: 1, smtp_host: 'mail.example', smtp_pass: null, smtp_ssl_private_key: null },
    ]);
    expect(await rows('fetchmail_server')).toEqual([{ id: 1, password: null, google_gmail_refresh_token: null }]);
    expect((await rows('ir_config_parameter')).map(({ value }) => value)).not.toContain('its-own');
  });
});
