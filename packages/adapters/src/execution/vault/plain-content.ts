import { hash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as immediate } from 'node:timers/promises';
import type { Hashing } from '../../machine/thread-hash.ts';
import { hashingHere } from './measured.ts';
import type { ContentFile } from './point-contents.ts';

const CHUNK = 1024 * 1024;
/** A store has thousands of files of a few hundred bytes: reading one costs less than the trips through the thread pool. */
const SMALL = 256 * 1024;

/** A file of a restore point isn't what its manifest says: it changed since it was verified. */
export class ChangedFile extends Error {}

/**
 * The files of a restore point as one stream, which is taken a part at a time, in order. Each file is compared with its
 * SHA-256 as its end goes by: what was verified is what is encrypted.
 */
export class PlainContent {
  private readonly dir: string;
  private readonly files: readonly ContentFile[];
  private readonly hashing: () => Hashing;
  private at = 0;
  private done = 0;
  private open: { readonly handle: FileHandle; readonly hash: Hashing } | undefined;

  /** `hashing`: of the files that aren't small. */
  constructor(dir: string, files: readonly ContentFile[], hashing: () => Hashing = hashingHere) {
    this.dir = dir;
    this.hashing = hashing;
    this.files = files.filter((file) => file.size > 0);
  }

  /** The next so many bytes. */
  async *take(size: number): AsyncIterable<Uint8Array> {
    for (let left = size; left > 0; ) {
      const chunk = await this.read(Math.min(CHUNK, left));
      left -= chunk.length;
      yield chunk;
    }
  }

  /** Lets go of what is open; harmless at any time. */
  async close(): Promise<void> {
    const { open: opened } = this;
    this.open = undefined;
    await opened?.handle.close();
  }

  private async read(most: number): Promise<Uint8Array> {
    const file = this.files[this.at];
    if (file === undefined) throw new Error('More was asked for than the restore point holds');
    if (this.done === 0 && file.size <= Math.min(SMALL, most)) return this.readSmall(file);
    this.open ??= { handle: await this.opened(file), hash: this.hashing() };
    const { handle, hash: digest } = this.open;
    const length = Math.min(most, file.size - this.done);
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(length), 0, length, this.done);
    if (bytesRead === 0) throw new ChangedFile(`${file.path} is shorter than its manifest says`);
    const chunk = buffer.subarray(0, bytesRead);
    await digest.update(chunk);
    this.done += bytesRead;
    if (this.done === file.size) {
      if ((await digest.digest()) !== file.sha256) throw new ChangedFile(`${file.path} isn't what its manifest says`);
      await this.close();
      this.at += 1;
      this.done = 0;
    }
    return chunk;
  }

  /** A whole small file. */
  private async readSmall(file: ContentFile): Promise<Uint8Array> {
    const bytes = Buffer.allocUnsafe(file.size);
    const fd = this.openedSmall(file);
    try {
      for (let done = 0; done < bytes.length; ) {
        const read = readSync(fd, bytes, done, bytes.length - done, done);
        if (read === 0) throw new ChangedFile(`${file.path} is shorter than its manifest says`);
        done += read;
      }
    } finally {
      closeSync(fd);
    }
    if (hash('sha256', bytes) !== file.sha256) throw new ChangedFile(`${file.path} isn't what its manifest says`);
    this.at += 1;
    // Whoever waits for us is let in between some files.
    if (this.at % 32 === 0) await immediate();
    return bytes;
  }

  private openedSmall(file: ContentFile): number {
    try {
      return openSync(join(this.dir, file.path), 'r');
    } catch (error) {
      throw (error as NodeJS.ErrnoException).code === 'ENOENT' ? new ChangedFile(`${file.path} is missing`) : error;
    }
  }

  private async opened(file: ContentFile): Promise<FileHandle> {
    return open(join(this.dir, file.path), 'r').catch((error: NodeJS.ErrnoException) => {
      throw error.code === 'ENOENT' ? new ChangedFile(`${file.path} is missing`) : error;
    });
  }
}
