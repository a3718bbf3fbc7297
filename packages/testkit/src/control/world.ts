import type { Blobs } from '@headgate/control/ports/blobs';
import type { LogStore } from '@headgate/control/ports/log';
import type { ControlStore, NewEntry, Row, StreamId, Write } from '@headgate/control/ports/store';

/** One control plane's storage, as the suite sees it. */
export interface ControlUnderTest {
  readonly store: ControlStore;
  /** A second server on the same storage; the same object where there can be only one. */
  readonly second: ControlStore;
  readonly log: LogStore;
  readonly secondLog: LogStore;
  readonly blobs: Blobs;
  /** Lets at least this much of the store's time pass. Milliseconds. */
  advance(ms: number): Promise<void>;
  close(): Promise<void>;
}

let counter = 0;

/** What the tests of one suite share: names that nobody used before, and rows that don't stay due when a test ends. */
export class World {
  readonly under: ControlUnderTest;
  readonly #made = new Set<StreamId>();

  constructor(under: ControlUnderTest) {
    this.under = under;
  }

  get store(): ControlStore {
    return this.under.store;
  }

  stream(kind = 'thing'): StreamId {
    counter += 1;
    const stream = `${kind}/${counter.toString(36).padStart(6, '0')}-${Math.random().toString(36).slice(2, 8)}`;
    this.#made.add(stream);
    return stream;
  }

  key(): string {
    return this.stream('key');
  }

  async create(more: Partial<Write> = {}): Promise<StreamId> {
    const write = writeOf(more.stream ?? this.stream(), 0, more);
    const committed = await this.store.commit({ by: 'usr_test', writes: [write] });
    if (!committed.ok) throw new Error(`${write.stream} wasn't created`);
    return write.stream;
  }

  /** Writes a stream at the version that it has. */
  async change(stream: StreamId, more: Partial<Write> = {}): Promise<void> {
    const row = await this.row(stream);
    const committed = await this.store.commit({ by: 'usr_test', writes: [writeOf(stream, row.version, more)] });
    if (!committed.ok) throw new Error(`${stream} wasn't changed`);
  }

  async row(stream: StreamId): Promise<Row> {
    const row = (await this.store.load([stream])).get(stream);
    if (row === undefined) throw new Error(`${stream} isn't there`);
    return row;
  }

  /** Streams that a claim returns, of those that this suite made. */
  async claimed(limit = 100, claimMs = 60_000, store = this.store): Promise<StreamId[]> {
    const { rows } = await store.claim(limit, claimMs);
    return rows.map((row) => row.stream);
  }

  /** Takes everything off the due list. */
  async settle(): Promise<void> {
    const rows = await this.store.load([...this.#made]);
    for (const row of rows.values()) await this.store.postpone(row.stream, row.version, null);
    for (;;) {
      const { rows: woken } = await this.store.claim(1_000, 1);
      if (woken.length === 0) break;
      for (const row of woken) await this.store.postpone(row.stream, row.version, null);
    }
    this.#made.clear();
  }

  /** Places all waiting entries and returns the whole log's. */
  async placed(): Promise<Uint8Array[]> {
    while ((await this.under.log.place(1_000)) > 0);
    return allEntries(this.under.log);
  }
}

export async function allEntries(log: LogStore): Promise<Uint8Array[]> {
  const all: Uint8Array[] = [];
  for (;;) {
    const page = await log.entries(all.length, 1_000);
    if (page.length === 0) return all;
    for (const { place, bytes } of page) {
      if (place !== all.length) throw new Error(`place ${place} where ${all.length} was expected`);
      all.push(bytes);
    }
  }
}

export const ENTRY: NewEntry = { type: 'thing.happened', data: { n: 1 } };

export function writeOf(stream: StreamId, expected: number, more: Partial<Write> = {}): Write {
  return { entries: [ENTRY], state: { of: stream, after: expected }, dueAt: null, ...more, stream, expected };
}

export function conflict(stream: StreamId): { ok: false; conflict: StreamId; because: 'version' } {
  return { ok: false, conflict: stream, because: 'version' };
}
