import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import pg from 'pg';
import { readIfThere, readSecret, writeDurably } from '../../machine/durable-file.ts';
import type { OdooLogin } from './command.ts';
import { inRecords } from './records.ts';
import { resetSettings } from './role-settings.ts';
import type { OdooStore, OdooStores } from './store.ts';

/**
 * Who of Odoo's processes may open a tenant's database. Each slot has a login of its own, and a database lets in the one
 * login of the slot that its tenant is routed to, or nobody while it is held. So neither the scheduler of the wrong slot,
 * nor a request that names another tenant's database in its body, nor a forgotten upgrade reaches it, whatever Odoo's own
 * filter says. All logins act as the owner, so what they create belongs to it; while a tenant is held for writes alone, its
 * slot's login acts as a role that may only read. Customers' own logins (a reporting tool's) aren't touched.
 */
export class DatabaseDoor {
  private readonly stores: OdooStores;

  constructor(stores: OdooStores) {
    this.stores = stores;
  }

  /** Creates the owner and the slots' logins unless they are there. */
  async prepare(slots: readonly string[]): Promise<void> {
    const { owner } = this.stores;
    await inRecords(this.stores, async (client) => {
      const there = await client.query<{ may: boolean }>('select rolcanlogin as may from pg_roles where rolname = $1', [
        owner,
      ]);
      if (there.rowCount === 0) await client.query(`create role ${pg.escapeIdentifier(owner)} nologin`);
      // Odoo finds a host's database among those of a role that may log in (`pg_user`); as this one nobody can all the same.
      if (!there.rows[0]?.may)
        await client.query(`alter role ${pg.escapeIdentifier(owner)} login password null connection limit 0`);
      const reading = await client.query('select 1 from pg_roles where rolname = $1', [this.readingRole]);
      const role = pg.escapeIdentifier(this.readingRole);
      if (reading.rowCount === 0) await client.query(`create role ${role} nologin in role pg_read_all_data`);
      for (const slot of slots) {
        const file = this.passwordFile(slot);
        if ((await readIfThere(file)) === undefined) await writeDurably(file, `${newPassword()}\n`, 0o600);
        const role = this.slotRole(slot);
        const known = await client.query('select 1 from pg_roles where rolname = $1', [role]);
        if (known.rowCount === 0) await client.query(create(role, await readSecret(file), owner));
        await client.query('begin');
        await this.putRight(client, slot);
        await client.query('commit');
        await client.query(`grant ${pg.escapeIdentifier(this.readingRole)} to ${pg.escapeIdentifier(role)}`);
      }
    });
  }

  /** The login that the processes of a slot use. */
  async slotLogin(slot: string): Promise<OdooLogin> {
    const { port } = this.stores.cluster.config;
    return { port, user: this.slotRole(slot), password: await readSecret(this.passwordFile(slot)) };
  }

  /**
   * Lets the slot's processes in, and nobody else of Odoo's. Sessions of others, and those that could only read, end.
   * Settings that somebody made for the slot's login go: whoever wants one sets it for the database.
   */
  async open(store: OdooStore, slot: string): Promise<void> {
    await this.act(store.database, slot, 'owner');
    await this.admit(store.database, this.slotRole(slot));
  }

  /**
   * Lets the slot's processes in to read, and nobody else of Odoo's. When this returns, no session is left that may write.
   * Requests should have drained before.
   */
  async openToRead(store: OdooStore, slot: string): Promise<void> {
    await this.act(store.database, slot, 'reader');
    await this.admit(store.database, this.slotRole(slot));
  }

  /** Lets nobody of Odoo's in and ends their sessions. Requests should have drained before. */
  async close(store: OdooStore): Promise<void> {
    await this.admit(store.database, undefined);
  }

