/**
 * A log entry's bytes and its leaf. Both are fixed for ever: old logs must verify with new code, so a change here is a
 * new `v`, never an edit. `docs/log-format.md` documents them with test vectors.
 */
import { isUtf8 } from 'node:buffer';
import { hash } from 'node:crypto';
import type { Instant, PrincipalId } from '@headgate/domain';
import { canonicalJson, isCanonicalText } from '../canonical.ts';
import { quoted, type Refused, refuse } from '../refusal.ts';

/** Largest entry in bytes: C2SP tlog-tiles gives an entry's length 16 bits. */
export const MAX_ENTRY_BYTES = 65_535;

export interface LogEntry {
  readonly v: 1;
  /** Whose history this belongs to: `promotion/prm_…`. */
  readonly stream: string;
  /** Place in the stream, from 1, without gaps. */
  readonly version: number;
  /** What happened: `promotion.requested`. */
  readonly type: string;
  /** The database's clock, in whole milliseconds. */
  readonly at: Instant;
  /** Who did it: a pseudonymous id, never personal data. */
  readonly by: PrincipalId;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface EncodedEntry {
  readonly ok: true;
  /** The canonical JSON: what is stored. */
  readonly bytes: Buffer;
  /** SHA-256(0x00 ‖ bytes): what goes into the tree. */
  readonly leaf: Buffer;
}

/**
 * Canonical bytes and leaf hash of an entry. Refuses what is larger than {@link MAX_ENTRY_BYTES}: put large things into
 * a blob and their digest into the entry. Throws NotCanonical when `data` holds what JSON can't say.
 */
export function encodeEntry(entry: LogEntry): EncodedEntry | Refused<'entry-too-large' | 'entry-malformed'> {
  const trouble = checkFields(entry);
  if (trouble !== undefined) return trouble;
  // Only the seven fields: anything else that the caller's object carries must not slip into the log.
  const { v, stream, version, type, at, by, data } = entry;
  const text = canonicalJson({ v, stream, version, type, at, by, data });
  const length = Buffer.byteLength(text, 'utf8');
  if (length > MAX_ENTRY_BYTES) {
    return refuse(
      'entry-too-large',
      `log entry ${quoted(type)} of stream ${quoted(stream)}`,
      `it has ${length} bytes, an entry holds at most ${MAX_ENTRY_BYTES}`,
      { unblock: 'store the large part as a blob and put its digest into the entry' },
    );
  }
  // One buffer serves both: the leaf's input is the entry behind a zero byte.
  const input = Buffer.allocUnsafe(length + 1);
  input[0] = 0;
  input.write(text, 1, 'utf8');
  return { ok: true, bytes: input.subarray(1), leaf: hash('sha256', input, 'buffer') };
}

/** Leaf hash of an entry's stored bytes: SHA-256(0x00 ‖ bytes), RFC 9162 section 2.1.1. */
export function leafOf(bytes: Uint8Array): Buffer {
  const input = Buffer.allocUnsafe(bytes.length + 1);
  input[0] = 0;
  input.set(bytes, 1);
  return hash('sha256', input, 'buffer');
}

/** Reads stored bytes back. Refuses bytes that aren't exactly the canonical form of an entry. */
export function decodeEntry(
  bytes: Uint8Array,
): { ok: true; entry: LogEntry } | Refused<'entry-too-large' | 'entry-malformed'> {
  if (bytes.length > MAX_ENTRY_BYTES) {
    return refuse(
      'entry-too-large',
      'log entry',
      `it has ${bytes.length} bytes, an entry holds at most ${MAX_ENTRY_BYTES}`,
    );
  }
  let entry: LogEntry;
  let canonical: boolean;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
  try {
    entry = JSON.parse(text) as LogEntry;
    canonical = isCanonicalText(text, entry);
  } catch {
    return refuse('entry-malformed', 'log entry', 'it is not JSON');
  }
  const fields = typeof entry === 'object' && entry !== null ? Object.keys(entry) : [];
  // In canonical form they stand in order: who verifies millions of entries doesn't sort each.
  if (fields.join() !== FIELDS && fields.sort().join() !== FIELDS) {
    return refuse(
      'entry-malformed',
      'log entry',
      'it must have the fields v, stream, version, type, at, by and data, and no other',
    );
  }
  const trouble = checkFields(entry);
  if (trouble !== undefined) return trouble;
  // The bytes, too: a decoder turns invalid UTF-8 into U+FFFD, and two different entries would read the same.
  if (!canonical || !isUtf8(bytes))
    return refuse('entry-malformed', 'log entry', 'it is not canonical JSON (RFC 8785)');
  return { ok: true, entry };
}

const FIELDS = 'at,by,data,stream,type,v,version';

function checkFields(entry: LogEntry): Refused<'entry-malformed'> | undefined {
  const wrong = (where: string, expected: string, found: unknown) =>
    refuse('entry-malformed', 'log entry', `expected ${expected}, found ${quoted(found)}`, { where });
  if (entry.v !== 1) return wrong('v', '1', entry.v);
  if (!isLabel(entry.stream)) return wrong('stream', 'a text of 1 to 200 characters', entry.stream);
  if (!Number.isSafeInteger(entry.version) || entry.version < 1)
    return wrong('version', 'a whole number from 1', entry.version);
  if (!isLabel(entry.type)) return wrong('type', 'a text of 1 to 200 characters', entry.type);
  if (!Number.isSafeInteger(entry.at) || entry.at < 0) return wrong('at', 'whole milliseconds since 1970', entry.at);
  if (!isLabel(entry.by)) return wrong('by', 'a principal id of 1 to 200 characters', entry.by);
  if (typeof entry.data !== 'object' || entry.data === null || Array.isArray(entry.data)) {
    return wrong('data', 'an object', entry.data);
  }
  return undefined;
}

function isLabel(value: unknown): value is string {
  return typeof value === 'string' && value.length >= 1 && value.length <= 200;
}
