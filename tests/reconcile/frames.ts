/** PostgreSQL's wire protocol, version 3, as far as its frames go: a type, a length that counts itself, a body. */

export interface Frame {
  /** Empty for the message that opens a session: it alone has no type. */
  readonly type: string;
  readonly frame: Buffer;
}

/** A session's opening message may be one of these instead; another opening one follows. */
const ENCRYPTION_REQUESTS: ReadonlySet<number> = new Set([80_877_103, 80_877_104]);

/** Cuts one direction of a session into whole messages, however they were cut on their way. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);
  #opening: boolean;
  readonly #take: (frame: Frame) => void;

  /** `opens`: the direction from the client, which begins with a message without a type. */
  constructor(opens: boolean, take: (frame: Frame) => void) {
    this.#opening = opens;
    this.#take = take;
  }

  read(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const head = this.#opening ? 0 : 1;
      if (this.#rest.length < head + 4) return;
      const length = head + this.#rest.readInt32BE(head);
      if (this.#rest.length < length) return;
      const frame = this.#rest.subarray(0, length);
      this.#rest = this.#rest.subarray(length);
      const type = head === 0 ? '' : String.fromCharCode(frame[0]!);
      if (this.#opening) this.#opening = length >= 8 && ENCRYPTION_REQUESTS.has(frame.readInt32BE(4));
      this.#take({ type, frame });
    }
  }
}
