import { checkLimit } from '@headgate/control/ports/commit-rules';
import type { LogStore, PlacedEntry, StoredHead, StreamEntry } from '@headgate/control/ports/log';
import type { StreamId } from '@headgate/control/ports/store';
import { foldOf, type NodeId } from '@headgate/documents/log/merkle';
import type { Sessions } from './sessions.ts';

/** The log on PostgreSQL. The sequencer's work is the function `headgate.log_place`. */
export class PostgresLog implements LogStore {
  readonly #sessions: Sessions;

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
  }

  async place(limit: number): Promise<number> {
    checkLimit(limit);
    const { rows } = await this.#sessions.query<{ placed: number }>('select headgate.log_place($1) as placed', [limit]);
    return rows[0]!.placed;
  }

  /** What is visible is on the disk, so a signed head never names leaves that a crash of the database takes away. */
  async publishHead(sign: (size: number, root: Uint8Array) => string): Promise<StoredHead | undefined> {
    const { rows } = await this.#sessions.query<{ size: number; peaks: Buffer[]; head_size: number }>(
      'select * from headgate.log_tree()',
    );
    const { size, peaks, head_size: signed } = rows[0]!;
    if (size <= signed) return undefined;
    const root = foldOf(peaks);
    const note = sign(size, root);
    const inserted = await this.#sessions.query<{ at: number }>(
      `insert into headgate.log_head (size, root, note, at) values ($1, $2, $3, headgate.clock_ms())
       on conflict (size) do nothing returning at`,
      [size, root, note],
    );
    const at = inserted.rows[0]?.at;
    return at === undefined ? undefined : { size, root, note, at };
  }

  /** First what stands where no subtree is, which alone stops the sequencer and is found at once; then, if there is none, all. */
  async mend(): Promise<readonly NodeId[]> {
    for (const sql of ['select * from headgate.log_mend_strays()', 'select * from headgate.log_mend()']) {
      const { rows } = await this.#sessions.query<NodeId & Record<string, unknown>>(sql);
      if (rows.length > 0) return rows.map(({ level, index }) => ({ level, index }));
    }
    return [];
  }

  async head(): Promise<StoredHead | undefined> {
    const { rows } = await this.#sessions.query<StoredHead & Record<string, unknown>>(
      'select size, root, note, at from headgate.log_head order by size desc limit 1',
    );
    return rows[0];
  }

  async entries(from: number, limit: number, mostBytes = Number.MAX_SAFE_INTEGER): Promise<readonly PlacedEntry[]> {
    checkLimit(limit);
    const { rows } = await this.#sessions.query<PlacedEntry & Record<string, unknown>>(
      // Places have no gaps, so both ends are known. Without the second one the plan that is kept for every limit reckons
      // with a tenth of the log.
      `select place, bytes from (
         select l.place, e.bytes, sum(octet_length(e.bytes)) over (order by l.place) - octet_length(e.bytes) as before
         from headgate.log_leaf l join headgate.entry e on e.id = l.entry
         where l.place >= $1 and l.place < $1::bigint + $2::bigint
       ) page where before < $3::bigint order by place`,
      [from, limit, mostBytes],
    );
    return rows;
  }

  async history(stream: StreamId, after: number, limit: number): Promise<readonly StreamEntry[]> {
    checkLimit(limit);
    const { rows } = await this.#sessions.query<{
      version: number;
      bytes: Buffer;
      place: number | null;
      waiting: boolean;
    }>(
      // One look into an index for each entry; joins would be planned as if a tenth of the log were asked for.
      `select e.version, e.bytes,
         (select l.place from headgate.log_leaf l where l.entry = e.id) as place,
         (select w.entry from headgate.entry_waiting w where w.entry = e.id) is not null as waiting
       from headgate.entry e where e.stream = $1 and e.version > $2 order by e.version limit $3`,
      [stream, after, limit],
    );
    return rows.map(({ version, bytes, place, waiting }) => ({
      version,
      bytes,
      ...(place !== null && { place }),
      ...(waiting && { waiting: true as const }),
    }));
  }

  async rowless(after: StreamId, to: StreamId, limit: number): Promise<readonly StreamId[]> {
    checkLimit(limit);
    const { rows } = await this.#sessions.query<{ stream: StreamId }>(
      `select distinct e.stream from headgate.entry e
       where e.stream > $1 and e.stream <= $2
         and (select r.stream from headgate.stream r where r.stream = e.stream) is null
       order by e.stream limit $3`,
      [after, to, limit],
    );
    return rows.map(({ stream }) => stream);
  }

  async nodes(wanted: readonly NodeId[]): Promise<readonly Uint8Array[]> {
    if (wanted.length === 0) return [];
    const { rows } = await this.#sessions.query<{ hash: Buffer | null }>(
      `select coalesce(l.hash, n.hash) as hash
       from unnest($1::bigint[], $2::bigint[]) with ordinality as w(level, index, place)
       left join headgate.log_leaf l on w.level = 0 and l.place = w.index
       left join headgate.log_node n on n.level = w.level and n.index = w.index
       order by w.place`,
      [wanted.map((id) => id.level), wanted.map((id) => id.index)],
    );
    return rows.map(({ hash }, i) => {
      if (hash !== null) return hash;
      const { level, index } = wanted[i]!;
      throw new RangeError(`the tree has no complete subtree ${index} on level ${level}`);
    });
  }
}
