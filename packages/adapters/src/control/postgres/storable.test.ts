/** Texts that a database can't hold: Headgate's own decisions are stored all the same, what others send is refused. */
import { EntryRefused } from '@headgate/control/ports/errors';
import { NotCanonical } from '@headgate/documents/canonical';
import { writeOf } from '@headgate/testkit/control/world';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { embeddedDatabase, type TestDatabase } from './control-database.test-support.ts';
import { openPostgresControl, type PostgresControl } from './open.ts';

let database: TestDatabase;
let control: PostgresControl;
beforeAll(async () => {
  database = await embeddedDatabase(18);
  control = await openPostgresControl({ databaseUrl: database.databaseUrl });
});
afterAll(async () => {
  await control?.close();
  await database?.close();
});

const HALF = '\ud83d';
const [BACKSLASHED, WHOLE] = ['a text that has \\ud83d and \\u0000 in letters, \\\\ud83d too', '😀'];

test.each<[string, { data?: { why: string }; state?: { why: string } }, string]>([
  ['half of a character in an entry', { data: { why: `cut ${HALF}` } }, `cut \ufffd`],
  ['half of a character in a row', { state: { why: `cut ${HALF}` } }, `cut \ufffd`],
  ['NUL in a row of which lists are made', { state: { why: 'a\0b' } }, 'a\ufffdb'],
])('%s: of Headgate’s own it is stored, mended', async (what, { data = {}, state = data }, stored) => {
  const stream = `promotion/${what.replaceAll(/[^a-z]/g, '')}`;
  const entries = [{ type: 'promotion.rollback-decided', data }];
  const commit = { by: 'sys', writes: [{ ...writeOf(stream, 0, { state }), entries }] };
  expect(await control.store.commit(commit)).toEqual({ ok: true });
  expect((await control.store.load([stream])).get(stream)?.state).toEqual({ why: stored });
  const other = { ...commit, by: 'usr_ann', writes: [{ ...commit.writes[0]!, stream: `${stream}-other` }] };
  const refused = await control.store.commit(other).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(what.includes('NUL') ? EntryRefused : NotCanonical);
  if (refused instanceof EntryRefused) expect(refused.refusal.why).toContain('U+0000');
  expect((await control.store.load([`${stream}-other`])).size).toBe(0);
});

test('what only looks like it is stored as it is', async () => {
  const state = { a: BACKSLASHED, [WHOLE]: WHOLE };
  const commit = { by: 'usr_ann', writes: [writeOf('promotion/looks-like-it', 0, { state })] };
  expect(await control.store.commit(commit)).toEqual({ ok: true });
  expect((await control.store.load(['promotion/looks-like-it'])).get('promotion/looks-like-it')?.state).toEqual(state);
});
