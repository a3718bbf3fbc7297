/** One piece of a store's log, read back from its vault and checked. */
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { digestOf, type Trust, type WalIdentity } from '@headgate/documents';
import type { Digest, Instant } from '@headgate/domain';
import { type Answer, denied, granted, type ObjectStore } from '@headgate/execution';
import { decrypt, Undecipherable } from '../age-stream.ts';
import { measureAll, measured, readBounded } from '../measured.ts';
import { openPiece } from './vaulted-wal.ts';
import { pieceKey } from './wal-keys.ts';

export interface PieceAsk {
  readonly store: ObjectStore;
  readonly of: WalIdentity;
  readonly trust: Pick<Trust, 'signers'>;
  readonly signal: AbortSignal;
}

export interface ReadPiece {
  /** Until when it holds everything. */
  readonly holdsUntil: Instant;
  /** Of PostgreSQL's own bytes. */
  readonly plain: Digest;
  readonly bytes: Buffer;
}

/** Larger than any piece that is written. Bytes. */
const LARGEST = 64 * 1024 * 1024;

const decompress = promisify(gunzip);

/** Decrypts one piece, and compares all of it with its statement. */
export async function readPiece(
  { store, of, trust, signal }: PieceAsk,
  identities: readonly string[],
  system: string,
  name: string,
): Promise<Answer<ReadPiece>> {
  const opened = await openPiece(store, { ...of, systemIdentifier: system, name }, trust, signal);
  if (!opened.ok) return opened;
  const { sealed, plain } = opened.value;
  const bad = (why: string) => spoilt(name, why);
  if (sealed.plainSize > LARGEST || sealed.size > LARGEST) return bad('no piece is so large');
  const found = await store.get(pieceKey(of, system, name, 'age'), signal);
  if (found === undefined) return denied('check-failed', `the WAL ${name} isn't in ${store.name}`);
  const cipher = measured(found, sealed.size);
  let bytes: Buffer;
  try {
    const packed = await readBounded(decrypt(cipher.through, identities), LARGEST);
    if (packed === undefined) return bad('it is longer than any');
    bytes = await decompress(packed, { maxOutputLength: LARGEST });
  } catch (error) {
    if (error instanceof Undecipherable)
      return denied('check-failed', `the WAL ${name} can't be decrypted: ${error.message}`);
    const { code } = error as NodeJS.ErrnoException;
    if (code?.startsWith('Z_') || code === 'ERR_BUFFER_TOO_LARGE') return bad('it can’t be decompressed');
    throw error;
  }
  const { size, sha256 } = cipher.result();
  if (size !== sealed.size || sha256 !== sealed.sha256) return bad('its SHA-256 is another one');
  if (bytes.length !== sealed.plainSize || digestOf(bytes) !== plain)
    return bad('PostgreSQL’s own bytes are other ones');
  return granted({ holdsUntil: sealed.holdsUntil, plain, bytes });
}

/** Reads one piece as it lies there, and compares its size and SHA-256 with its statement. Needs nobody's secret. */
export async function checkPiece(
  { store, of, trust, signal }: PieceAsk,
  system: string,
  name: string,
): Promise<Answer<Omit<ReadPiece, 'bytes'>>> {
  const opened = await openPiece(store, { ...of, systemIdentifier: system, name }, trust, signal);
  if (!opened.ok) return opened;
  const { sealed, plain } = opened.value;
  const found = await store.get(pieceKey(of, system, name, 'age'), signal);
  if (found === undefined) return denied('check-failed', `the WAL ${name} isn't in ${store.name}`);
  const { size, sha256 } = await measureAll(found, sealed.size);
  if (size !== sealed.size) return spoilt(name, `${size} bytes of ${sealed.size}`);
  if (sha256 !== sealed.sha256) return spoilt(name, 'its SHA-256 is another one');
  return granted({ holdsUntil: sealed.holdsUntil, plain });
}

function spoilt(name: string, why: string) {
  return denied('check-failed', `the WAL ${name} isn't what was sealed: ${why}`);
}
