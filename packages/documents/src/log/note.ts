/** Signed notes, as C2SP signed-note lays them out: a text, a blank line, and signature lines. */
import { quoted, type Refused, refuse } from '../refusal.ts';
import type { NoteSigner } from './note-key.ts';
import { isNoteKeyName } from './note-key.ts';

/** Bounds on a note from outside. The specification asks for at least 16 signatures to be accepted. */
const MAX_NOTE_BYTES = 64 * 1024;
const MAX_SIGNATURES = 64;

export interface NoteSignature {
  readonly name: string;
  /** Eight hexadecimal digits. */
  readonly keyId: string;
  readonly signature: Buffer;
}

export interface Note {
  /** With its final newline, without the blank line. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** Reads a note without trusting it: verify a signature before looking at the text. */
export function parseNote(note: string): { readonly ok: true; readonly note: Note } | Refused<'note-malformed'> {
  const wrong = (why: string) => refuse('note-malformed', 'signed note', why);
  if (typeof note !== 'string' || Buffer.byteLength(note) > MAX_NOTE_BYTES)
    return wrong(`expected at most ${MAX_NOTE_BYTES} bytes`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the specification forbids exactly these
  if (!note.isWellFormed() || /[\x00-\x09\x0b-\x1f]/.test(note))
    return wrong('no control characters other than newline are allowed');
  const split = note.lastIndexOf('\n\n');
  if (split < 0 || !note.endsWith('\n'))
    return wrong('expected a text, a blank line and signature lines, each ended by a newline');
  const text = note.slice(0, split + 1);
  const lines = note
    .slice(split + 2)
    .split('\n')
    .slice(0, -1);
  if (lines.length === 0 || lines.length > MAX_SIGNATURES)
    return wrong(`expected 1 to ${MAX_SIGNATURES} signatures, found ${lines.length}`);
  const signatures: NoteSignature[] = [];
  for (const line of lines) {
    const match = /^\u2014 (\S+) ([A-Za-z0-9+/]+={0,2})$/.exec(line);
    const bytes = Buffer.from(match?.[2] ?? '', 'base64');
    if (match === null || !isNoteKeyName(match[1]) || bytes.length < 5 || bytes.toString('base64') !== match[2]) {
      return wrong(`${quoted(line)} is no signature line (— name base64)`);
    }
    signatures.push({ name: match[1], keyId: bytes.toString('hex', 0, 4), signature: bytes.subarray(4) });
  }
  return { ok: true, note: { text, signatures } };
}

/** The line that a key adds to a note. */
export function signatureLine(signer: NoteSigner, signature: Uint8Array): string {
  return `\u2014 ${signer.name} ${Buffer.concat([Buffer.from(signer.keyId, 'hex'), signature]).toString('base64')}\n`;
}
