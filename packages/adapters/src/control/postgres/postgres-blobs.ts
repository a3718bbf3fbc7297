import { type Blobs, checkBlob, type Piece } from '@headgate/control/ports/blobs';
import { digestOf } from '@headgate/documents/digest';
import type { Digest } from '@headgate/domain';
import type { Sessions } from './sessions.ts';

/** Above this many bytes we first ask whether the blob is there, to send it once only. */
const ASK_BYTES = 64 * 1024;

/** Blobs on PostgreSQL. They are append-only, and read back under a digest that is checked. */
export class PostgresBlobs implements Blobs {
  readonly #sessions: Sessions;

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
  }

  async put(bytes: Uint8Array): Promise<Digest> {
    checkBlob(bytes);
    const digest = digestOf(bytes);
    if (bytes.length > ASK_BYTES) {
      const there = await this.#sessions.query('select 1 from headgate.blob where digest = $1', [digest]);
      if (there.rowCount === 1) return digest;
    }
    await this.#sessions.query(
      'insert into headgate.blob (digest, bytes) values ($1, $2) on conflict (digest) do nothing',
      [digest, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)],
    );
    return digest;
  }

  async get(digest: Digest): Promise<Uint8Array | undefined> {
    const { rows } = await this.#sessions.query<{ bytes: Buffer }>(
      'select bytes from headgate.blob where digest = $1',
      [digest],
    );
    const bytes = rows[0]?.bytes;
    if (bytes !== undefined && digestOf(bytes) !== digest) {
      throw new Error(`the control database holds other bytes under ${digest}: it was tampered with or is damaged`);
    }
    return bytes;
  }

  /** Blobs are stored plain, so a piece costs no more than its own bytes, and no session is held from piece to piece. */
  async piece(digest: Digest, from: number, bytes: number): Promise<Piece | undefined> {
    const { rows } = await this.#sessions.query<{ total: number; piece: Buffer }>(
      `select octet_length(bytes) as total, substring(bytes from $2::integer for $3::integer) as piece
       from headgate.blob where digest = $1`,
      [digest, from + 1, bytes],
    );
    const [row] = rows;
    return row && { total: row.total, bytes: row.piece };
  }
}
