import { visible } from '@headgate/contract';
import { inOneLine } from '@headgate/documents/words/unseen';
import { describe, expect, test } from 'vitest';

/** Every character that there is, but for halves of surrogate pairs. */
function* everyCharacter(): Generator<string> {
  for (let point = 0; point <= 0x10ffff; point++) {
    if (point < 0xd800 || point > 0xdfff) yield String.fromCodePoint(point);
  }
}

describe('what nobody can see', () => {
  test.each([
    ['between letters', 'pro', 'duction'],
    ['between emoji', '👩', '🔧'],
    ['behind a variation selector', '🏳\uFE0F', '🌈'],
    ['in a keycap', '1', '\u20E3'],
    ['at the beginning', '', '👩'],
    ['at the end', '👩🏽', ''],
  ])('%s is the same in words that are sent and in words that are shown', (_where, before, after) => {
    const different = [];
    for (const each of everyCharacter()) {
      if (each === '\n' || each === '\t') continue;
      const text = `${before}${each}${after}`;
      if ((visible(text) === text) !== (inOneLine(text) === text || each === ' ')) different.push(each.codePointAt(0));
    }
    expect(different).toEqual([]);
  });
});
