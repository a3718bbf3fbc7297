/**
 * The control store in memory, for the simulator: same meaning as PostgreSQL (one suite proves both), a virtual clock,
 * and nothing that costs time. States are immutable values, so none is copied. Entries go to `onCommit` and, when a log is
 * given, onto it as canonical bytes; otherwise nothing keeps them.
 *
 * Every operation is synchronous (`…Now`) and the port's promises wrap it, so a simulator that lives through millions of
 * commits needn't wait for a microtask in each.
 */
import type { Instant } from '@headgate/domain';
import { checkCommit, checkLimit, entryBytes, kindOf } from '../ports/commit-rules.ts';
import { waitsFor } from '../ports/facets.ts';
import type { Claimed, Commit, Committed, ControlStore, ListPage, Row, StreamId, Write } from '../ports/store.ts';
import { type Due, DueHeap } from './due-heap.ts';
import type { MemoryLog } from './memory-log.ts';
import { RowLists } from './row-lists.ts';

export interface MemoryStoreOptions {
  readonly clock: () => Instant;
  /** Called after each commit that changed something, with the store as it then is. */
  readonly onCommit?: (commit: Commit, now: Instant) => void;
  /** Takes the entries as bytes. Without it they aren't encoded, and their size isn't checked. */
  readonly log?: MemoryLog;
}

/** More than a store in memory holds. */
const MAX_ROWS = Number.MAX_SAFE_INTEGER;

interface Slot extends Due {
  row: Row;
  readonly parent: StreamId | null;
  exclusive: string | null;
  audience: string | null;
  /** When it came into its queue. */
  queuedAt: Instant;
  claimedUntil: Instant | null;
  wokenAt: Instant | null;
}

export class MemoryStore implements ControlStore {
  readonly #slots = new Map<StreamId, Slot>();
  readonly #holders = new Map<string, StreamId>();
  readonly #queues = new Map<string, Set<Slot>>();
  readonly #lists = new RowLists();
  readonly #due = new DueHeap<Slot>();
  readonly #options: MemoryStoreOptions;
  readonly #clock: () => Instant;
  readonly #rowOf = (stream: StreamId): Row => this.#slots.get(stream)!.row;
  #lastNow = 0;

  constructor(options: MemoryStoreOptions) {
    this.#options = options;
    this.#clock = options.clock;
  }

  now(): Promise<Instant> {
    return Promise.resolve(this.nowNow());
  }

  load(streams: readonly StreamId[]): Promise<ReadonlyMap<StreamId, Row>> {
    return Promise.resolve(this.loadNow(streams));
  }

  async list(kind: string, page: ListPage): Promise<readonly Row[]> {
    checkLimit(page.limit);
    return this.#lists.page(kind, page, this.#rowOf);
  }

  async holder(key: string): Promise<Row | undefined> {
    const stream = this.#holders.get(key);
    return stream === undefined ? undefined : this.#slots.get(stream)?.row;
  }

  async commit(commit: Commit): Promise<Committed> {
    return this.commitNow(commit);
  }

  async claim(limit: number, claimMs: number): Promise<Claimed> {
    return this.claimNow(limit, claimMs);
  }

  async offered(audiences: readonly string[], limit: number, holding?: readonly string[]): Promise<Claimed> {
    return this.offeredNow(audiences, limit, holding);
  }

  async postpone(stream: StreamId, version: number, dueAt: Instant | null, was?: Instant | null): Promise<boolean> {
    return this.postponeNow(stream, version, dueAt, was);
  }

  nowNow(): Instant {
    // Never back within a process, whatever the injected clock does.
    this.#lastNow = Math.max(this.#lastNow, this.#clock());
    return this.#lastNow;
  }

  /** When the next row is due, for whoever moves the clock; undefined: never. A moment in the past is due now. */
  nextDueAt(): Instant | undefined {
    return this.#due.first()?.dueKey;
  }

