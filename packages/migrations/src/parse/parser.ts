/** PostgreSQL's own grammar (libpg-query, compiled to WebAssembly). Loaded once; then everything here is synchronous. */
import { hasSqlDetails, loadModule, type Node, parsePlPgSQLSync, parseSync } from 'libpg-query';

/** Loads the parser. To be awaited before anything is analysed. */
export async function loadParser(): Promise<void> {
  await loadModule();
}

/** A statement's tree and where it stands in what was parsed, in bytes of UTF-8. */
export interface RawStatement {
  readonly node: Node;
  readonly at: number;
  readonly bytes: number;
}

export type Parsed =
  | { readonly ok: true; readonly statements: readonly RawStatement[] }
  /** `at`: characters (not bytes) from the beginning. */
  | { readonly ok: false; readonly why: string; readonly at: number };

/** Parses a text as PostgreSQL would; all of it or nothing. */
export function parse(text: string): Parsed {
  // A NUL would end the text for a parser that is written in C, and hide what comes after it.
  const nul = text.indexOf('\0');
  if (nul >= 0) return { ok: false, why: 'a NUL character, which no SQL text can hold', at: nul };
  if (text.trim() === '') return { ok: true, statements: [] };
  try {
    const { stmts } = parseSync(text);
    return {
      ok: true,
      statements: (stmts ?? []).flatMap(({ stmt, stmt_location, stmt_len }) => {
        const at = stmt_location ?? 0;
        // No length: it reaches to the end.
        return stmt === undefined ? [] : [{ node: stmt, at, bytes: stmt_len ?? Buffer.byteLength(text) - at }];
      }),
    };
  } catch (error) {
    const at = hasSqlDetails(error) ? (error.sqlDetails?.cursorPosition ?? 0) : 0;
    return { ok: false, why: (error as Error).message, at };
  }
}

/** One statement's or expression's tree, or `undefined` when it is none. */
export function parseOne(text: string): Node | undefined {
  const parsed = parse(text);
  return parsed.ok && parsed.statements.length === 1 ? parsed.statements[0]?.node : undefined;
}

/** The tree of the bodies in a CREATE FUNCTION or DO statement in PL/pgSQL; `undefined` when it isn't PL/pgSQL. */
export function parseBody(statement: string): unknown {
  try {
    return parsePlPgSQLSync(statement);
  } catch {
    return undefined;
  }
}
