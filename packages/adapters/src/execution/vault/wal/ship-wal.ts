/**
 * Copies what PostgreSQL archived of a store's WAL into the vault: compressed, encrypted, read back. A piece is there once its
 * statement is, which is written after it; the reach, which says up to which moment nothing would be lost, is written once all
 * before it is there. Killed anywhere, it goes on with what isn't there yet.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import {
  digestOf,
  type SealedWal,
  type SignedBundle,
  type SigningKey,
  signSealedWal,
  signWalReach,
  WAL_PIECE,
  type WalIdentity,
  type WalReach,
} from '@headgate/documents';
import type { Digest, Instant } from '@headgate/domain';
import { type ObjectStore, ObjectStoreTrouble } from '@headgate/execution';
import { encrypt } from '../age-stream.ts';
import { measureAll, measured, readBounded } from '../measured.ts';
import type { WalEnd } from './close-wal.ts';
import { pieceKey, piecePrefix, reachKey } from './wal-keys.ts';
import { inLogsOrder, segmentNumber } from './wal-place.ts';

export interface WalShipping {
  readonly store: ObjectStore;
  /** Where PostgreSQL archives. */
  readonly archiveDir: string;
  readonly of: WalIdentity;
  readonly recipients: readonly string[];
  readonly key: SigningKey;
  readonly now: () => Instant;
  readonly signal: AbortSignal;
}

/** What one round came to. */
export interface ShippedWal {
  readonly reach: WalReach;
  /** Pieces that weren't there before, and their bytes in the vault. */
  readonly pieces: number;
  readonly bytes: number;
}

const compress = promisify(gzip);

/** Ships one store's log, round by round. */
export class WalShipper {
  readonly #shipping: WalShipping;
  /** Names of pieces that are known to be there, of the cluster that is shipped. */
  #there: { readonly system: string; readonly names: Set<string> } | undefined;
  #reachedAt: Instant = 0;
  #last: { readonly name: string; readonly digest: Digest } | undefined;

  constructor(shipping: WalShipping) {
    this.#shipping = shipping;
  }

  /** Ships what isn't there yet, up to that end. Throws when the vault can't take it: the next round goes on. */
  async ship(end: WalEnd): Promise<ShippedWal> {
    const { systemIdentifier: system, at, lsn, last } = end;
    const there = await this.#known(system);
    const names = (await readdir(this.#shipping.archiveDir)).filter((name) => WAL_PIECE.test(name));
    const missing = names.filter((name) => !there.has(name) && notAfter(name, last)).sort(inLogsOrder);
    let bytes = 0;
    for (const name of missing) {
      bytes += await this.#piece(system, name, name === last ? at : this.#reachedAt);
      there.add(name);
    }
    if (!there.has(last)) throw new Error(`the WAL segment ${last} isn't in the archive any more`);
    const { of, key, now, archiveDir } = this.#shipping;
    const reach: WalReach = { v: 1, ...of, systemIdentifier: system, at, sealedAt: now(), lsn, last };
    // While nobody writes it is the same one, round by round.
    if (this.#last?.name !== last)
      this.#last = { name: last, digest: digestOf(await readFile(join(archiveDir, last))) };
    await this.#put(reachKey(of), signWalReach(reach, this.#last.digest, key));
    this.#reachedAt = at;
    return { reach, pieces: missing.length, bytes };
  }

  /** What an earlier round, or another process before this one, brought there. */
  async #known(system: string): Promise<Set<string>> {
    if (this.#there?.system === system) return this.#there.names;
    const { store, of, signal } = this.#shipping;
    const prefix = piecePrefix(of, system);
    const names = new Set<string>();
    for await (const { key } of store.list(prefix, signal))
      if (key.endsWith('.json')) names.add(key.slice(prefix.length, -'.json'.length));
    this.#there = { system, names };
    return names;
  }

  /** Bytes that it has in the vault. */
  async #piece(system: string, name: string, holdsUntil: Instant): Promise<number> {
    const { store, archiveDir, of, recipients, key, now, signal } = this.#shipping;
    const plain = await readFile(join(archiveDir, name));
    const cipher = measured(encrypt(once(await compress(plain, { level: 1 })), recipients));
    const place = pieceKey(of, system, name, 'age');
    await store.put(place, cipher.through, signal);
    const wrote = cipher.result();
    const back = await store.get(place, signal);
    const read = back === undefined ? undefined : await measureAll(back, wrote.size);
    if (read?.size !== wrote.size || read.sha256 !== wrote.sha256)
      throw new ObjectStoreTrouble('refused', `${name}.age isn't in ${store.name} as it was written`);
    const sealed: SealedWal = {
      ...{ v: 1, ...of, systemIdentifier: system, name, plainSize: plain.length, ...wrote },
      holdsUntil,
      sealedAt: now(),
    };
    await this.#put(pieceKey(of, system, name, 'json'), signSealedWal(sealed, digestOf(plain), key));
    return wrote.size;
  }

  async #put(place: string, bundle: SignedBundle): Promise<void> {
    const { store, signal } = this.#shipping;
    const bytes = Buffer.from(`${JSON.stringify(bundle)}\n`);
    await store.put(place, once(bytes), signal);
    const back = await store.get(place, signal);
    const same = back !== undefined && (await readBounded(back, bytes.length))?.equals(bytes);
    if (same !== true) throw new ObjectStoreTrouble('refused', `${place} isn't in ${store.name} as it was written`);
  }
}

/** What is archived after the round began belongs to the next one; histories are small, and always of use. */
function notAfter(name: string, last: string): boolean {
  return name.endsWith('.history') || segmentNumber(name) <= segmentNumber(last);
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}
