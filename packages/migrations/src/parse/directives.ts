/**
 * What migration tools are told by comments of a file: where the way back begins (goose, sql-migrate, dbmate), and that the
 * file is run outside of a transaction. Only they read them: psql and Headgate run all of a file.
 */
export interface Directives {
  /** The way forward alone. */
  readonly up: string;
  /** The file says that it isn't run in one transaction. */
  readonly noTransaction: boolean;
  /** Where the way back begins, in characters; undefined: the file has none. */
  readonly downAt?: number;
}

const DOWN = /^[ \t]*--[ \t]*(?:\+(?:goose|migrate)[ \t]+down|migrate:down)\b.*$/im;
const ALONE =
  /^[ \t]*--[ \t]*(?:\+goose[ \t]+no[ \t]+transaction|\+migrate[ \t]+up[ \t]+notransaction|migrate:up[ \t]+transaction:false|disable_ddl_transaction!?)\b/im;

/** What may stand before the first statement, piece by piece. */
const LEAD = /\s+|--[^\n]*|\/\*[\s\S]*?\*\//y;
const NO_TRANSACTION = /^--[ \t]*headgate:no-transaction[ \t]*\r?$/i;

/** Whether a file says, before its first statement, that Headgate is to run it outside of a transaction. */
export function saysNoTransaction(text: string): boolean {
  LEAD.lastIndex = 0;
  for (let piece = LEAD.exec(text); piece !== null; piece = LEAD.exec(text))
    if (NO_TRANSACTION.test(piece[0])) return true;
  return false;
}

export function directivesOf(text: string): Directives {
  const down = DOWN.exec(text);
  const up = down === null ? text : text.slice(0, down.index);
  return { up, noTransaction: ALONE.test(up), ...(down === null ? {} : { downAt: down.index }) };
}
