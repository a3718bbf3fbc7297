/** By which settings a look is: its own, whatever the database's owner set. On a real server. */
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { boundedLook } from './bounded-look.ts';
import { RealServers } from './testing/real-servers.ts';

let servers: RealServers;
beforeAll(async () => {
  servers = await RealServers.make();
}, 120_000);
afterAll(() => servers?.remove());

test('a role that the owner set for every session takes no right from a look, and it still writes nothing', async () => {
  const connectionString = (await servers.primary()).url();
  const owner = new pg.Client({ connectionString });
  await owner.connect();
  const { rows } = await owner.query<{ name: string }>('select current_database() as name');
  await owner.query(`create role lame; alter database "${rows[0]?.name}" set role = 'lame'`);
  await owner.end();
  const bounds = { deadlineMs: 5_000, mostBytes: 65_536 };
  const looked = await boundedLook({ connectionString }, bounds, async (client) => {
    const { rows: said } = await client.query(
      `select current_user = session_user as own, current_setting('default_transaction_read_only') as reads,
         current_setting('search_path') as path, current_setting('statement_timeout') as timeout
       from pg_control_system()`,
    );
    return said[0];
  });
  expect(looked).toEqual({ own: true, reads: 'on', path: 'pg_catalog,pg_temp', timeout: '3s' });
}, 60_000);
