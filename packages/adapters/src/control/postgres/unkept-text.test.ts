/** A row that holds what PostgreSQL has no text for: whoever gave it is told, and it is no fault of the server. */
import { EntryRefused } from '@headgate/control/ports/errors';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { embeddedDatabase, type TestDatabase } from './control-database.test-support.ts';
import { openPostgresControl } from './open.ts';

let database: TestDatabase;
let control: Awaited<ReturnType<typeof openPostgresControl>>;
beforeAll(async () => {
  database = await embeddedDatabase(18);
  control = await openPostgresControl({ databaseUrl: database.databaseUrl });
});
afterAll(async () => {
  await control?.close();
  await database?.close();
});

test('U+0000 in a row of which lists are made is a refusal that says so, and nothing is written', async () => {
  const state = { environment: 'live', application: 'shop', phase: 'awaiting', because: 'a\0b' };
  const stream = 'promotion/unkept';
  const entries = [{ type: 'made', data: {} }];
  const commit = control.store.commit({ by: 'usr_1', writes: [{ stream, expected: 0, entries, state, dueAt: null }] });
  const refused = await commit.catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(EntryRefused);
  expect((refused as EntryRefused).refusal.why).toContain('U+0000');
  expect((await control.store.load([stream])).size).toBe(0);
});
