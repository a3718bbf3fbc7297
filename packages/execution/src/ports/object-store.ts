/** What an object store says of one object. */
export interface ObjectFacts {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  /** By the store's clock. Milliseconds. */
  readonly changedAt: number;
}

/** Whether a store protects what lies in it, as it answered. What it can't or won't tell is `unknown`, and never `on`. */
export type Protection =
  | { readonly state: 'on'; readonly detail: string }
  | { readonly state: 'off'; readonly detail: string }
  | { readonly state: 'unknown'; readonly detail: string };

export interface Protections {
  /** Replaced and removed objects can be had back. */
  readonly versioning: Protection;
  /** What is put here also goes to another place. */
  readonly replication: Protection;
}

/**
 * Keeps bytes by key, in another place than the stores whose restore points they are: an S3 bucket, a folder on another
 * disk or machine. A key is `a/b/c`, of plain names. What can't be done throws {@link ObjectStoreTrouble}.
 */
export interface ObjectStore {
  /** What people call it. Holds no secret. */
  readonly name: string;
  /** The object is there whole afterwards, in the place of one of that key, or it isn't there. Returns its size in bytes. */
  put(key: string, content: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<number>;
  /** The object's bytes from its beginning; `undefined`: there is none of that key. */
  get(key: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array> | undefined>;
  /** Objects whose keys begin so, in the order of their keys. */
  list(prefix: string, signal: AbortSignal): AsyncIterable<ObjectFacts>;
  /** Removes it. It isn't there: nothing happens. */
  delete(key: string, signal: AbortSignal): Promise<void>;
  /** Removes what puts under that prefix left behind that began before then and never came to their end. Returns how many. */
  sweep(prefix: string, before: number, signal: AbortSignal): Promise<number>;
  /** Asks the store itself, now. */
  protections(signal: AbortSignal): Promise<Protections>;
}

/**
 * Why a store didn't do what it was asked. `away`: it doesn't answer, and may again. `full`: it has no room. `refused`: it
 * answered that we may not, or can't. Words for people; never a secret.
 */
export class ObjectStoreTrouble extends Error {
  readonly kind: 'away' | 'full' | 'refused';

  constructor(kind: 'away' | 'full' | 'refused', why: string, cause?: unknown) {
    super(why, cause === undefined ? undefined : { cause });
    this.name = 'ObjectStoreTrouble';
    this.kind = kind;
  }
}
