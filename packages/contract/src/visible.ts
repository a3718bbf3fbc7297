/** Characters that change what is read without being seen: controls, marks of direction, zero-width ones, tags. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u115F\u1160\u3164\uFFA0]/gu;
/** What belongs in texts: line breaks and tabs; and the joiner that emoji are made with. */
const WANTED = new Set(['\n', '\t', '\u200D']);

/**
 * A text of somebody else's with what nobody could see made visible: a right-to-left override turns `gpj.exe` into
 * something else on the screen only, and becomes `‹U+202E›`.
 */
export function visible(text: string): string {
  return text.replace(UNSEEN, (c) =>
    WANTED.has(c) ? c : `‹U+${(c.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}›`,
  );
}

/** JSON with what nobody could see spelled out: the same value to whoever reads it, and no escape to a terminal. */
export function visibleJson(value: unknown): string {
  return JSON.stringify(value).replace(UNSEEN, (c) =>
    [...Array(c.length).keys()].map((i) => `\\u${c.charCodeAt(i).toString(16).padStart(4, '0')}`).join(''),
  );
}
