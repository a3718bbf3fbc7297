/** Bounded memory of what a program printed: its beginning, where it says what it is, and its end, where errors stand. */
export class KeptOutput {
  private readonly headBytes: number;
  private readonly tailBytes: number;
  private head: Buffer = Buffer.alloc(0);
  private tail: Buffer = Buffer.alloc(0);
  private total = 0;

  constructor(maxBytes: number) {
    this.headBytes = Math.floor(maxBytes / 4);
    this.tailBytes = maxBytes - this.headBytes;
  }

  push(bytes: Buffer): void {
    this.total += bytes.length;
    const room = Math.max(0, this.headBytes - this.head.length);
    if (room > 0) this.head = Buffer.concat([this.head, bytes.subarray(0, room)]);
    if (bytes.length <= room) return;
    this.tail = Buffer.concat([this.tail, bytes.subarray(room)]);
    // Cut now and then, not for each chunk.
    if (this.tail.length > 2 * this.tailBytes + 65_536) this.tail = Buffer.from(this.end());
  }

  /** As text; what was left out is said. */
  text(): string {
    const end = this.end();
    const left = this.total - this.head.length - end.length;
    if (left === 0) return Buffer.concat([this.head, end]).toString('utf8');
    return `${this.head.toString('utf8')}\n[… ${left} bytes left out …]\n${end.toString('utf8')}`;
  }

  private end(): Buffer {
    return this.tail.subarray(Math.max(0, this.tail.length - this.tailBytes));
  }
}
