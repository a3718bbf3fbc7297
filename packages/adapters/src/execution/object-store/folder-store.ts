import { randomBytes } from 'node:crypto';
import type { Dirent } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type ObjectFacts, type ObjectStore, ObjectStoreTrouble, type Protections } from '@headgate/execution';
import { ahead } from '../../machine/ahead.ts';
import { syncFolder } from '../../machine/durable-file.ts';
import { SyncBehind } from '../../machine/sync-behind.ts';
import { plainKey, plainPrefix } from './object-key.ts';

const CHUNK = 1024 * 1024;
/** What is being written, beside what it will be; no key ends so. */
const UNFINISHED = '.unfinished';

/**
 * A folder as an object store: on another disk, or of another machine. An object is a file that appears by a rename once it
 * is on the disk. The folder itself is never made: one that isn't there is a disk that isn't mounted.
 */
export class FolderStore implements ObjectStore {
  readonly name: string;
  private readonly root: string;

  /** `root` is an absolute path. */
  constructor(root: string) {
    this.root = root;
    this.name = `folder ${root}`;
  }

  async put(key: string, content: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<number> {
    const path = this.path(key);
    const unfinished = join(dirname(path), `.${randomBytes(8).toString('hex')}${UNFINISHED}`);
    let size = 0;
    try {
      await this.troubled(() => this.folderFor(key));
      const file = await this.troubled(() => open(unfinished, 'wx', 0o600));
      const behind = new SyncBehind(file);
      try {
        // Whatever the content throws is the content's; only what the disk says is ours.
        for await (const chunk of ahead(content)) {
          signal.throwIfAborted();
          await this.troubled(() => writeAll(file, chunk));
          behind.wrote(chunk.length);
          size += chunk.length;
        }
        await this.troubled(() => behind.end());
      } finally {
        await behind.over();
        await file.close();
      }
      await this.troubled(() => rename(unfinished, path));
      await this.troubled(() => syncFolder(dirname(path)));
      return size;
    } catch (error) {
      await rm(unfinished, { force: true }).catch(() => {});
      throw error;
    }
  }

  async get(key: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array> | undefined> {
    const path = this.path(key);
    await this.troubled(() => this.there());
    const file = await this.troubled(() => open(path, 'r').catch(nothingIf('ENOENT')));
    return file === undefined ? undefined : this.chunksOf(file, signal);
  }

  async *list(prefix: string, signal: AbortSignal): AsyncIterable<ObjectFacts> {
    const within = plainPrefix(prefix);
    await this.troubled(() => this.there());
    yield* this.walk(within.slice(0, -1), signal);
  }

  async delete(key: string, signal: AbortSignal): Promise<void> {
    const path = this.path(key);
    signal.throwIfAborted();
    await this.troubled(async () => {
      await this.there();
      await rm(path, { force: true });
    });
    await this.removeEmpty(dirname(key));
  }

  async sweep(prefix: string, before: number, signal: AbortSignal): Promise<number> {
    await this.troubled(() => this.there());
    return this.sweepFolder(plainPrefix(prefix).slice(0, -1), before, signal);
  }

  async protections(): Promise<Protections> {
    return {
      versioning: { state: 'off', detail: 'a folder keeps one version of a file' },
      replication: { state: 'unknown', detail: 'a folder can’t tell whether it is copied elsewhere' },
    };
  }

  private async *chunksOf(file: FileHandle, signal: AbortSignal): AsyncIterable<Uint8Array> {
    try {
      for (;;) {
        signal.throwIfAborted();
        const { bytesRead, buffer } = await this.troubled(() => file.read(Buffer.allocUnsafe(CHUNK), 0, CHUNK));
        if (bytesRead === 0) return;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await file.close();
    }
  }

  private async *walk(below: string, signal: AbortSignal): AsyncIterable<ObjectFacts> {
    for (const entry of await this.entries(below)) {
      signal.throwIfAborted();
      const key = below === '' ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory()) yield* this.walk(key, signal);
      else if (entry.isFile() && !entry.name.endsWith(UNFINISHED)) {
        const facts = await this.troubled(() => lstat(join(this.root, key)).catch(nothingIf('ENOENT')));
        if (facts) yield { key, size: facts.size, changedAt: facts.mtimeMs };
      }
    }
  }

  private async sweepFolder(below: string, before: number, signal: AbortSignal): Promise<number> {
    let swept = 0;
    for (const entry of await this.entries(below)) {
      signal.throwIfAborted();
      const path = join(this.root, below, entry.name);
      if (entry.isDirectory()) swept += await this.sweepFolder(join(below, entry.name), before, signal);
      else if (entry.name.endsWith(UNFINISHED)) {
        const facts = await this.troubled(() => lstat(path).catch(nothingIf('ENOENT')));
        if (!facts || facts.mtimeMs >= before) continue;
        await this.troubled(() => rm(path, { force: true }));
        swept += 1;
      }
    }
    return swept;
  }

  /** In the order of their keys: a folder's name goes on with a slash, which stands before digits and letters. */
  private async entries(below: string): Promise<readonly Dirent[]> {
    const found = await this.troubled(() =>
      readdir(join(this.root, below), { withFileTypes: true }).catch(nothingIf('ENOENT')),
    );
    const spelled = (entry: Dirent): string => (entry.isDirectory() ? `${entry.name}/` : entry.name);
    return (found ?? []).sort((a, b) => (spelled(a) < spelled(b) ? -1 : 1));
  }

  private async removeEmpty(below: string): Promise<void> {
    for (let folder = below; folder !== '.'; folder = dirname(folder)) {
      // Another object came into it meanwhile, or it is gone: either is as it should be.
      const removed = await rmdir(join(this.root, folder)).then(
        () => true,
        () => false,
      );
      if (!removed) return;
    }
  }

  /** Makes an object's folder, one name after the other, durably. No link is followed out of the root. */
  private async folderFor(key: string): Promise<void> {
    await this.there();
    let path = this.root;
    for (const name of key.split('/').slice(0, -1)) {
      const above = path;
      path = join(path, name);
      const made = await mkdir(path, { mode: 0o700 }).then(
        () => true,
        (error: NodeJS.ErrnoException) => {
          if (error.code === 'EEXIST') return false;
          throw error;
        },
      );
      if (made) await syncFolder(above);
      else if (!(await lstat(path)).isDirectory())
        throw new ObjectStoreTrouble('refused', `${this.name}: ${name} is no folder`);
    }
  }

  private async there(): Promise<void> {
    const facts = await lstat(this.root).catch(nothingIf('ENOENT'));
    if (!facts?.isDirectory())
      throw new ObjectStoreTrouble('away', `${this.name} isn't there; is its disk mounted? It is never made by us`);
  }

  private path(key: string): string {
    return join(this.root, plainKey(key));
  }

  /** Says in the port's words what the disk says. */
  private async troubled<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (error instanceof ObjectStoreTrouble || code === undefined) throw error;
      if (code === 'ENOSPC' || code === 'EDQUOT')
        throw new ObjectStoreTrouble('full', `${this.name} has no room left (${code})`, error);
      if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
        throw new ObjectStoreTrouble('refused', `${this.name} can't be used (${code})`, error);
      throw new ObjectStoreTrouble('away', `${this.name} can't be used (${code})`, error);
    }
  }
}

async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    const { bytesWritten } = await file.write(chunk, done, chunk.length - done);
    done += bytesWritten;
  }
}

function nothingIf(code: string): (error: NodeJS.ErrnoException) => undefined {
  return (error) => {
    if (error.code === code) return undefined;
    throw error;
  };
}
