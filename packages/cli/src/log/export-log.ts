/**
 * Exports a server's log into a folder as C2SP tlog-tiles: what others read with their own programs, and what is
 * verified offline. It goes on where an earlier run ended, and writes the signed head last, so that whatever was cut off
 * shows. An export is only finished when its entries hash to what the log's key signed.
 */
import type { Client } from '@headgate/contract';
import {
  bundlePath,
  CHECKPOINT,
  ExportTiles,
  filesOf,
  MAX_ENTRY_BUNDLE_BYTES,
  type NoteVerifier,
  parseNote,
  readBundle,
  TILE_WIDTH,
  type TreeHead,
  tileBytes,
  tilePath,
  witnessNotePath,
} from '@headgate/documents';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import type { ExportFolder } from './export-folder.ts';
import { currentNote, openHead } from './heads.ts';

const PAGE = 1_000;
/** A witness's signature behind the key id: eight bytes of time, 64 of Ed25519 (C2SP tlog-cosignature). */
const COSIGNATURE_BYTES = 72;

export interface LogExport {
  readonly entries: number;
  /** Of these were there already. */
  readonly resumedFrom: number;
  /** Key ids of witnesses whose heads lie beside the log's own. */
  readonly witnesses: readonly string[];
}

/**
 * Writes what the log's head names now. `witnessed` are co-signed heads as agents keep them. Throws a {@link Failure} when
 * the server's entries aren't those that its head signs, or no longer those that the folder holds.
 */
export async function exportLog(
  client: Client,
  folder: ExportFolder,
  keys: readonly NoteVerifier[],
  witnessed: readonly string[],
): Promise<LogExport> {
  const note = await currentNote(client);
  if (note === undefined) throw new Failure(EXIT.refused, 'no-head', 'the server has signed no tree head', 'try again');
  const opened = openHead(note, keys);
  if (!opened.ok) throw new Failure(EXIT.unverified, 'head', `the server's tree head: ${opened.why}`, opened.unblock);
  const { head } = opened;
  demandLonger(folder, head, keys);
  const tiles = new ExportTiles();
  takeUp(folder, tiles, head.size);
  const resumedFrom = tiles.size;
  while (tiles.size < head.size) {
    const from = tiles.size;
    const { entries } = await client.call('logEntries', { from, limit: Math.min(PAGE, head.size - from) });
    if (entries.length === 0 || entries.some(({ place }, i) => place !== from + i)) {
      const why = `the signed tree head names ${head.size} entries, and the server hands out none at place ${from}`;
      throw new Failure(EXIT.unverified, 'log-size', why);
    }
    for (const { bytes } of entries) for (const file of tiles.add(Buffer.from(bytes, 'base64'))) folder.write(file);
  }
  if (!tiles.root().equals(head.root)) throw unequal(head, resumedFrom);
  for (const file of tiles.edge()) folder.write(file);
  const witnesses = witnessed.flatMap((text) => keepWitness(folder, text));
  folder.write({ path: CHECKPOINT, bytes: Buffer.from(note) });
  removeOutgrown(folder, head.size);
  return { entries: head.size, resumedFrom, witnesses };
}

/** The folder's own head, if it has one, names no more than the server's. */
function demandLonger(folder: ExportFolder, head: TreeHead, keys: readonly NoteVerifier[]): void {
  const bytes = folder.read(CHECKPOINT, 64 * 1024);
  if (bytes === undefined) return;
  const opened = openHead(Buffer.from(bytes).toString('utf8'), keys);
  const trouble = (why: string) =>
    new Failure(
      EXIT.unverified,
      opened.ok ? 'head-shrunk' : 'head',
      why,
      'keep this folder, and export into another one',
    );
  if (!opened.ok) throw trouble(`the folder's checkpoint: ${opened.why}`);
  if (opened.head.origin !== head.origin)
    throw trouble(`the folder holds the log ${opened.head.origin}, the server's is ${head.origin}`);
  if (opened.head.size > head.size)
    throw trouble(
      `the folder holds ${opened.head.size} entries, and the server now signs ${head.size}: its tail was cut`,
    );
}

/** Full tiles of an earlier run, as far as they are whole. */
function takeUp(folder: ExportFolder, tiles: ExportTiles, size: number): void {
  for (let index = 0; (index + 1) * TILE_WIDTH <= size; index++) {
    const tile = { level: 0, index, width: TILE_WIDTH };
    const bundle = folder.read(bundlePath(tile), MAX_ENTRY_BUNDLE_BYTES);
    const hashes = folder.read(tilePath(tile), tileBytes(TILE_WIDTH));
    const read = bundle === undefined || hashes === undefined ? undefined : readBundle(bundle, TILE_WIDTH);
    if (read?.ok !== true) return;
    for (const entry of read.entries)
      for (const file of tiles.add(entry))
        if (!file.bytes.equals(folder.read(file.path, file.bytes.length) ?? Buffer.alloc(0))) folder.write(file);
  }
}

function keepWitness(folder: ExportFolder, text: string): readonly string[] {
  const parsed = parseNote(text);
  if (!parsed.ok) throw new Failure(EXIT.usage, 'usage', `--witness: ${parsed.why}`);
  const cosigned = parsed.note.signatures.filter(({ signature }) => signature.length === COSIGNATURE_BYTES);
  for (const { keyId } of cosigned) folder.write({ path: witnessNotePath(keyId), bytes: Buffer.from(text) });
  return cosigned.map(({ keyId }) => keyId);
}

function removeOutgrown(folder: ExportFolder, size: number): void {
  const belongs = new Set(filesOf(size));
  for (const path of folder.paths()) if (path.startsWith('tile/') && !belongs.has(path)) folder.remove(path);
}

function unequal(head: TreeHead, resumedFrom: number): Failure {
  const resumed =
    resumedFrom === 0
      ? 'the entries that the server hands out'
      : `the folder's first ${resumedFrom} entries and the server's behind them`;
  return new Failure(
    EXIT.unverified,
    'log-root',
    `${resumed} don't hash to the head of ${head.size} entries that the log's key signed`,
    resumedFrom === 0
      ? 'headgate log verify names the first entry that doesn’t fit'
      : 'keep this folder, export into another one, and compare: headgate log verify NEW --earlier THIS names the first entry that doesn’t fit',
  );
}