  loadNow(streams: readonly StreamId[]): ReadonlyMap<StreamId, Row> {
    const found = new Map<StreamId, Row>();
    for (const stream of streams) {
      const slot = this.#slots.get(stream);
      if (slot !== undefined) found.set(stream, slot.row);
    }
    return found;
  }

  commitNow(commit: Commit): Committed {
    checkCommit(commit);
    const now = this.nowNow();
    const encoded = this.#options.log === undefined ? [] : entryBytes(commit, now);
    const before = this.#waitingConflict(commit) ?? this.#listConflict(commit);
    const conflict = before ?? this.#versionConflict(commit) ?? this.#exclusiveConflict(commit.writes);
    if (conflict !== undefined) return conflict;
    if (commit.writes.length > 1) for (const write of commit.writes) this.#letGo(write);
    for (const write of commit.writes) this.#apply(write, now);
    for (const stream of commit.wake ?? []) this.#wake(stream, now);
    this.#options.log?.append(encoded);
    this.#options.onCommit?.(commit, now);
    return { ok: true };
  }

  claimNow(limit: number, claimMs: number): Claimed {
    checkLimit(limit);
    const now = this.nowNow();
    const picked: Slot[] = [];
    for (let slot = this.#due.first(); slot !== undefined && slot.dueKey <= now; slot = this.#due.first()) {
      if (picked.length === limit) break;
      picked.push(slot);
      this.#due.move(slot, Number.POSITIVE_INFINITY);
    }
    for (const slot of picked) {
      slot.claimedUntil = now + claimMs;
      slot.wokenAt = null;
      this.#schedule(slot);
    }
    return { now, rows: picked.map((slot) => slot.row) };
  }

  offeredNow(audiences: readonly string[], limit: number, holding?: readonly string[]): Claimed {
    checkLimit(limit);
    const keys = holding && new Set<string | null>(holding);
    const slots: Slot[] = [];
    for (const audience of new Set(audiences))
      for (const slot of this.#queues.get(audience) ?? [])
        if (keys === undefined || keys.has(slot.exclusive)) slots.push(slot);
    slots.sort((a, b) => a.queuedAt - b.queuedAt || compare(a.row.stream, b.row.stream));
    return { now: this.nowNow(), rows: slots.slice(0, limit).map((slot) => slot.row) };
  }

  postponeNow(stream: StreamId, version: number, dueAt: Instant | null, was?: Instant | null): boolean {
    const slot = this.#slots.get(stream);
    if (slot === undefined || slot.row.version !== version) return false;
    if (was !== undefined && slot.row.dueAt !== was) return false;
    slot.row = { ...slot.row, dueAt };
    slot.claimedUntil = null;
    this.#schedule(slot);
    return true;
  }

  #waitingConflict({ waiting }: Commit): Committed | undefined {
    if (waiting === undefined) return undefined;
    const { of, most } = waiting;
    let waits = 0;
    for (const { stream, state } of this.#lists.page('promotion', { limit: MAX_ROWS, phase: 'awaiting' }, this.#rowOf))
      if (waitsFor(stream, state, of)) waits += 1;
    return waits < most ? undefined : { ok: false, conflict: `principal/${of}`, because: 'waiting' };
  }

  #listConflict({ lists = [] }: Commit): Committed | undefined {
    for (const { under, rows, versions } of lists) {
      const found = this.#lists.page(kindOf(`${under}x`), { limit: MAX_ROWS, under }, this.#rowOf);
      const sum = found.reduce((all, { version }) => all + version, 0);
      if (found.length !== rows || sum !== versions) return { ok: false, conflict: under, because: 'version' };
    }
    return undefined;
  }

  #versionConflict({ writes, reads = [] }: Commit): Committed | undefined {
    for (const { stream, expected } of writes) {
      if (this.#version(stream) !== expected) return { ok: false, conflict: stream, because: 'version' };
    }
    for (const { stream, version } of reads) {
      if (this.#version(stream) !== version) return { ok: false, conflict: stream, because: 'version' };
    }
    return undefined;
  }

  #version(stream: StreamId): number {
    return this.#slots.get(stream)?.row.version ?? 0;
  }

