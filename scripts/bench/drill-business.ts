/** A program for the bench's drills: one business transaction on the copy that it is given, as the application's own login. */
import { withClient } from '@headgate/adapters/postgres-cluster/database';

await withClient({ connectionString: process.env.HEADGATE_DRILL_DATABASE_URL ?? '' }, async (client) => {
  await client.query('begin');
  const { rows } = await client.query('select max(id)::int as last from line');
  await client.query('insert into line(id, name) values ($1, $2)', [rows[0].last + 1, 'posted by a drill']);
  await client.query('commit');
});
