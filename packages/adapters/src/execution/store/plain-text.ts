/**
 * A text that came out of a tenant's database, for people and for logs: at most so many UTF-16 units, no half of a pair
 * (canonical JSON has no such text), and nothing that a terminal or a log's reader would act on.
 */
export function plainText(text: string, most: number): string {
  return text
    .slice(0, most)
    .toWellFormed()
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd');
}
