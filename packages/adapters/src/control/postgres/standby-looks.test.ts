/** Which look at a cell's standbys stays, by the database's clock. */
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { embeddedDatabase, type TestDatabase } from './control-database.test-support.ts';
import { openPostgresControl, type PostgresControl } from './open.ts';

let database: TestDatabase;
let control: PostgresControl;
let admin: pg.Client;

beforeAll(async () => {
  database = await embeddedDatabase(18);
  control = await openPostgresControl({ databaseUrl: database.databaseUrl });
  admin = new pg.Client({ connectionString: database.adminUrl });
  await admin.connect();
}, 120_000);
afterAll(async () => {
  await admin?.end();
  await control?.close();
  await database?.close();
});

const tell = (name: string | undefined, notAfter?: number) => {
  const look = { store: 'main', name: name ?? '', standing: 'following', lagBytes: 0, lagMs: 0, ageMs: 0 } as const;
  return control.standbys.tell('stage', 'agt_a', name === undefined ? [] : [look], notAfter);
};
const kept = async () => ((await control.standbys.of(['stage'])).get('stage') ?? []).map(({ name }) => name);

test('what was told later stays, whichever comes last', async () => {
  const now = await tell('first');
  await tell('second', now);
  expect(await kept()).toEqual(['second']);
  await tell('held-up', now - 1);
  await tell(undefined, now - 1);
  expect(await kept()).toEqual(['second']);
  await tell(undefined);
  expect(await kept()).toEqual([]);
});

test('what is dated ahead of the clock, since that was set back, is replaced, and nothing is dated ahead of it', async () => {
  await tell('ahead', Number.MAX_SAFE_INTEGER);
  await admin.query('update headgate.standby_look set told_at = headgate.clock_ms() + 3600000');
  const now = await tell('third', 1_000);
  expect(await kept()).toEqual(['third']);
  await tell('fourth', now + 3_600_000);
  const [seen] = (await control.standbys.of(['stage'])).get('stage') ?? [];
  expect(seen).toMatchObject({ name: 'fourth', cell: 'stage' });
  expect(seen?.at).toBeLessThanOrEqual(await tell('fourth'));
});
