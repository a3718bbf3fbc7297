/**
 * Copies what PostgreSQL archived of a store's WAL into the vault: compressed, encrypted, read back. A piece is there once its
 * statement is, which is written after it; the reach, which says up to which moment nothing would be lost, is written once all
 * before it is there. Killed anywhere, it goes on with what isn't there yet.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
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
import { parseHistory, timelineOf } from '../../../postgres-cluster/timelines.ts';
import { inLogsOrder, segmentNumber } from '../../../postgres-cluster/wal-place.ts';
import { encrypt } from '../age-stream.ts';
import { measureAll, measured, readBounded } from '../measured.ts';
import type { WalEnd } from './close-wal.ts';
import { pieceKey, reachKey } from './wal-keys.ts';
import { segmentOn, type Timeline, wholeFrom } from './wal-timelines.ts';
import { lacks, listLog } from './whole-log.ts';

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
  /** Of each timeline the last segment that is there. */
  readonly shipped: readonly string[];
  /** The segment that is missing before those from which on the log is whole; absent: none is, as far back as there are any. */
  readonly gap: string | undefined;
}

const compress = promisify(gzip);

/** Ships one store's log, round by round. */
export class WalShipper {
  readonly #shipping: WalShipping;
  /** Pieces that are known to be there, of the cluster that is shipped, with their bytes there. */
  #there: { readonly system: string; readonly names: Map<string, number>; looked: boolean } | undefined;
  #neededFrom = 0;
  #reachedAt: Instant = 0;
  #last: { readonly name: string; readonly digest: Digest } | undefined;

  constructor(shipping: WalShipping) {
    this.#shipping = shipping;
  }

  /**
   * The next round looks at what lies there: it may be gone since it was brought. `neededFrom`: number of the first segment that
   * a restore point goes on with; what is older was removed, and isn't brought again.
   */
  lookAgain(neededFrom: number): void {
    this.#neededFrom = neededFrom;
    if (this.#there !== undefined) this.#there.looked = false;
  }

  /** Ships what isn't there yet, up to that end. Throws when the vault can't take it: the next round goes on. */
  async ship(end: WalEnd): Promise<ShippedWal> {
    const { systemIdentifier: system, at, lsn, last } = end;
    const there = await this.#known(system);
    const names = (await readdir(this.#shipping.archiveDir)).filter((name) => WAL_PIECE.test(name));
    const missing = names.filter((name) => !there.has(name) && this.#isNeeded(name, last)).sort(inLogsOrder);
    let bytes = 0;
    for (const name of missing) {
      const size = await this.#piece(system, name, name === last ? at : this.#reachedAt);
      bytes += size;
      there.set(name, size);
    }
    if (!there.has(last)) throw new Error(`the WAL segment ${last} isn't in the archive any more`);
    const { of, key, now, archiveDir } = this.#shipping;
    const timelines = await timelinesIn(archiveDir);
    const timeline = timelineOf(last);
    if (timeline > 1 && !timelines.some((each) => each.timeline === timeline))
      throw new Error(`the history of timeline ${timeline} isn't in the archive: where it began isn't known`);
    const from = wholeFrom(last, new Set(there.keys()), { timelines });
    const reach: WalReach = {
      ...{ v: 1, ...of, systemIdentifier: system, at, sealedAt: now(), lsn, last, from, timelines },
    };
    // While nobody writes it is the same one, round by round.
    if (this.#last?.name !== last)
      this.#last = { name: last, digest: digestOf(await readFile(join(archiveDir, last))) };
    await this.#put(reachKey(of), signWalReach(reach, this.#last.digest, key));
    this.#reachedAt = at;
    return {
      reach,
      pieces: missing.length,
      bytes,
      shipped: lastOfEach([...there.keys()]),
      gap: gapBefore(reach, there.keys()),
    };
  }

  /**
   * What an earlier round, or another process before this one, brought there, in one listing: a piece and its statement. One that
   * has another size than when it was last seen is brought again, or is a gap.
   */
  async #known(system: string): Promise<Map<string, number>> {
    const before = this.#there?.system === system ? this.#there : undefined;
    if (before?.looked) return before.names;
    const { store, of, signal } = this.#shipping;
    const names = new Map<string, number>();
    for (const [name, piece] of await listLog(store, of, system, signal)) {
      const size = lacks(name, piece, store.name) === undefined ? piece.age! : undefined;
      if (size !== undefined && (before?.names.get(name) ?? size) === size) names.set(name, size);
    }
    this.#there = { system, names, looked: true };
    return names;
  }

  #isNeeded(name: string, last: string): boolean {
    return name === last || name.endsWith('.history') || segmentNumber(name) >= this.#neededFrom;
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

/** All that are told of by a history in the archive. */
async function timelinesIn(archiveDir: string): Promise<Timeline[]> {
  const names = (await readdir(archiveDir)).filter((name) => name.endsWith('.history') && WAL_PIECE.test(name)).sort();
  return Promise.all(
    names.map(async (name) => {
      const path = join(archiveDir, name);
      const begunAt = Math.floor((await stat(path)).mtimeMs);
      return { timeline: timelineOf(name), ...parseHistory(await readFile(path, 'utf8')), begunAt };
    }),
  );
}

function lastOfEach(names: readonly string[]): readonly string[] {
  const last = new Map<number, string>();
  for (const name of names)
    if (!name.endsWith('.history') && name > (last.get(timelineOf(name)) ?? '')) last.set(timelineOf(name), name);
  return [...last.values()].sort();
}

/** Something older is there, and what would join the two isn't. */
function gapBefore(reach: WalReach, there: Iterable<string>): string | undefined {
  const older = [...there].some((name) => !name.endsWith('.history') && segmentNumber(name) < reach.from);
  return older ? segmentOn(timelineOf(reach.last), reach.from - 1, reach) : undefined;
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}
