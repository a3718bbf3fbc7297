/**
 * Verifies an exported log offline: its head by pinned keys, every hash from the entries' bytes up, every stream's
 * versions, and that it continues each head that witnesses and auditors hold. Pure: files come in as a reader.
 */
import { type ExportVerdict, type UnfitExport, unfit } from './export-verdict.ts';
import { type ExportFiles, ExportWalk, type Mark } from './export-walk.ts';
import { CHECKPOINT, filesOf, TILE_WIDTH, type Tile, tileBytes, tilePath, tilesOn } from './tiles.ts';
import { openTreeHead, type TreeHeadTrust } from './tree-head.ts';

const MAX_NOTE_BYTES = 64 * 1024;
/** Tiles that are verified between two breaths. */
const TILES_A_BREATH = 64;
const WITNESS_NOTE = /^witnesses\/([0-9a-f]{8})\.note$/;

/** Where a witness's head stands in an export: by the id of the key that co-signed it. */
export function witnessNotePath(keyId: string): string {
  return `witnesses/${keyId}.note`;
}

/** A head that somebody holds, as a signed note. */
export interface HeldNote {
  readonly note: string;
  /** Who holds it, for the verdict: a file's name. */
  readonly from: string;
}

export interface ExportDemands {
  /** The log's keys, the witnesses', and how many of these must have co-signed a head that the export continues. */
  readonly trust: TreeHeadTrust;
  readonly held: readonly HeldNote[];
  /** An export of the same log from before: it shows exactly what was rewritten since. */
  readonly earlier?: ExportFiles;
}

/** Yields the number of entries so far, now and then, so that its caller can breathe; returns the verdict. */
export function* verifyExport(
  files: ExportFiles,
  { trust, held, earlier }: ExportDemands,
): Generator<number, ExportVerdict> {
  const own = openNote(CHECKPOINT, noteIn(files, CHECKPOINT), trust);
  if (!own.ok) return own;
  const marks: Mark[] = [own.mark];
  for (const { note, from } of [...witnessNotes(files), ...held]) {
    const opened = openNote(from, note, trust);
    if (!opened.ok) return opened;
    const keyId = WITNESS_NOTE.exec(from)?.[1];
    if (trust.witnesses?.some((key) => key.keyId === keyId) && !opened.keyIds.includes(keyId as string))
      return unfit('head', `${from} is not co-signed by the witness whose key ${keyId} names it`, { file: from });
    marks.push(opened.mark);
  }
  const before = earlier === undefined ? undefined : openNote('the earlier export', noteIn(earlier, CHECKPOINT), trust);
  if (before?.ok === false) return before;
  if (before !== undefined) marks.push(before.mark);
  const { size } = own.mark.head;
  const longer = marks.find(({ head }) => head.size > size);
  const extra = longer === undefined ? firstExtra(files, size) : undefined;
  if (extra !== undefined) return extra;
  const walk = new ExportWalk(files, marks);
  for (const tile of tilesOn(0, size)) {
    const broken = walk.take(tile);
    if (broken !== undefined) return longer === undefined ? broken : walk.shrunk(longer, size);
    if (tile.index % TILES_A_BREATH === TILES_A_BREATH - 1) yield walk.entries;
  }
  const then = earlier &&
    before && { head: before.mark.head, tile: (tile: Tile) => earlier.read(tilePath(tile), tileBytes(TILE_WIDTH)) };
  if (longer !== undefined) {
    // The export's own heads prove nothing of what stood there before it was cut.
    const others = new Set([...held.map(({ from }) => from), ...(before === undefined ? [] : [before.mark.from])]);
    return walk.shrunk(longer, size, { earlier: then, others });
  }
  const trouble = walk.trouble(own.mark.head, then);
  if (trouble !== undefined) return trouble;
  const cosigned = marks.filter(({ by }) => by.length > 0);
  const by = [...new Set(cosigned.flatMap((mark) => mark.by))].sort();
  const needed = trust.minWitnesses ?? 0;
  if (by.length < needed)
    return unfit('head-witnesses', `${needed} witnesses must have co-signed a head of this log, ${by.length} did`);
  const witnessed = { size: Math.max(...cosigned.map(({ head }) => head.size)), by };
  return {
    ok: true,
    entries: size,
    root: own.mark.head.root.toString('hex'),
    heads: marks.length - 1,
    ...(by.length > 0 && { witnessed }),
  };
}

function noteIn(files: ExportFiles, path: string): string | undefined {
  const bytes = files.read(path, MAX_NOTE_BYTES);
  return bytes === undefined ? undefined : Buffer.from(bytes).toString('utf8');
}

function* witnessNotes(files: ExportFiles): Generator<HeldNote> {
  for (const path of files.paths()) if (WITNESS_NOTE.test(path)) yield { from: path, note: noteIn(files, path) ?? '' };
}

function openNote(
  from: string,
  note: string | undefined,
  trust: TreeHeadTrust,
): { readonly ok: true; readonly mark: Mark; readonly keyIds: readonly string[] } | UnfitExport {
  if (note === undefined)
    return unfit('export-missing', `${from} is missing: nothing says what was signed`, { file: from });
  // How many must have co-signed is asked of all heads together.
  const opened = openTreeHead(note, {
    ...trust,
    minWitnesses: 0,
  });
  if (!opened.ok) return unfit('head', `${from}: ${opened.why}`, { file: from });
  const by = opened.cosignatures.map(({ name, keyId }) => `${name}+${keyId}`);
  return { ok: true, mark: { head: opened.head, from, by }, keyIds: opened.cosignatures.map(({ keyId }) => keyId) };
}

/** What isn't of a log of this size was left by a longer one, or put there. */
function firstExtra(files: ExportFiles, size: number): UnfitExport | undefined {
  const expected = new Set(filesOf(size));
  for (const path of [...files.paths()].sort()) {
    if (path === CHECKPOINT || WITNESS_NOTE.test(path) || expected.has(path)) continue;
    const why = `${path} belongs to no log of ${size} entries, which is what the head names: the head is older than the export, or the file was put there`;
    return unfit('export-extra', why, { file: path, ...(path.startsWith('tile/') && { firstBad: size }) });
  }
  return undefined;
}
