/**
 * Characters that change what is read without being seen: controls, marks of direction, whatever Unicode lets a screen pass
 * over (joiners, variation selectors, fillers, tags), and the empty Braille cell. packages/contract/src/visible.ts is the same list for
 * what people are shown, and can't import this one; packages/cli/src/unseen.test.ts compares the two.
 */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/u;
/** The joiner and the variation selectors where emoji are made with them: between two, behind one, and in a keycap. */
const OF_EMOJI =
  /(?<=\p{Extended_Pictographic}\uFE0F?|\p{Emoji_Modifier})\u200D(?=\p{Extended_Pictographic})|(?<=\p{Extended_Pictographic})[\uFE0E\uFE0F]|(?<=[0-9#*])\uFE0F(?=\u20E3)/u;
/** Runs of them, line breaks and tabs among them, without what emoji are made with. */
const HIDDEN = new RegExp(`(?:(?!${OF_EMOJI.source})${UNSEEN.source})+`, 'gu');

/** A text in one line, with a space in the place of what ends a line or couldn't be seen. */
export function inOneLine(text: string): string {
  return text.replace(HIDDEN, ' ');
}
