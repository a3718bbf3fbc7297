import type { FileHandle } from 'node:fs/promises';

/** What is written goes to the disk behind so many bytes each. */
const BEHIND = 8 * 1024 * 1024;

/** Brings a file to the disk while more of it is written: at the end little is left to wait for. */
export class SyncBehind {
  private readonly file: Pick<FileHandle, 'datasync' | 'sync'>;
  private bytes = 0;
  private syncing: Promise<void> | undefined;
  private failure: unknown;

  constructor(file: Pick<FileHandle, 'datasync' | 'sync'>) {
    this.file = file;
  }

  /** So many bytes more were written. */
  wrote(bytes: number): void {
    this.bytes += bytes;
    if (this.bytes < BEHIND || this.syncing !== undefined) return;
    this.bytes = 0;
    this.syncing = this.file
      .datasync()
      // The disk tells a write that it lost once: to whoever asked first.
      .catch((error) => {
        this.failure ??= error;
      })
      .finally(() => {
        this.syncing = undefined;
      });
  }

  /** All of it is on the disk. Throws what the disk said of any of it. */
  async end(): Promise<void> {
    await this.over();
    if (this.failure !== undefined) throw this.failure;
    await this.file.sync();
  }

  /** Nobody is at the file any more. */
  async over(): Promise<void> {
    await this.syncing;
  }
}
