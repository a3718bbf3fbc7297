import { mkdir, readdir, readFile, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurably } from '@headgate/adapters/machine/durable-file';
import { digestOf, hexOf } from '@headgate/documents';
import { type Digest, isDigest, type Refusal } from '@headgate/domain';

/** Largest blob that is taken. Bytes; the control plane's own bound. */
export const MAX_BLOB_BYTES = 64 * 1024 * 1024;
/** What the cache may hold before the least recently used go. Bytes. */
const MOST_BYTES = 2 * 1024 * 1024 * 1024;

/** Bytes came that are not those that the digest names. */
export class Tampered extends Error {
  readonly refusal: Refusal;
  constructor(digest: Digest, where: string, why: string) {
    super(`blob ${digest} from ${where}: ${why}`);
    this.name = 'Tampered';
    const unblock = 'upload the right bytes again; find out who changed them';
    this.refusal = { code: 'tampered', what: `take up the blob ${digest}`, where, why, unblock };
  }
}

/** Where blobs come from. Throws when it can't be reached; undefined when it has none of that digest. */
export type BlobSource = (digest: Digest, signal: AbortSignal) => Promise<Uint8Array | undefined>;

/**
 * Bytes by their digest, kept on disk. Nothing is believed for where it lies: bytes are hashed when they come and again
 * each time that they are read.
 */
export class BlobCache {
  readonly #dir: string;
  readonly #source: BlobSource;

  private constructor(dir: string, source: BlobSource) {
    this.#dir = dir;
    this.#source = source;
  }

  static async open(dataDir: string, source: BlobSource): Promise<BlobCache> {
    const dir = join(dataDir, 'blobs');
    await mkdir(dir, { recursive: true, mode: 0o700 });
    return new BlobCache(dir, source);
  }

  /** The bytes that this digest names. Throws {@link Tampered} when the source sends others. */
  async get(digest: Digest, signal: AbortSignal): Promise<Uint8Array> {
    if (!isDigest(digest)) throw new TypeError('a blob is named by its digest');
    const path = join(this.#dir, hexOf(digest));
    const kept = await readFile(path).catch(absent);
    if (kept !== undefined) {
      if (digestOf(kept) === digest) {
        const now = new Date();
        await utimes(path, now, now).catch(() => {});
        return kept;
      }
      // Flipped on our own disk: the source may still have it right.
      await rm(path, { force: true });
    }
    const bytes = await this.#source(digest, signal);
    if (bytes === undefined) throw new Tampered(digest, 'the control plane', 'it has no blob of this digest');
    const found = digestOf(bytes);
    if (found !== digest) throw new Tampered(digest, 'the control plane', `the bytes that came hash to ${found}`);
    await writeDurably(path, bytes, 0o600);
    return bytes;
  }

  /** Whether the bytes are here, whole. */
  async holds(digest: Digest): Promise<boolean> {
    const kept = await readFile(join(this.#dir, hexOf(digest))).catch(absent);
    return kept !== undefined && digestOf(kept) === digest;
  }

  /** Removes the least recently used blobs beyond the bound. */
  async trim(most = MOST_BYTES): Promise<void> {
    const files = await Promise.all(
      (await readdir(this.#dir)).map(async (name) => {
        const path = join(this.#dir, name);
        const facts = await stat(path).catch(absent);
        return { path, bytes: facts?.size ?? 0, used: facts?.mtimeMs ?? 0 };
      }),
    );
    let held = files.reduce((sum, file) => sum + file.bytes, 0);
    for (const file of files.sort((a, b) => a.used - b.used)) {
      if (held <= most) return;
      await rm(file.path, { force: true });
      held -= file.bytes;
    }
  }
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT') return undefined;
  throw error;
}
