/** Texts that are stored have bounds, and no bound may fall within a character. */

/** At most so many UTF-16 units of a text. What can't be stored or signed, half of a character, isn't left at its end. */
export function cut(text: string, most: number): string {
  return text.slice(0, most).toWellFormed();
}
