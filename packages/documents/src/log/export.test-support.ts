import { encodeEntry } from './entry.ts';
import { ExportTiles } from './export-tiles.ts';
import type { ExportVerdict } from './export-verdict.ts';
import type { ExportFiles } from './export-walk.ts';
import { generateNoteKey, noteSigner, parseVerifierKey } from './note-key.ts';
import { CHECKPOINT } from './tiles.ts';
import { cosignTreeHead, signTreeHead } from './tree-head.ts';
import { type HeldNote, verifyExport, witnessNotePath } from './verify-export.ts';

export const ORIGIN = 'headgate.example/log';

function party(name: string, kind: 'tree-head' | 'witness') {
  const pair = generateNoteKey(name, kind);
  const parsed = parseVerifierKey(pair.verifierKey);
  if (!parsed.ok) throw new Error(parsed.why);
  return { signer: noteSigner(name, kind, pair.privateKeyPem), key: parsed.key };
}

export const keeper = party(ORIGIN, 'tree-head');
export const witness = party('agt_1', 'witness');
export const TRUST = { origin: ORIGIN, logKeys: [keeper.key], witnesses: [witness.key], minWitnesses: 1 };

export function entryAt(i: number, note = ''): Buffer {
  const version = Math.floor(i / 7) + 1;
  const encoded = encodeEntry({ v: 1, stream: `s/${i % 7}`, version, type: 't', at: i, by: 'sys', data: { i, note } });
  if (!encoded.ok) throw new Error(encoded.why);
  return encoded.bytes;
}

export function entriesOf(size: number): Buffer[] {
  return Array.from({ length: size }, (_, i) => entryAt(i));
}

/** An export in memory, which tests change as they like. */
export class MemoryExport implements ExportFiles {
  readonly files = new Map<string, Buffer>();

  paths(): Iterable<string> {
    return this.files.keys();
  }
  read(path: string, maxBytes: number): Uint8Array | undefined {
    return this.files.get(path)?.subarray(0, maxBytes + 1);
  }
  with(path: string, bytes: Buffer): MemoryExport {
    const other = new MemoryExport();
    for (const [name, kept] of this.files) other.files.set(name, kept);
    other.files.set(path, bytes);
    return other;
  }
  without(path: string): MemoryExport {
    const other = this.with(path, Buffer.alloc(0));
    other.files.delete(path);
    return other;
  }
}

/** The log of these entries as its keeper exports it, its head co-signed. */
export function exportOf(entries: readonly Buffer[], signer = keeper.signer): MemoryExport {
  const made = new MemoryExport();
  const tiles = new ExportTiles();
  for (const entry of entries) for (const { path, bytes } of tiles.add(entry)) made.files.set(path, bytes);
  for (const { path, bytes } of tiles.edge()) made.files.set(path, bytes);
  const note = signTreeHead({ origin: ORIGIN, size: tiles.size, root: tiles.root() }, signer);
  made.files.set(CHECKPOINT, Buffer.from(note));
  made.files.set(witnessNotePath(witness.key.keyId), Buffer.from(cosignTreeHead(note, witness.signer, 1_000)));
  return made;
}

export function headOf(made: MemoryExport): string {
  return (made.files.get(CHECKPOINT) as Buffer).toString();
}

export function verify(
  made: ExportFiles,
  more: { readonly held?: readonly HeldNote[]; readonly earlier?: ExportFiles } = {},
): ExportVerdict {
  const verifying = verifyExport(made, { trust: TRUST, held: [], ...more });
  for (;;) {
    const step = verifying.next();
    if (step.done === true) return step.value;
  }
}
