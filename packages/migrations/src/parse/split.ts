/**
 * Where the statements of a text begin and end, without a parser: for texts that PostgreSQL's own one refuses as a whole.
 * Knows what can hold a semicolon that ends nothing: strings, quoted names, dollar quotes, comments, parentheses, and the
 * body of an SQL function (BEGIN ATOMIC … END).
 */
export interface Piece {
  /** Characters from the beginning of the text. */
  readonly from: number;
  readonly to: number;
  /** What is wrong with it before any parser sees it. */
  readonly trouble?: string;
}

/** A line that begins like this begins a statement, where one is missing its end. */
const BEGINS =
  /^(ALTER|ANALYZE|BEGIN|CALL|CLUSTER|COMMENT|COMMIT|COPY|CREATE|DELETE|DO|DROP|EXPLAIN|GRANT|INSERT|LOCK|MERGE|REFRESH|REINDEX|REVOKE|ROLLBACK|SELECT|SET|TRUNCATE|UPDATE|VACUUM|WITH)\b/i;

/** Splits a text at the semicolons that end statements. */
export function split(text: string): readonly Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  let depth = 0;
  let atomic = 0;
  let at = 0;
  const cut = (to: number, next: number, trouble?: string): void => {
    if (text.slice(from, to).trim() !== '') pieces.push({ from, to, ...(trouble === undefined ? {} : { trouble }) });
    from = next;
    depth = 0;
    atomic = 0;
  };
  while (at < text.length) {
    const atLineStart = at === 0 || text[at - 1] === '\n';
    if (atLineStart && text[at] === '\\' && text.slice(from, at).trim() === '') {
      // A command of psql, which the server never sees.
      const end = endOfLine(text, at);
      from = at;
      cut(end, end, 'a command of psql, not SQL');
      at = end;
      continue;
    }
    const next = after(text, at);
    if (next === undefined) {
      // A quote that nothing closes: what it swallowed is given back at the next line that begins like a statement.
      const end = nextBeginning(text, at);
      cut(end, end, 'a quote, a comment or a dollar quote that is not closed');
      at = end;
      continue;
    }
    if (next === at + 1) {
      const char = text[at];
      if (char === '(') depth++;
      else if (char === ')') depth = Math.max(0, depth - 1);
      else if (char === ';' && depth === 0 && atomic === 0) {
        cut(at, at + 1);
        if (/^\s*COPY\b[^;]*\bFROM\s+STDIN\b/i.test(text.slice(pieces.at(-1)?.from, at))) {
          // The rows that psql sends along stand below, up to a line of \.
          const end = /\n\\\.(\n|$)/.exec(text.slice(at))?.index;
          at = end === undefined ? text.length : at + end + 4;
          from = at;
          continue;
        }
      }
    } else if (depth === 0 && /[a-z]/i.test(text[at] ?? '')) {
      const word = text.slice(at, next).toUpperCase();
      if (word === 'ATOMIC' && /\bBEGIN\s+$/i.test(text.slice(from, at))) atomic++;
      else if (atomic > 0 && word === 'CASE') atomic++;
      else if (atomic > 0 && word === 'END') atomic--;
    }
    at = next;
  }
  cut(text.length, text.length);
  return pieces;
}

/** Lines inside of a piece, after its first, that begin like a statement: where a semicolon may be missing. */
export function beginnings(text: string, { from, to }: Piece): readonly number[] {
  const found: number[] = [];
  let first = true;
  for (let at = from; at < to; at = endOfLine(text, at)) {
    const line = text.slice(at, Math.min(to, endOfLine(text, at)));
    if (line.trim() === '' || line.startsWith('--')) continue;
    if (!first && BEGINS.test(line)) found.push(at);
    first = false;
  }
  return found;
}

function nextBeginning(text: string, at: number): number {
  for (let line = endOfLine(text, at); line < text.length; line = endOfLine(text, line))
    if (BEGINS.test(text.slice(line, line + 20))) return line;
  return text.length;
}

function endOfLine(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : end + 1;
}

/** Where the token at a place ends; `undefined` when it never does. */
function after(text: string, at: number): number | undefined {
  const char = text[at] as string;
  const two = text.slice(at, at + 2);
  if (two === '--') return endOfLine(text, at);
  if (two === '/*') return afterComment(text, at);
  if (char === "'") return afterQuote(text, at, false);
  if (/^[eE]'$/.test(two)) return afterQuote(text, at + 1, true);
  if (char === '"') {
    const end = text.indexOf('"', at + 1);
    return end < 0 ? undefined : end + 1;
  }
  if (char === '$') {
    const tag = /^\$([A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/.exec(text.slice(at, at + 130))?.[0];
    if (tag === undefined) return at + 1;
    const end = text.indexOf(tag, at + tag.length);
    return end < 0 ? undefined : end + tag.length;
  }
  if (/[\w\u0080-\uffff]/.test(char)) {
    let end = at + 1;
    while (end < text.length && /[\w$\u0080-\uffff]/.test(text[end] as string)) end++;
    // A word of one letter is no punctuation: no caller takes it for such.
    return end;
  }
  return at + 1;
}

function afterQuote(text: string, at: number, backslashes: boolean): number | undefined {
  for (let i = at + 1; i < text.length; i++) {
    if (backslashes && text[i] === '\\') i++;
    else if (text[i] === "'") {
      if (text[i + 1] !== "'") return i + 1;
      i++;
    }
  }
  return undefined;
}

function afterComment(text: string, at: number): number | undefined {
  let depth = 0;
  for (let i = at; i < text.length - 1; i++) {
    const two = text.slice(i, i + 2);
    if (two === '/*') depth++;
    else if (two === '*/') {
      depth--;
      if (depth === 0) return i + 2;
    } else continue;
    i++;
  }
  return undefined;
}