  /**
   * The slot that each tenant's database is open for, to write as well, by its name, of all that are open; one question for
   * all of them.
   */
  async openFor(stores: readonly OdooStore[], slots: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const databases = stores.map(({ database }) => database);
    const roles = slots.map((slot) => this.slotRole(slot));
    return inRecords(this.stores, async (client) => {
      const { rows } = await client.query<{ database: string; slot: number }>(
        `select d.datname as database, min(s.place)::int as slot
         from pg_database d
         cross join unnest($2::text[]) with ordinality as s(role, place)
         join pg_roles r on r.rolname = s.role
         where d.datname = any($1) and has_database_privilege(r.oid, d.oid, 'connect') and ${ACTS_AS_OWNER}
         group by 1`,
        [databases, roles],
      );
      return new Map(rows.map(({ database, slot }) => [database, slots[slot - 1]!]));
    });
  }

  /** Odoo's logins that may write to the database: none while its tenant is held. */
  async admitted(store: OdooStore): Promise<readonly string[]> {
    return inRecords(this.stores, async (client) => {
      const { rows } = await client.query<{ role: string }>(
        `select r.rolname as role from pg_roles r
         where (r.rolname = $1 or r.oid in (select member from pg_auth_members where roleid = (select oid from pg_roles where rolname = $1)))
           and r.rolcanlogin
           and exists (select from pg_database d where d.datname = $2
             and has_database_privilege(r.oid, d.oid, 'connect') and ${ACTS_AS_OWNER})`,
        [this.stores.owner, store.database],
      );
      return rows.map(({ role }) => role);
    });
  }

  /**
   * A login for one assignment alone. All earlier ones of this store are locked out and their sessions ended first, and
   * the slots' too: from here on only this login reaches the database.
   */
  async forAssignment(store: OdooStore): Promise<OdooLogin> {
    await this.endAssignments(store);
    const { owner, cluster } = this.stores;
    const role = `${assignmentLogins(store)}${randomBytes(6).toString('hex')}`;
    const password = newPassword();
    await inRecords(this.stores, async (client) => {
      await client.query('begin');
      await client.query('insert into headgate.login(role, database) values ($1, $2)', [role, store.database]);
      await client.query(create(role, password, owner));
      await client.query(actAs(role, owner));
      await client.query('commit');
    });
    await this.admit(store.database, role);
    return { port: cluster.config.port, user: role, password };
  }

  /** Locks out, and removes, the logins of earlier assignments at this store. */
  async endAssignments(store: OdooStore): Promise<void> {
    await inRecords(this.stores, async (client) => {
      const { rows } = await client.query<{ role: string; there: boolean }>(
        `select role, exists(select from pg_roles where rolname = role) as there from headgate.login where database = $1`,
        [store.database],
      );
      for (const { role, there } of rows) {
        if (there) {
          const name = pg.escapeIdentifier(role);
          await client.query(`alter role ${name} nologin`);
          await endSessions(client, 'usename = $1', [role]);
          await client.query(`revoke all on database ${pg.escapeIdentifier(store.database)} from ${name}`);
          await client.query(`drop role ${name}`);
        }
        await client.query('delete from headgate.login where role = $1', [role]);
      }
    });
  }

  /** As whom a slot's login acts in a database from its next session on. Sessions from before a change end. */
  private async act(database: string, slot: string, as: 'owner' | 'reader'): Promise<void> {
    const login = this.slotRole(slot);
    await inRecords(this.stores, async (client) => {
      await client.query('begin');
      await this.putRight(client, slot);
      const { rows } = await client.query<{ settings: readonly string[] | null }>(
        `select s.setconfig as settings from pg_db_role_setting s
         join pg_roles r on r.oid = s.setrole join pg_database d on d.oid = s.setdatabase
         where r.rolname = $1 and d.datname = $2`,
        [login, database],
      );
      const there = `alter role ${pg.escapeIdentifier(login)} in database ${pg.escapeIdentifier(database)}`;
      await client.query(`${there} reset all`);
      if (as === 'reader') await client.query(`${there} set role = ${pg.escapeLiteral(this.readingRole)}`);
      await client.query('commit');
      if (as === 'owner' && rows.length === 0) return;
      await endSessions(client, 'datname = $1 and usename = $2', [database, login]);
    });
  }

