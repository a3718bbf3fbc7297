/**
 * SHA-256 beside this thread. Whatever is sealed is hashed three times (as it is read, as it is encrypted, as it is read back);
 * on one thread that takes as long as all the rest, and whoever else is served by it waits.
 */
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

/** One that hashes: here, or on another thread. */
export interface Hashing {
  /** The bytes may be overwritten once it is through. */
  update(bytes: Uint8Array): void | Promise<void>;
  /** Hexadecimal. It is over then. */
  digest(): string | Promise<string>;
}

export type HashOrder =
  | { readonly kind: 'bytes'; readonly of: number; readonly memory: ArrayBuffer; readonly length: number }
  | { readonly kind: 'end'; readonly of: number };
export type HashAnswer =
  | { readonly kind: 'free'; readonly memory: ArrayBuffer }
  | { readonly kind: 'sum'; readonly of: number; readonly sha256: string };

/** Pieces of memory that are under way, and the size of each. */
const PIECES = 8;
const PIECE = 1024 * 1024;

/** Hashes any number of streams at once, on one thread of its own, until it is closed. */
export class HashThread {
  private readonly worker = new Worker(hashingThread());
  private readonly free: ArrayBuffer[] = Array.from({ length: PIECES }, () => new ArrayBuffer(PIECE));
  private readonly waiting: PromiseWithResolvers<ArrayBuffer>[] = [];
  private readonly sums = new Map<number, PromiseWithResolvers<string>>();
  private last = 0;
  private broken: Error | undefined;

  constructor() {
    this.worker.on('message', (answer: HashAnswer) => {
      if (answer.kind === 'sum') {
        this.sums.get(answer.of)?.resolve(answer.sha256);
        this.sums.delete(answer.of);
        return;
      }
      const next = this.waiting.shift();
      if (next === undefined) this.free.push(answer.memory);
      else next.resolve(answer.memory);
    });
    this.worker.on('error', (error) => this.breaks(error as Error));
    this.worker.on('exit', () => this.breaks(new Error('the thread that hashes has ended')));
  }

  /** Another stream. */
  begin(): Hashing {
    this.last += 1;
    const of = this.last;
    return { update: (bytes) => this.update(of, bytes), digest: () => this.digest(of) };
  }

  async close(): Promise<void> {
    await this.worker.terminate();
  }

  private async update(of: number, bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; at += PIECE) {
      const memory = await this.memory();
      const piece = bytes.subarray(at, at + PIECE);
      new Uint8Array(memory).set(piece);
      this.send({ kind: 'bytes', of, memory, length: piece.length }, [memory]);
    }
  }

  private digest(of: number): Promise<string> {
    const sum = Promise.withResolvers<string>();
    if (this.broken !== undefined) return Promise.reject(this.broken);
    this.sums.set(of, sum);
    this.send({ kind: 'end', of });
    return sum.promise;
  }

  private async memory(): Promise<ArrayBuffer> {
    if (this.broken !== undefined) throw this.broken;
    const free = this.free.pop();
    if (free !== undefined) return free;
    const next = Promise.withResolvers<ArrayBuffer>();
    this.waiting.push(next);
    return next.promise;
  }

  private send(order: HashOrder, memory: readonly ArrayBuffer[] = []): void {
    this.worker.postMessage(order, memory);
  }

  private breaks(error: Error): void {
    this.broken ??= error;
    for (const { reject } of [...this.waiting.splice(0), ...this.sums.values()]) reject(this.broken);
    this.sums.clear();
  }
}

function hashingThread(): string {
  const here = fileURLToPath(import.meta.url);
  return join(here, '..', 'hashing-thread.ts'.replace(/\.ts$/, extname(here)));
}
