import pg from 'pg';
import { scramVerifier } from '../../postgres-cluster/scram-verifier.ts';

/** The role that servers work as. */
export interface ApplicationRole {
  readonly role: string;
  /** Printable ASCII. */
  readonly password: string;
}

/**
 * What the role may do; nothing else. On the log: add entries, put them in line, and publish heads that fit the tree. What is
 * in line is taken out and placed by the sequencer's function alone, with its owner's rights.
 */
const GRANTS: readonly (readonly [what: string, on: string])[] = [
  ['usage', 'schema headgate'],
  ['select, insert, update', 'headgate.stream'],
  ['select, insert, delete', 'headgate.wake'],
  ['select, insert', 'headgate.entry'],
  ['select, insert', 'headgate.entry_waiting'],
  ['select', 'headgate.log_leaf'],
  ['select', 'headgate.log_node'],
  ['select, insert', 'headgate.log_head'],
  ['select, insert', 'headgate.blob'],
  ['select, update', 'headgate.meta'],
  ['select', 'headgate.migration'],
  ['select, insert, update, delete', 'headgate.server'],
  ['select, insert, update', 'headgate.agent_contact'],
  ['select, insert, update', 'headgate.standby_look'],
  ['select, insert, update', 'headgate.move_look'],
  ['select, insert, update', 'headgate.vault_look'],
  ['select', 'headgate.promotions_ended'],
];

/** Makes the role, or sets its password, and gives it exactly its rights. Inside the migration's transaction. */
export async function ensureApplicationRole(client: pg.Client, { role, password }: ApplicationRole): Promise<void> {
  const name = pg.escapeIdentifier(role);
  const { rows } = await client.query<{ owner: boolean }>(
    'select rolname = current_user or rolsuper as owner from pg_roles where rolname = $1',
    [role],
  );
  if (rows[0]?.owner) {
    throw new TypeError(`${role} owns the control database or is a superuser, so it can't be the application's role`);
  }
  const verb = rows.length === 0 ? 'create' : 'alter';
  await client.query(`${verb} role ${name} with login password ${pg.escapeLiteral(scramVerifier(password))}`);
  await client.query('revoke all on schema headgate from public');
  await client.query('revoke execute on all functions in schema headgate from public');
  await client.query(`revoke all on all tables in schema headgate from ${name}`);
  for (const [what, on] of GRANTS) await client.query(`grant ${what} on ${on} to ${name}`);
  await client.query(`grant execute on all functions in schema headgate to ${name}`);
  // A trigger runs without it; with it the role could hang one that works with the owner's rights on a table of its own.
  const triggers = await client.query<{ name: string }>(
    `select oid::regprocedure::text as name from pg_proc
     where pronamespace = 'headgate'::regnamespace and prorettype = 'trigger'::regtype`,
  );
  for (const { name: trigger } of triggers.rows)
    await client.query(`revoke execute on function ${trigger} from ${name}`);
  const database = await client.query<{ name: string }>('select current_database() as name');
  await client.query(`grant connect on database ${pg.escapeIdentifier(database.rows[0]!.name)} to ${name}`);
}