  /**
   * A slot's login as it has to be, everywhere: whoever runs as it, in any tenant's database, can change its password and
   * its settings, also for its neighbours' databases. In the caller's transaction.
   */
  private async putRight(client: pg.ClientBase, slot: string): Promise<void> {
    const role = this.slotRole(slot);
    // Two that change one role at once would collide.
    await client.query(`select pg_advisory_xact_lock(hashtext('headgate.slot-login'))`);
    await client.query(alterPassword(role, await readSecret(this.passwordFile(slot))));
    await resetSettings(client, role, ['role', this.readingRole]);
    await client.query(actAs(role, this.stores.owner));
  }

  private async admit(database: string, admitted: string | undefined): Promise<void> {
    const { owner } = this.stores;
    await inRecords(this.stores, async (client) => {
      const name = pg.escapeIdentifier(database);
      const { rows } = await client.query<{ role: string }>(
        `select rolname as role from pg_roles
         where rolname = $1 or oid in (select member from pg_auth_members where roleid = (select oid from pg_roles where rolname = $1))`,
        [owner],
      );
      await client.query('begin');
      await client.query(`revoke connect on database ${name} from public`);
      for (const { role } of rows)
        if (role !== admitted)
          await client.query(`revoke connect on database ${name} from ${pg.escapeIdentifier(role)}`);
      if (admitted !== undefined)
        await client.query(`grant connect on database ${name} to ${pg.escapeIdentifier(admitted)}`);
      await client.query('commit');
      const others = rows.map(({ role }) => role).filter((role) => role !== admitted);
      await endSessions(client, 'datname = $1 and usename = any($2)', [database, others]);
    });
  }

  private slotRole(slot: string): string {
    return `${this.stores.owner}_${slot}`;
  }

  /** What a slot's login acts as in the database of a tenant that is held for writes alone. */
  private get readingRole(): string {
    return `${this.stores.owner}_reading`;
  }

  private passwordFile(slot: string): string {
    return join(this.stores.cluster.dir, `password-${this.slotRole(slot)}`);
  }
}

/** How the names of a store's logins for one assignment begin. */
export function assignmentLogins({ database }: OdooStore): string {
  return `hg_${database.slice(0, 40)}_`;
}

/** Of a role `r` and a database `d`: whether the role's sessions there act as the owner. */
const ACTS_AS_OWNER = `not exists (
  select from pg_db_role_setting s, unnest(s.setconfig) as setting
  where s.setrole = r.oid and s.setdatabase = d.oid and setting like 'role=%')`;

/** How long a session that was told to end may take. Milliseconds. */
const END_MS = 10_000;

/** Ends the sessions that the condition names, and waits until they are gone. */
export async function endSessions(client: pg.ClientBase, condition: string, values: unknown[]): Promise<void> {
  const until = performance.now() + END_MS;
  for (;;) {
    const { rows } = await client.query<{ pid: number }>(
      `select pid, pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and (${condition})`,
      values,
    );
    if (rows.length === 0) return;
    if (performance.now() > until) throw new Error(`${rows.length} database sessions don't end (${rows[0]!.pid} …)`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function newPassword(): string {
  return randomBytes(24).toString('base64url');
}

// No inheritance: what a login may do, it may as the owner; the right to connect is its own.
function create(role: string, password: string, owner: string): string {
  return `create role ${pg.escapeIdentifier(role)} login noinherit password ${pg.escapeLiteral(password)} in role ${pg.escapeIdentifier(owner)}`;
}

function alterPassword(role: string, password: string): string {
  return `alter role ${pg.escapeIdentifier(role)} login password ${pg.escapeLiteral(password)}`;
}

function actAs(role: string, owner: string): string {
  return `alter role ${pg.escapeIdentifier(role)} set role = ${pg.escapeLiteral(owner)}`;
}