  #exclusiveConflict(writes: readonly Write[]): Committed | undefined {
    let taken: Map<string, StreamId> | undefined;
    for (const write of writes) {
      const key = this.#exclusiveAfter(write);
      if (key === null) continue;
      const holder = this.#holders.get(key);
      const stays = holder !== undefined && holder !== write.stream && !writes.some((w) => w.stream === holder);
      const heldBy = taken?.get(key) ?? (stays ? holder : undefined);
      if (heldBy !== undefined) return { ok: false, conflict: write.stream, because: 'exclusive', heldBy };
      if (writes.length > 1) {
        taken ??= new Map();
        taken.set(key, write.stream);
      }
    }
    return undefined;
  }

  /** The key that the row holds once the write is done. */
  #exclusiveAfter(write: Write): string | null {
    if (write.exclusive !== undefined && write.entries.length > 0) return write.exclusive;
    return this.#slots.get(write.stream)?.exclusive ?? null;
  }

  /** Keys change hands inside one commit: first all are let go, then taken. */
  #letGo(write: Write): void {
    const slot = this.#slots.get(write.stream);
    if (slot?.exclusive == null || this.#exclusiveAfter(write) === slot.exclusive) return;
    this.#holders.delete(slot.exclusive);
    slot.exclusive = null;
  }

  #apply(write: Write, now: Instant): void {
    const { stream, entries, dueAt } = write;
    const slot = this.#slots.get(stream) ?? this.#create(write, now);
    slot.claimedUntil = null;
    if (entries.length === 0) {
      slot.row = { ...slot.row, dueAt };
    } else {
      slot.row = { ...slot.row, version: write.expected + entries.length, state: write.state, dueAt };
      if (write.exclusive !== undefined && write.exclusive !== slot.exclusive) this.#hold(slot, write.exclusive);
      if (write.audience !== undefined && write.audience !== slot.audience) this.#enqueue(slot, write.audience, now);
    }
    this.#schedule(slot);
  }

  #create({ stream, parent = null, state, dueAt }: Write, madeAt: Instant): Slot {
    const slot: Slot = {
      row: { stream, version: 0, state, dueAt, madeAt },
      parent,
      exclusive: null,
      audience: null,
      queuedAt: 0,
      claimedUntil: null,
      wokenAt: null,
      dueKey: Number.POSITIVE_INFINITY,
      order: this.#slots.size,
      heapIndex: -1,
    };
    this.#slots.set(stream, slot);
    this.#lists.add(kindOf(stream), stream, parent);
    return slot;
  }

  #hold(slot: Slot, key: string | null): void {
    if (slot.exclusive !== null) this.#holders.delete(slot.exclusive);
    if (key !== null) this.#holders.set(key, slot.row.stream);
    slot.exclusive = key;
  }

  #enqueue(slot: Slot, audience: string | null, now: Instant): void {
    if (slot.audience !== null) this.#queues.get(slot.audience)?.delete(slot);
    slot.audience = audience;
    if (audience === null) return;
    slot.queuedAt = now;
    let queue = this.#queues.get(audience);
    if (queue === undefined) {
      queue = new Set();
      this.#queues.set(audience, queue);
    }
    queue.add(slot);
  }

  #wake(stream: StreamId, now: Instant): void {
    const slot = this.#slots.get(stream);
    if (slot === undefined) return;
    slot.wokenAt ??= now;
    this.#schedule(slot);
  }

  /** A claimed row is due when the claim runs out; a free one when it is woken, or at its own time. */
  #schedule(slot: Slot): void {
    const free = Math.min(slot.wokenAt ?? Number.POSITIVE_INFINITY, slot.row.dueAt ?? Number.POSITIVE_INFINITY);
    this.#due.move(slot, slot.claimedUntil ?? free);
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
