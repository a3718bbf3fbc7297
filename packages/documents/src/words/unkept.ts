/**
 * What JSON can say and PostgreSQL's text can't: U+0000, and half of a pair. One of them anywhere in a row, and neither that row
 * nor a list of its kind can be read or written any more, so it is found before anything is made of it.
 */

/** Deepest that is looked at: what is read is bounded before. */
const DEEPEST = 200;

/** Where the first such text stands in plain data, as a path whose last part may be the key itself; undefined: nowhere. */
export function placeOfUnkept(value: unknown, depth = 0): readonly (string | number)[] | undefined {
  if (typeof value === 'string') return isKept(value) ? undefined : [];
  if (typeof value !== 'object' || value === null || depth > DEEPEST || ArrayBuffer.isView(value)) return undefined;
  const list = Array.isArray(value);
  for (const [key, each] of Object.entries(value)) {
    if (!isKept(key)) return [key];
    const path = placeOfUnkept(each, depth + 1);
    if (path !== undefined) return [list ? Number(key) : key, ...path];
  }
  return undefined;
}

/** A text that can be kept: half of a pair and U+0000 become U+FFFD, as where a text is read that is no UTF-8. */
export function kept(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\ufffd');
}

/** Plain data with each of its texts as {@link kept} has it. */
export function keptIn(value: unknown): unknown {
  if (typeof value === 'string') return kept(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(keptIn);
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [kept(key), keptIn(each)]));
}

function isKept(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}

/** What is said of such a text. */
export const UNKEPT = 'text without U+0000 and without half a character';
