import { z } from 'zod';

/**
 * What an agent tells in a program's words, or a database's: it may have been quoted and cut in the middle of a character, and
 * hold anything. The answer that it belongs to is not lost for that: control characters but line breaks and tabs, and
 * half of a pair, become U+FFFD. What goes on the log, and into a database's text, can hold neither.
 */
export const told = (max: number) => z.string().max(max).overwrite(cleaned);

function cleaned(said: string): string {
  return said
    .toWellFormed()
    .replaceAll('\r\n', '\n')
    .replace(/(?![\n\t])\p{Cc}/gu, '\ufffd');
}
