/**
 * Characters that change what is read without being seen: controls, marks of direction, whatever Unicode lets a screen pass
 * over (joiners, variation selectors, fillers, tags), and the empty Braille cell. packages/documents/src/words/unseen.ts is the same
 * list, for this room has no other below it; packages/cli/src/unseen.test.ts compares the two.
 */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/gu;
/** The joiner and the variation selectors where emoji are made with them: between two, behind one, and in a keycap. */
const OF_EMOJI =
  /(?<=\p{Extended_Pictographic}\uFE0F?|\p{Emoji_Modifier})\u200D(?=\p{Extended_Pictographic})|(?<=\p{Extended_Pictographic})[\uFE0E\uFE0F]|(?<=[0-9#*])\uFE0F(?=\u20E3)/u;
/** The same without what belongs in texts: emoji, line breaks and tabs. */
const HIDDEN = new RegExp(`(?!${OF_EMOJI.source}|[\\n\\t])${UNSEEN.source}`, 'gu');

/**
 * A text of somebody else's with what nobody could see made visible: a right-to-left override turns `gpj.exe` into
 * something else on the screen only, and becomes `‹U+202E›`.
 */
export function visible(text: string): string {
  return text.replace(HIDDEN, (c) => `‹U+${(c.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}›`);
}

/** JSON with what nobody could see spelled out: the same value to whoever reads it, and no escape to a terminal. */
export function visibleJson(value: unknown): string {
  return spelledOut(JSON.stringify(value));
}

/** The same of JSON that is made, in one line without its end. */
export function spelledOut(json: string): string {
  return json.replace(UNSEEN, (c) =>
    [...Array(c.length).keys()].map((i) => `\\u${c.charCodeAt(i).toString(16).padStart(4, '0')}`).join(''),
  );
}
