/**
 * Signed tree heads: C2SP tlog-checkpoint as a signed note, and witnesses' C2SP tlog-cosignature/v1 on it. The log signs
 * a head, agents demand consistency with the one they hold and co-sign it, so that nobody can cut the log's tail or show
 * two histories unnoticed.
 */
import type { Instant } from '@headgate/domain';
import { quoted, type Refused, refuse } from '../refusal.ts';
import { type Note, type NoteSignature, parseNote, signatureLine } from './note.ts';
import type { NoteSigner, NoteVerifier } from './note-key.ts';

export interface TreeHead {
  /** The log's identity, one line: `headgate.example/log`. */
  readonly origin: string;
  readonly size: number;
  /** 32 bytes. */
  readonly root: Buffer;
}

export interface Cosignature {
  readonly name: string;
  readonly keyId: string;
  /** The witness's clock, at whole seconds. */
  readonly at: Instant;
}

/** Whom to believe about a log. */
export interface TreeHeadTrust {
  readonly origin: string;
  /** Keys of kind `tree-head`; any one suffices, so that keys can be changed. */
  readonly logKeys: readonly NoteVerifier[];
  /** Keys of kind `witness`. */
  readonly witnesses?: readonly NoteVerifier[];
  /** How many different witnesses must have co-signed. Default 0. */
  readonly minWitnesses?: number;
}

export interface OpenedTreeHead {
  readonly ok: true;
  readonly head: TreeHead;
  readonly cosignatures: readonly Cosignature[];
}

export type TreeHeadRefusal = Refused<
  'note-malformed' | 'head-malformed' | 'head-signature' | 'head-origin' | 'head-witnesses'
>;

/** The signed note of a head. The caller signs only heads that extend what it signed before. */
export function signTreeHead(head: TreeHead, signer: NoteSigner): string {
  if (signer.kind !== 'tree-head') throw new TypeError('a tree head is signed by a key of kind tree-head');
  const text = headText(head);
  return `${text}\n${signatureLine(signer, signer.sign(Buffer.from(text)))}`;
}

/**
 * Adds a witness's cosignature: "at this time, this was the largest consistent head that I had seen". Only for heads that
 * {@link openTreeHead} opened and that were found consistent. `at` in milliseconds; whole seconds are signed.
 */
export function cosignTreeHead(note: string, witness: NoteSigner, at: Instant): string {
  if (witness.kind !== 'witness') throw new TypeError('a cosignature is made by a key of kind witness');
  const parsed = parseNote(note);
  if (!parsed.ok) throw new TypeError(parsed.why);
  const seconds = BigInt(Math.floor(at / 1000));
  const stamp = Buffer.alloc(8);
  stamp.writeBigUInt64BE(seconds);
  return (
    note + signatureLine(witness, Buffer.concat([stamp, witness.sign(cosignedMessage(seconds, parsed.note.text))]))
  );
}

/** Verifies a signed tree head and reads it strictly: exactly three lines, a known key, the expected origin. */
export function openTreeHead(text: string, trust: TreeHeadTrust): OpenedTreeHead | TreeHeadRefusal {
  const parsed = parseNote(text);
  if (!parsed.ok) return parsed;
  const { note } = parsed;
  const signed = checkLogSignatures(note, trust.logKeys);
  if (signed !== undefined) return signed;
  const cosignatures = checkCosignatures(note, trust.witnesses ?? []);
  if (!Array.isArray(cosignatures)) return cosignatures as TreeHeadRefusal;
  const head = parseHead(note.text);
  if ('ok' in head) return head;
  if (head.origin !== trust.origin) {
    return refuse('head-origin', 'tree head', `expected the log ${quoted(trust.origin)}, found ${quoted(head.origin)}`);
  }
  const needed = trust.minWitnesses ?? 0;
  const distinct = new Set(cosignatures.map((c) => `${c.name}+${c.keyId}`)).size;
  if (distinct < needed) {
    return refuse('head-witnesses', 'tree head', `expected cosignatures of ${needed} witnesses, found ${distinct}`);
  }
  return { ok: true, head, cosignatures };
}

