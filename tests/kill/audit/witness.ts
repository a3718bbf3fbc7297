/**
 * What a target itself remembers of effects on it: in each store, tables beside the system's own that PostgreSQL fills by
 * triggers, in the transaction of the effect. None of our own books is asked.
 */
import pg from 'pg';

const WITNESS = `
create schema witness;
create table witness.ddl(id bigserial primary key, xid text not null default pg_current_xact_id()::text,
                         tag text not null, object text not null);
create table witness.route(id bigserial primary key, tenant text not null, slot text not null, epoch bigint, n bigint,
                           at timestamptz not null default clock_timestamp());
create function witness.see_ddl() returns event_trigger language plpgsql security definer set search_path = pg_catalog as $$
begin
  insert into witness.ddl(tag, object)
  select command_tag, object_identity from pg_event_trigger_ddl_commands() where schema_name = 'public';
end $$;
create event trigger witness_ddl on ddl_command_end execute function witness.see_ddl();
create function witness.see_route() returns trigger language plpgsql security definer set search_path = pg_catalog as $$
begin
  if tg_op = 'INSERT' or old.slot is distinct from new.slot then
    insert into witness.route(tenant, slot, epoch, n) values (new.tenant, new.slot, new.epoch, new.n);
  end if;
  return null;
end $$;
create trigger witness_route after insert or update on headgate.route for each row execute function witness.see_route();
`;

export interface SchemaChange {
  readonly xid: string;
  /** What was done to what, in order: `ALTER TABLE public.invoice`. */
  readonly commands: readonly string[];
}

export interface RouteChange {
  readonly tenant: string;
  readonly slot: string;
  readonly epoch: number;
  readonly n: number;
}

export interface StoreRecord {
  readonly store: string;
  readonly cell: string;
  /** Transactions that changed the system's schema since the witness was installed. */
  readonly schemaChanges: readonly SchemaChange[];
  /** The migrator's own table beyond the baseline: version, and the transaction that wrote the row. */
  readonly migrations: readonly { readonly version: number; readonly id: string; readonly xid: string }[];
  readonly routeChanges: readonly RouteChange[];
}

/** A cell with one store, of which an audit may ask as its superuser. */
export interface WitnessedCell {
  readonly cell: { readonly cell: string; readonly store: string };
  connection(): Promise<pg.ClientConfig>;
}

/** Installs the witness in a cell's store. */
export async function installWitness(cell: WitnessedCell): Promise<void> {
  await withStore(cell, (client) => client.query(WITNESS));
}

/** Reads what a store's witness saw. */
export async function readWitness(cell: WitnessedCell): Promise<StoreRecord> {
  return withStore(cell, async (client) => {
    const changes = await client.query<SchemaChange>(
      `select xid, array_agg(tag || ' ' || object order by id) as commands from witness.ddl group by xid order by min(id)`,
    );
    const migrations = await client.query<StoreRecord['migrations'][number]>(
      `select version, id, xmin::text as xid from headgate.migration where version > 1 order by version`,
    );
    const routes = await client.query<RouteChange>(
      `select tenant, slot, epoch::int, n::int from witness.route order by witness.route.id`,
    );
    return {
      store: cell.cell.store,
      cell: cell.cell.cell,
      schemaChanges: changes.rows,
      migrations: migrations.rows,
      routeChanges: routes.rows,
    };
  });
}

/** A superuser's session in a cell's store. */
export async function withStore<T>(cell: WitnessedCell, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(await cell.connection());
  client.on('error', () => {}); // the query's own rejection tells
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
