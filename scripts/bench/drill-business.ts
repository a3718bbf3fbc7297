/**
 * A program for the bench's drills: one business transaction on the copy that it is given, as the application's own login. It goes
 * on from the row whose name it is given, the last one that was written: without that it fails.
 */
import { withClient } from '@headgate/adapters/postgres-cluster/database';

await withClient({ connectionString: process.env.HEADGATE_DRILL_DATABASE_URL ?? '' }, async (client) => {
  await client.query('begin');
  const { rows } = await client.query(
    'select id as last from line where name = $1 and id = (select max(id) from line)',
    [process.argv[2]],
  );
  await client.query('insert into line(id, name) values ($1, $2)', [rows[0].last + 1, 'posted by a drill']);
  await client.query('commit');
});
