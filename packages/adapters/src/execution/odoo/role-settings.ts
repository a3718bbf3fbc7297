import pg from 'pg';

/**
 * Takes away a login's settings, in every database: whoever is logged in as it can make them, also for databases that it
 * isn't let into. `keep`: a setting that we made ourselves in some databases (`role=odoo_reading`), and that stays there. In
 * the caller's transaction.
 */
export async function resetSettings(
  client: pg.ClientBase,
  role: string,
  keep?: readonly [string, string],
): Promise<void> {
  const name = pg.escapeIdentifier(role);
  await client.query(`alter role ${name} reset all`);
  const { rows } = await client.query<{ database: string; kept: boolean }>(
    `select d.datname as database, $2 = any(s.setconfig) as kept
     from pg_db_role_setting s join pg_roles r on r.oid = s.setrole join pg_database d on d.oid = s.setdatabase
     where r.rolname = $1 and s.setconfig is distinct from array[$2]`,
    [role, keep?.join('=') ?? ''],
  );
  for (const { database, kept } of rows) {
    const there = `alter role ${name} in database ${pg.escapeIdentifier(database)}`;
    await client.query(`${there} reset all`);
    if (keep && kept) await client.query(`${there} set ${keep[0]} = ${pg.escapeLiteral(keep[1])}`);
  }
}
