import { didYouMean } from '@headgate/domain/model/nearest';

/** What a migration's file may say to Headgate, each in a comment with a line of its own. */
const WORDS = ['closes', 'lossy', 'no-transaction'];

/** Whatever looks as if it were said to Headgate: behind a statement, in a block and with a blank, too. */
const SAID = /^(.*?)(--|\/\*|#)[ \t]*headgate:([ \t]*)([\w-]*)/gim;

/** What may stand before a word that is read. A form feed is a blank to PostgreSQL, and not to who reads the word. */
const READ_BEHIND = /^[ \t]*$/;

/** Throws, in words, where a file says what nobody reads: what it meant would be left undone, and nobody would hear of it. */
export function expectDirectives(file: string, bytes: Uint8Array): void {
  const text = new TextDecoder().decode(bytes);
  for (const { index, 1: before = '', 2: mark = '', 3: blank = '', 4: word = '' } of text.matchAll(SAID)) {
    const near = didYouMean(word.toLowerCase(), WORDS);
    const known = WORDS.includes(word.toLowerCase());
    // `-- Headgate: runs this at night` is prose, and `a # headgate:x` an operator.
    if ((blank !== '' && !known && near === '') || (mark === '#' && before.trim() !== '')) continue;
    if (known && blank === '' && mark !== '/*' && READ_BEHIND.test(before)) continue;
    const line = text.slice(0, index).split('\n').length;
    const said = `headgate:${blank}${word.slice(0, 80)}`;
    throw new Error(
      known
        ? `${file}:${line} says ${said} where nobody reads it; give it a line of its own: \`-- headgate:${word.toLowerCase()} …\``
        : `${file}:${line} says ${said}, which means nothing${near}; a migration says ${WORDS.map((each) => `headgate:${each}`).join(', ')}`,
    );
  }
}
