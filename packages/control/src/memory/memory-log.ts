import { leafOf } from '@headgate/documents/log/entry';
import { Frontier } from '@headgate/documents/log/merkle';
import type { Instant } from '@headgate/domain';
import { checkLimit, type EntryBytes } from '../ports/commit-rules.ts';
import type { LogStore, PlacedEntry, StoredHead, StreamEntry } from '../ports/log.ts';
import type { StreamId } from '../ports/store.ts';

/** The log in memory: what {@link MemoryStore} appends, and the tree over what was placed. */
export class MemoryLog implements LogStore {
  readonly #waiting: EntryBytes[] = [];
  readonly #placed: Buffer[] = [];
  readonly #places = new Map<Uint8Array, number>();
  readonly #streams = new Map<StreamId, StreamEntry[]>();
  /** Hashes of complete subtrees by level and index. */
  readonly #nodes: Buffer[][] = [];
  readonly #tree = Frontier.empty();
  readonly #clock: () => Instant;
  #head: StoredHead | undefined;

  constructor(clock: () => Instant) {
    this.#clock = clock;
  }

  /** For the store alone: the entries of a commit, in its order. */
  append(entries: readonly EntryBytes[]): void {
    for (const entry of entries) {
      this.#waiting.push(entry);
      const history = this.#streams.get(entry.stream);
      if (history === undefined) this.#streams.set(entry.stream, [entry]);
      else history.push(entry);
    }
  }

  async place(limit: number): Promise<number> {
    checkLimit(limit);
    const batch = this.#waiting.splice(0, limit);
    for (const { bytes } of batch) {
      this.#places.set(bytes, this.#placed.length);
      this.#placed.push(bytes);
      for (const { level, hash } of this.#tree.append(leafOf(bytes))) {
        this.#nodes[level] ??= [];
        this.#nodes[level].push(hash);
      }
    }
    return batch.length;
  }

  async publishHead(sign: (size: number, root: Uint8Array) => string): Promise<StoredHead | undefined> {
    const { size } = this.#tree;
    if (size === (this.#head?.size ?? 0)) return undefined;
    const root = this.#tree.root();
    this.#head = { size, root, note: sign(size, root), at: this.#clock() };
    return this.#head;
  }

  /** Nobody else writes to this memory. */
  async mend(): Promise<readonly []> {
    return [];
  }

  async head(): Promise<StoredHead | undefined> {
    return this.#head;
  }

  async entries(from: number, limit: number, mostBytes = Number.POSITIVE_INFINITY): Promise<readonly PlacedEntry[]> {
    checkLimit(limit);
    let before = 0;
    const page: PlacedEntry[] = [];
    for (const bytes of this.#placed.slice(from, from + limit)) {
      if (before >= mostBytes) break;
      page.push({ place: from + page.length, bytes });
      before += bytes.length;
    }
    return page;
  }

  async history(stream: StreamId, after: number, limit: number): Promise<readonly StreamEntry[]> {
    checkLimit(limit);
    return (this.#streams.get(stream) ?? []).slice(after, after + limit).map(({ version, bytes }) => {
      const place = this.#places.get(bytes);
      return { version, bytes, ...(place === undefined ? { waiting: true as const } : { place }) };
    });
  }

  /** Rows in memory come with their entries, and none is ever lost. */
  async rowless(): Promise<readonly StreamId[]> {
    return [];
  }

  async nodes(wanted: readonly { readonly level: number; readonly index: number }[]): Promise<readonly Uint8Array[]> {
    return wanted.map(({ level, index }) => {
      const hash = this.#nodes[level]?.[index];
      if (hash === undefined) throw new RangeError(`the tree has no complete subtree ${index} on level ${level}`);
      return hash;
    });
  }
}
