import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ContentFile } from './point-contents.ts';

/** Files that are open at a time, at most. */
const SIDE_BY_SIDE = 64;

/** What came out of a part isn't what the restore point's own manifest says. */
export class AnotherFile extends Error {}

/**
 * Takes the files of a restore point out of its parts' bytes, in order, and compares each with its size and SHA-256. With a
 * folder they are written there, durably; without one they are only looked at.
 */
export class UnsealedFiles {
  private readonly files: readonly ContentFile[];
  private readonly dir: string | undefined;
  private readonly made = new Set<string>();
  private at = 0;
  private done = 0;
  private open: { readonly hash: Hash; readonly handle: FileHandle | undefined } | undefined;
  /** Written, and not known to be on the disk. */
  private readonly written: FileHandle[] = [];

  constructor(files: readonly ContentFile[], dir: string | undefined) {
    this.files = files;
    this.dir = dir;
  }

  async write(chunk: Uint8Array): Promise<void> {
    for (let rest = chunk; rest.length > 0; ) {
      await this.skipEmpty();
      const file = this.files[this.at];
      if (file === undefined) throw new AnotherFile('more comes out of it than the restore point holds');
      this.open ??= await this.begin(file);
      const some = rest.subarray(0, file.size - this.done);
      this.open.hash.update(some);
      await writeAll(this.open.handle, some);
      this.done += some.length;
      rest = rest.subarray(some.length);
      if (this.done === file.size) await this.finish(file);
    }
  }

  /** All parts went by. */
  async end(): Promise<void> {
    await this.skipEmpty();
    const file = this.files[this.at];
    if (file !== undefined) throw new AnotherFile(`${file.path} isn't whole`);
    await this.settle();
  }

  /** Lets go of what is open; harmless at any time. */
  async close(): Promise<void> {
    const { open: opened } = this;
    this.open = undefined;
    await opened?.handle?.close();
    for (const handle of this.written.splice(0)) await handle.close();
  }

  /** Sees to it that what was written is on the disk: side by side, since the file system makes one commit of many. */
  private async settle(): Promise<void> {
    await Promise.all(this.written.map((handle) => handle.datasync()));
    for (const handle of this.written.splice(0)) await handle.close();
  }

  private async skipEmpty(): Promise<void> {
    for (let file = this.files[this.at]; file?.size === 0; file = this.files[this.at]) {
      this.open = await this.begin(file);
      await this.finish(file);
    }
  }

  private async begin(file: ContentFile): Promise<{ hash: Hash; handle: FileHandle | undefined }> {
    const hash = createHash('sha256');
    if (this.dir === undefined) return { hash, handle: undefined };
    const path = join(this.dir, file.path);
    const folder = dirname(path);
    if (!this.made.has(folder)) await mkdir(folder, { recursive: true, mode: 0o700 });
    this.made.add(folder);
    return { hash, handle: await open(path, 'wx', 0o600) };
  }

  private async finish(file: ContentFile): Promise<void> {
    const { hash, handle } = this.open!;
    this.open = undefined;
    if (handle !== undefined) this.written.push(handle);
    if (this.written.length >= SIDE_BY_SIDE) await this.settle();
    if (hash.digest('hex') !== file.sha256) throw new AnotherFile(`${file.path} isn't what was sealed`);
    this.at += 1;
    this.done = 0;
  }
}

async function writeAll(handle: FileHandle | undefined, bytes: Uint8Array): Promise<void> {
  if (handle === undefined) return;
  for (let done = 0; done < bytes.length; ) done += (await handle.write(bytes, done, bytes.length - done)).bytesWritten;
}
