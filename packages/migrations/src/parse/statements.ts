import type { Node } from 'libpg-query';
import { parse } from './parser.ts';
import { type Place, Places } from './places.ts';
import { beginnings, type Piece, split } from './split.ts';

/** A statement of a file, or a piece of it that is none. */
export interface Statement {
  readonly at: Place;
  readonly end: Place;
  readonly text: string;
  /** Absent: it doesn't parse. */
  readonly node?: Node;
  /** Why it doesn't, and where. */
  readonly error?: { readonly why: string; readonly at: Place };
}

/** The statements of a text, in order. What doesn't parse is one of them, and hides none of the others. */
export function statementsOf(text: string): readonly Statement[] {
  const places = new Places(text);
  const whole = parse(text);
  if (!whole.ok) return split(text).flatMap((piece) => oneByOne(text, piece, places));
  return whole.statements.map(({ node, at, bytes }) => {
    const from = places.characterOf(at);
    return known(text, { from, to: places.characterOf(at + bytes) }, node, places);
  });
}

/** Parses one piece. Where a semicolon seems to be missing, what stands before and behind is tried by itself. */
function oneByOne(text: string, piece: Piece, places: Places): readonly Statement[] {
  const sql = text.slice(piece.from, piece.to);
  const parsed = parse(sql);
  if (parsed.ok && piece.trouble === undefined)
    return parsed.statements.map(({ node }) => known(text, piece, node, places));
  const failed = parsed.ok ? 0 : piece.from + [...sql].slice(0, parsed.at).join('').length;
  const why = piece.trouble ?? (parsed.ok ? '' : parsed.why);
  const cut =
    piece.trouble === undefined
      ? beginnings(text, piece).find((line) => line <= failed && parses(text, piece.from, line))
      : undefined;
  if (cut !== undefined) {
    const before = oneByOne(text, { from: piece.from, to: cut }, places);
    const missing = { why: 'a semicolon is missing between two statements', at: places.at(cut) };
    const behind = oneByOne(text, { from: cut, to: piece.to }, places);
    return [...before.slice(0, -1), ...before.slice(-1).map((last) => ({ ...last, error: missing })), ...behind];
  }
  // The error stands in the first of several statements that nothing separates: the others are tried by themselves.
  const later = piece.trouble === undefined ? beginnings(text, piece).find((line) => line > failed) : undefined;
  const own = { from: piece.from, to: later ?? piece.to };
  const { at, end, text: words } = range(text, own, places);
  const bad: Statement = { at, end, text: words, error: { why, at: parsed.ok ? at : places.at(failed) } };
  return later === undefined ? [bad] : [bad, ...oneByOne(text, { from: later, to: piece.to }, places)];
}

function parses(text: string, from: number, to: number): boolean {
  const parsed = parse(text.slice(from, to));
  return parsed.ok && parsed.statements.length > 0;
}

function known(text: string, piece: Piece, node: Node, places: Places): Statement {
  return { ...range(text, piece, places), node };
}

/** Without the comments and blanks before it. */
function range(text: string, { from, to }: Piece, places: Places): Pick<Statement, 'at' | 'end' | 'text'> {
  const sql = text.slice(from, to);
  const lead = /^(?:\s+|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*/.exec(sql)?.[0].length ?? 0;
  const start = lead >= sql.length ? 0 : lead;
  const words = sql.slice(start).trimEnd();
  return { at: places.at(from + start), end: places.at(from + start + words.length), text: words };
}
