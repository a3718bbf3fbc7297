/**
 * What Headgate decides by itself is stored, whatever the texts are that it quotes: a decision that couldn't be written would be
 * taken again and again, and a rollback would never begin. What a person or an agent sends is refused with its place instead.
 */
import { NotCanonical } from '@headgate/documents/canonical';
import { keptIn } from '@headgate/documents/words/unkept';
import type { Commit } from './store.ts';

/** As JSON writes half of a character, and NUL. A backslash that is text stands twice. */
const HALF = /(?<!\\)(?:\\\\)*\\ud[89a-f]/;
const HALF_OR_NUL = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/;

/** A row's JSON. Throws `NotCanonical` when it can't be stored; NUL can, but in what lists are made of: Headgate's own have none. */
export function storedJson(state: unknown, { by }: Pick<Commit, 'by'>): string {
  const text = JSON.stringify(state);
  const looksLikeIt = text.includes('\\ud') || text.includes('\\u0000');
  if (looksLikeIt && (by === 'sys' ? HALF_OR_NUL : HALF).test(text))
    throw new NotCanonical('', 'a text with half of a character, or NUL,');
  return text;
}

/** A commit of Headgate's own with what can't be stored replaced by U+FFFD. */
export function storable(commit: Commit): Commit {
  return { ...commit, writes: keptIn(commit.writes) as Commit['writes'] };
}
