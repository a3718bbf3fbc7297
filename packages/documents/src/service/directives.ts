import { didYouMean } from '@headgate/domain/model/nearest';

/** What a migration's file may say to Headgate, each in a comment with a line of its own. */
const WORDS = ['closes', 'lossy', 'no-transaction'];

/** Whatever looks as if it were said to Headgate: behind a statement, in a block and with a blank, too. */
const SAID = /^(.*?)(--|\/\*|#)[ \t]*headgate:([ \t]*)([\w-]*)/gim;

/** What may stand before a word that is read. A form feed is a blank to PostgreSQL, and not to who reads the word. */
const READ_BEHIND = /^[ \t]*$/;

/** What may stand before the first statement, piece by piece; and the one form of the word that is looked for there alone. */
const LEAD = /\s+|--[^\n]*|\/\*[\s\S]*?\*\//y;
const NO_TRANSACTION = /^--[ \t]*headgate:no-transaction[ \t]*\r?$/i;

/** Where `headgate:no-transaction` is read, as whoever runs the file does (`parse/directives.ts` of packages/migrations). */
function readAsAlone(text: string): ReadonlySet<number> {
  const places = new Set<number>();
  LEAD.lastIndex = 0;
  for (let piece = LEAD.exec(text); piece !== null; piece = LEAD.exec(text))
    if (NO_TRANSACTION.test(piece[0])) places.add(piece.index);
  return places;
}

/** Throws, in words, where a file says what nobody reads: what it meant would be left undone, and nobody would hear of it. */
export function expectDirectives(file: string, bytes: Uint8Array): void {
  const text = new TextDecoder().decode(bytes);
  const alone = readAsAlone(text);
  for (const { index, 1: before = '', 2: mark = '', 3: blank = '', 4: word = '' } of text.matchAll(SAID)) {
    const near = didYouMean(word.toLowerCase(), WORDS);
    const known = WORDS.includes(word.toLowerCase());
    // `-- Headgate: runs this at night` is prose, and `a # headgate:x` an operator.
    if ((blank !== '' && !known && near === '') || (mark === '#' && before.trim() !== '')) continue;
    const first = word.toLowerCase() === 'no-transaction';
    const read = first ? alone.has(index + before.length) : mark !== '/*' && READ_BEHIND.test(before);
    if (known && blank === '' && read) continue;
    const line = text.slice(0, index).split('\n').length;
    const said = `headgate:${blank}${word.slice(0, 80)}`;
    throw new Error(
      known
        ? `${file}:${line} says ${said} where nobody reads it; give it a line of its own${first ? ', with nothing else in it, before the first statement: `-- headgate:no-transaction`' : `: \`-- headgate:${word.toLowerCase()} …\``}`
        : `${file}:${line} says ${said}, which means nothing${near}; a migration says ${WORDS.map((each) => `headgate:${each}`).join(', ')}`,
    );
  }
}
