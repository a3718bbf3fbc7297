/** What pgBackRest says, in words that may be told: it prints bytes that it couldn't decrypt. */

/** Its error codes (`pgbackrest` 2.45, build/error), as far as what they mean can be said better than by its own words. */
export const UNREADABLE = 'what lies there can’t be read: the passphrase is another one, or it was damaged';
const MEANINGS: Readonly<Record<number, string>> = {
  28: 'the stanza is of another database: this is another store’s repository, or the store was made anew',
  29: UNREADABLE,
  50: 'another pgBackRest is at work on this stanza',
  55: 'it isn’t there',
  82: 'PostgreSQL’s log did not get there in time',
  95: 'what lies there can’t be decrypted: the passphrase is another one, or it was damaged',
};
const MOST_CHARACTERS = 400;

/** Exit codes after which the same may succeed later: somebody else is at work, or what is asked doesn’t answer. */
const LATER: ReadonlySet<number> = new Set([49, 50, 56, 57, 58, 62, 82, 83, 101, 102]);

export function mayPass(code: number | undefined): boolean {
  return code === undefined || LATER.has(code);
}

/** A line that holds nothing but plain text, shortened. */
export function plainLine(line: string | undefined): string | undefined {
  const text = line?.trim();
  return text !== undefined && /^[\x20-\x7e]+$/.test(text) ? text.slice(0, MOST_CHARACTERS) : undefined;
}

/** Why it failed: what its code means, and the first line of its error, where that is plain text. */
export function failureWords(code: number | undefined, output: string): string {
  const meaning = code === undefined ? undefined : MEANINGS[code];
  const first = output.split('\n').find((line) => /(^|\s)ERROR: \[\d{3}\]: /.test(line));
  const told = plainLine(first?.replace(/^.*?ERROR: \[\d{3}\]: /, ''));
  const known = [meaning, told].filter((each) => each !== undefined);
  const how = code === undefined ? 'it was ended before it was through' : `exit code ${code}`;
  return known.length > 0 ? `${known.join(' — ')} (${how})` : how;
}
