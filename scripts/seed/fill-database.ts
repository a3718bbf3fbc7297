import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { encodeEntry } from '@headgate/documents';
import { digestOf } from '@headgate/documents/digest';
import type pg from 'pg';
import { type FleetSize, largeFleet, type SeedStream } from './large-fleet.ts';

/** Entries that go in at once, and that are placed at once. */
const BATCH = 5_000;
const PLACED = 20_000;
/** A fleet's log began so long ago. Milliseconds. */
const AGE_MS = 30 * 86_400_000;

export interface Filled {
  readonly streams: number;
  readonly entries: number;
}

/**
 * Fills a migrated control database with a fleet, set by set, and places its entries on the tree as the sequencer does. A
 * server that is started on it signs the head. `adminUrl`: a role that may write every table. Refuses a database in which
 * there is a fleet: nothing that is on a log can be taken back.
 */
export async function fillDatabase(adminUrl: string, size: FleetSize, say = (_: string) => {}): Promise<Filled> {
  return withClient({ connectionString: adminUrl }, async (db) => {
    const there = await db.query("select from headgate.stream where kind not in ('installation', 'principal') limit 1");
    if (there.rowCount !== 0) throw new Error('the database holds a fleet: seed one that is empty');
    let at = Date.now() - AGE_MS;
    let streams = 0;
    let entries = 0;
    const waiting = new Batch();
    for (const stream of largeFleet(size, at)) {
      at = waiting.add(stream, at);
      streams += 1;
      if (waiting.entries < BATCH) continue;
      entries += waiting.entries;
      await waiting.write(db);
    }
    entries += waiting.entries;
    await waiting.write(db);
    say(`${streams} streams and ${entries} entries are in; placing them on the tree`);
    for (;;) {
      const { rows } = await db.query<{ placed: number }>('select headgate.log_place($1) as placed', [PLACED]);
      if (rows[0]?.placed === 0) break;
    }
    await db.query('analyze');
    return { streams, entries };
  });
}

/** Rows, entries and blobs on their way. */
class Batch {
  #rows: { stream: string; version: number; state: string; parent: string | null; madeAt: number; lastAt: number }[] =
    [];
  #entries: { stream: string; version: number; bytes: Buffer }[] = [];
  #blobs = new Map<string, Uint8Array>();

  get entries(): number {
    return this.#entries.length;
  }

  /** Takes a stream whose entries begin at this time; answers the time behind its last one. */
  add({ stream, state, entries, parent, blobs }: SeedStream, from: number): number {
    let at = from;
    for (const [i, { type, data }] of entries.entries()) {
      const entry = { v: 1, stream, version: i + 1, type, at, by: 'usr_seed', data } as const;
      const encoded = encodeEntry({ ...entry, data: data as Record<string, unknown> });
      if (!encoded.ok) throw new Error(encoded.why);
      this.#entries.push({ stream, version: i + 1, bytes: encoded.bytes });
      at += 1;
    }
    const lastAt = at - 1;
    const row = { stream, version: entries.length, state: JSON.stringify(state), parent: parent ?? null };
    this.#rows.push({ ...row, madeAt: from, lastAt });
    for (const bytes of blobs ?? []) this.#blobs.set(digestOf(bytes), bytes);
    return at;
  }

  async write(db: pg.Client): Promise<void> {
    const [rows, entries, blobs] = [this.#rows, this.#entries, this.#blobs];
    [this.#rows, this.#entries, this.#blobs] = [[], [], new Map()];
    await db.query('begin');
    await db.query(
      `insert into headgate.stream (stream, version, state, parent, made_at, last_at)
       select * from unnest($1::text[], $2::integer[], $3::json[], $4::text[], $5::bigint[], $6::bigint[])`,
      [
        rows.map((row) => row.stream),
        rows.map((row) => row.version),
        rows.map((row) => row.state),
        rows.map((row) => row.parent),
        rows.map((row) => row.madeAt),
        rows.map((row) => row.lastAt),
      ],
    );
    let offset = 1;
    const offsets = entries.map(({ bytes }) => {
      const here = offset;
      offset += bytes.length;
      return here;
    });
    await db.query(
      `with appended as (
         insert into headgate.entry (stream, version, bytes)
         select e.stream, e.version, substring($5::bytea from e.start for e.length)
         from unnest($1::text[], $2::integer[], $3::integer[], $4::integer[])
           with ordinality as e(stream, version, start, length, place)
         order by e.place
         returning id
       )
       insert into headgate.entry_waiting (entry) select id from appended`,
      [
        entries.map((entry) => entry.stream),
        entries.map((entry) => entry.version),
        offsets,
        entries.map((entry) => entry.bytes.length),
        Buffer.concat(entries.map((entry) => entry.bytes)),
      ],
    );
    await db.query(
      `insert into headgate.blob (digest, bytes) select * from unnest($1::text[], $2::bytea[]) on conflict do nothing`,
      [[...blobs.keys()], [...blobs.values()].map((bytes) => Buffer.from(bytes))],
    );
    await db.query('commit');
  }
}
