/** What became of the verification of an exported log. */
export type ExportVerdict = VerifiedExport | UnfitExport;

export interface VerifiedExport {
  readonly ok: true;
  readonly entries: number;
  /** Merkle root, hexadecimal. */
  readonly root: string;
  /** Heads besides the export's own that it continues. */
  readonly heads: number;
  /** How far witnesses co-signed it, and whose keys; entries behind that stand on the log's word alone. */
  readonly witnessed?: { readonly size: number; readonly by: readonly string[] };
}

export interface UnfitExport {
  readonly ok: false;
  readonly code: UnfitCode;
  readonly why: string;
  /** Place of the first entry that doesn't fit; with `lastBad` the first is one of firstBad … lastBad. */
  readonly firstBad?: number;
  readonly lastBad?: number;
  /** The export's file that shows it. */
  readonly file?: string;
}

export type UnfitCode =
  /** The export's head, or another one, is missing, malformed or not by a known key. */
  | 'head'
  /** The log had more entries once. */
  | 'head-shrunk'
  /** The log doesn't continue a head that somebody holds: history was rewritten. */
  | 'head-forked'
  /** Fewer witnesses than demanded co-signed. */
  | 'head-witnesses'
  | 'export-missing'
  /** A file that doesn't belong to a log of the head's size. */
  | 'export-extra'
  /** The entries fit the head, a file of hashes doesn't. */
  | 'export-tile'
  | 'bundle-shape'
  | 'log-entry'
  | 'log-gap'
  /** The entries aren't those that the head signs. */
  | 'log-root';

/** Builds a verdict that says no. */
export function unfit(code: UnfitCode, why: string, more: Omit<UnfitExport, 'ok' | 'code' | 'why'> = {}): UnfitExport {
  return { ok: false, code, why, ...more };
}
