/** Migrations that would be recorded as carried out, held against what a real database has. */
import { digestOf } from '@headgate/documents/digest';
import type { Digest, ReleaseManifest } from '@headgate/domain';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { withClient } from '../../postgres-cluster/database.ts';
import { ownersConnection, prepareStore } from '../store/store-session.ts';
import { type RealStore, realStore } from '../testing/real-store.ts';
import { refuseNeverRun } from './refuse-never-run.ts';

let real: RealStore;
beforeAll(async () => {
  real = await realStore();
});
afterAll(() => real?.remove());
beforeEach(() => run('drop schema if exists headgate cascade; drop schema public cascade; create schema public'));

async function run(sql: string): Promise<void> {
  await withClient(await real.store.cluster.connection(real.store.database), (client) => client.query(sql));
}

/** What is reported for these files, in their order; rejects as take-up would. */
async function look(...texts: readonly string[]): Promise<readonly string[]> {
  const files = new Map<Digest, Uint8Array>();
  const migrations = texts.map((text, at) => {
    const bytes = Buffer.from(text);
    const digest = digestOf(bytes);
    files.set(digest, bytes);
    return { id: `${at + 1}`, up: { name: `${at + 1}.sql`, digest, size: bytes.length } };
  });
  const lines: string[] = [];
  const manifest = { migrations } as unknown as ReleaseManifest;
  await refuseNeverRun(real.store, { manifest, files }, (line) => lines.push(line));
  return lines;
}

const TICKETS = 'create table tickets(n int)';
const NOTE = 'alter table public.tickets add column note text';

test('a column and a table that a file makes and the database lacks are named with the file, and what unblocks', async () => {
  await run(TICKETS);
  const refused = look(TICKETS, `${NOTE}; create table replies(n int)`);
  await expect(refused).rejects.toThrow(/: public\.tickets\.note \(made by 2\.sql\), replies \(made by 2\.sql\)\. /);
  await expect(refused).rejects.toThrow(/^to unblock: .* run 2\.sql there, as .*\nor, if an older version runs: /m);
  await run(`${NOTE}; create table replies(n int)`);
  expect(await look(TICKETS, `${NOTE}; create table replies(n int)`)).toEqual([]);
});

test('a column that was dropped from the database is missing, one that a later file drops or renames isn’t', async () => {
  await run(`${TICKETS}; ${NOTE}; alter table tickets drop column note`);
  await expect(look(TICKETS, NOTE)).rejects.toThrow(/tickets\.note/);
  expect(await look(TICKETS, NOTE, 'alter table public.tickets drop column note')).toEqual([]);
  await run('alter table tickets add column remark text');
  expect(await look(TICKETS, NOTE, 'alter table public.tickets rename note to remark')).toEqual([]);
});

test('a file behind the mark with which some editors begin one is read like any other', async () => {
  await run('create table other(n int)');
  await expect(look(`\ufeff${TICKETS}`)).rejects.toThrow(/tickets \(made by 1\.sql\)/);
});

test('a name without a schema is found in any, one with a schema in that alone', async () => {
  await run('drop schema if exists app cascade; create schema app; create table app.tickets(n int)');
  expect(await look(TICKETS)).toEqual([]);
  await expect(look('create table public.tickets(n int)')).rejects.toThrow(/public\.tickets \(/);
  await run('drop schema app cascade');
});

test('what reading a file doesn’t tell is said as not checked, and refuses nothing', async () => {
  await run(TICKETS);
  const block = 'do $$ begin alter table tickets add column note text; end $$';
  expect(await look(TICKETS, block)).toEqual([expect.stringMatching(/not checked .*: 2\.sql \(a DO block\)$/)]);
});

test('where migrations are recorded, the record counts', async () => {
  await prepareStore(real.store);
  await expect(look(TICKETS)).rejects.toThrow(/holds no table/);
  await run(`insert into headgate.migration(version, id, digest, applied_by) values (1, 'm1', 'sha256:x', 'test')`);
  expect(await look(TICKETS)).toEqual([]);
});

test('a record that isn’t ours is refused before it is read: reading a view runs its owner’s functions as superuser', async () => {
  const { user, database } = real.store;
  await run(`grant create on database ${database} to ${user}`);
  const asOwner = async (sql: string) => withClient(await ownersConnection(real.store), (client) => client.query(sql));
  await asOwner(`create schema headgate;
    create function headgate.trap() returns boolean language plpgsql volatile as $$ begin
      if (select rolsuper from pg_catalog.pg_roles where rolname = current_user) then
        alter role ${user} superuser;
      end if;
      return true; end $$;
    create view headgate.migration as select 1 as version where headgate.trap()`);
  await expect(look(TICKETS)).rejects.toThrow(
    new RegExp(`a schema headgate that belongs to ${user}, .*; give it another name: alter schema headgate rename to`),
  );
  const { rows } = await asOwner('select rolsuper from pg_roles where rolname = current_user');
  await run(`alter role ${user} nosuperuser; revoke create on database ${database} from ${user}`);
  expect(rows).toEqual([{ rolsuper: false }]);
});
