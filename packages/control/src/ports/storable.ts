/**
 * What Headgate decides by itself is stored, whatever the texts are that it quotes: a decision that couldn't be written would be
 * taken again and again, and a rollback would never begin. What a person or an agent sends is refused with its place instead.
 */
import { NotCanonical } from '@headgate/documents/canonical';
import type { Commit } from './store.ts';

/** What a stored text can't have, as JSON writes it: half of a character. A backslash that is text stands twice. */
const NOT_STORABLE = /(?<!\\)(?:\\\\)*\\ud[89a-f]/;

/** A row's JSON. Throws `NotCanonical` when a database can't hold it. */
export function storedJson(state: unknown): string {
  const text = JSON.stringify(state);
  if (text.includes('\\ud') && NOT_STORABLE.test(text)) throw new NotCanonical('', 'a text with half of a character');
  return text;
}

/** A commit of Headgate's own with what can't be stored replaced by U+FFFD. */
export function storable(commit: Commit): Commit {
  return { ...commit, writes: mended(commit.writes) as Commit['writes'] };
}

function mended(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  if (Array.isArray(value)) return value.map(mended);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [mended(key) as string, mended(each)]));
}
