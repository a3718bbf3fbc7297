/** For tests only: what another session, and the files on the disk, say of a migration. Nothing of the tracer is in it. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';

/** Tables of a schema as they are outside of the migration. */
export interface OutsideLook {
  /** Inode of each relation's file. */
  readonly files: ReadonlyMap<string, string>;
  readonly bytes: ReadonlyMap<string, number>;
  /** pg_stat_user_tables.seq_tup_read. */
  readonly read: ReadonlyMap<string, number>;
}

export async function lookFromOutside(client: pg.Client, data: string, schema: string): Promise<OutsideLook> {
  const { rows } = await client.query<{ name: string; path: string; read: string }>(
    `select c.relname as name, pg_relation_filepath(c.oid) as path, coalesce(s.seq_tup_read, 0)::text as read
     from pg_class c left join pg_stat_all_tables s on s.relid = c.oid
     where c.relnamespace = $1::regnamespace and c.relkind in ('r', 'm')`,
    [schema],
  );
  const files = new Map<string, string>();
  const bytes = new Map<string, number>();
  for (const { name, path } of rows) {
    const { ino, size } = await stat(join(data, path));
    files.set(name, `${path} ${ino}`);
    bytes.set(name, size);
  }
  return { files, bytes, read: new Map(rows.map(({ name, read }) => [name, Number(read)])) };
}

/** Who would wait for each table now: asked by trying, without waiting. */
export async function whoWaits(
  client: pg.Client,
  schema: string,
  tables: readonly string[],
): Promise<Readonly<Record<string, 'nobody' | 'writers' | 'everybody'>>> {
  const waits: Record<string, 'nobody' | 'writers' | 'everybody'> = {};
  const refused = async (table: string, mode: string): Promise<boolean> => {
    await client.query('begin');
    try {
      await client.query(`lock table only ${schema}.${table} in ${mode} mode nowait`);
      return false;
    } catch (error) {
      if (error instanceof pg.DatabaseError && error.code === '55P03') return true;
      throw error;
    } finally {
      await client.query('rollback');
    }
  };
  for (const table of tables)
    waits[table] = (await refused(table, 'access share'))
      ? 'everybody'
      : (await refused(table, 'row exclusive'))
        ? 'writers'
        : 'nobody';
  return waits;
}