function headText(head: TreeHead): string {
  if (!isOrigin(head.origin)) throw new TypeError(`${quoted(head.origin)} can't be a log's origin line`);
  if (!Number.isSafeInteger(head.size) || head.size < 0) throw new TypeError(`${head.size} is no tree size`);
  if (head.root.length !== 32) throw new TypeError(`a root has 32 bytes, not ${head.root.length}`);
  return `${head.origin}\n${head.size}\n${head.root.toString('base64')}\n`;
}

function parseHead(text: string): TreeHead | TreeHeadRefusal {
  const wrong = (why: string) => refuse('head-malformed', 'tree head', why);
  const lines = text.split('\n').slice(0, -1);
  if (lines.length !== 3) return wrong(`expected three lines (origin, size, root hash), found ${lines.length}`);
  const [origin, sizeText, rootText] = lines as [string, string, string];
  if (!isOrigin(origin)) return wrong(`${quoted(origin)} can't be an origin`);
  const size = Number(sizeText);
  if (!/^(0|[1-9][0-9]{0,15})$/.test(sizeText) || !Number.isSafeInteger(size)) {
    return wrong(`expected the tree size as a decimal without leading zeros, found ${quoted(sizeText)}`);
  }
  const root = Buffer.from(rootText, 'base64');
  if (root.length !== 32 || root.toString('base64') !== rootText)
    return wrong('expected the base64 of a 32-byte root hash');
  return { origin, size, root };
}

function checkLogSignatures(note: Note, keys: readonly NoteVerifier[]): TreeHeadRefusal | undefined {
  const message = Buffer.from(note.text);
  let verified = 0;
  for (const [key, signature] of known(note, keys, 'tree-head')) {
    if (!key.verify(message, signature.signature)) {
      return refuse(
        'head-signature',
        'tree head',
        `the signature of ${quoted(key.name)} (key ${key.keyId}) does not verify`,
      );
    }
    verified++;
  }
  if (verified > 0) return undefined;
  return refuse('head-signature', 'tree head', 'none of its signatures is by a trusted log key', {
    unblock: 'compare the log keys in the trust file with the log’s own verifier key',
  });
}

function checkCosignatures(note: Note, witnesses: readonly NoteVerifier[]): Cosignature[] | TreeHeadRefusal {
  const found: Cosignature[] = [];
  for (const [key, { signature }] of known(note, witnesses, 'witness')) {
    const seconds = signature.length === 72 ? signature.readBigUInt64BE(0) : -1n;
    if (
      seconds < 0n ||
      seconds > 8_640_000_000_000n ||
      !key.verify(cosignedMessage(seconds, note.text), signature.subarray(8))
    ) {
      return refuse(
        'head-signature',
        'tree head',
        `the cosignature of ${quoted(key.name)} (key ${key.keyId}) does not verify`,
      );
    }
    found.push({ name: key.name, keyId: key.keyId, at: Number(seconds) * 1000 });
  }
  return found;
}

/** Signatures of keys that we know, by name and id; unknown ones are ignored, as the specification demands. */
function known(note: Note, keys: readonly NoteVerifier[], kind: NoteVerifier['kind']): [NoteVerifier, NoteSignature][] {
  return note.signatures.flatMap((signature) =>
    keys
      .filter((key) => key.kind === kind && key.name === signature.name && key.keyId === signature.keyId)
      .map((key): [NoteVerifier, NoteSignature] => [key, signature]),
  );
}

function cosignedMessage(seconds: bigint, text: string): Buffer {
  return Buffer.from(`cosignature/v1\ntime ${seconds}\n${text}`);
}

function isOrigin(origin: string): boolean {
  return origin.length >= 1 && origin.length <= 200 && !/[\p{C}\n]/u.test(origin);
}
