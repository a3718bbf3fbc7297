/** What becomes of a hostile request, and what is wrong with it. */
import type { Problem } from '@headgate/contract';
import type { Verdict } from './generate/coverage.ts';
import type { Case } from './http-cases.ts';
import type { Answer } from './send.ts';

export interface Judged {
  readonly verdict: Verdict;
  /** Undefined: as it should be. */
  readonly wrong: string | undefined;
}

/** An address that is too long, or no address: refused before there is a field. */
const BEFORE_FIELDS = new Set([400, 404, 414, 431]);

/** When what the contract takes may be accepted, and why. Whatever none of them holds for is a fault. */
const RULES: readonly { readonly why: string; readonly holds: (the: Case) => boolean }[] = [
  {
    why: 'a person’s words are kept as they are, and made visible where they are shown',
    holds: ({ freeText }) => freeText,
  },
  { why: 'a value within its bounds is a value', holds: ({ of }) => of === 'size' || of === 'type' },
  {
    // Names of cells, slots, stores and tenants are keys of mappings, and there `constructor` is refused.
    why: 'ids, versions and searches are parts of keys in the database, never keys of a mapping',
    holds: ({ of, field }) =>
      of === 'prototype' && /(^|[.\]])(id|name|prefix|promotion|rollout|delivery|version)$/.test(field),
  },
  {
    why: 'a search is compared with names, and no path is made of it',
    holds: ({ of, field }) => of === 'path' && field === 'prefix',
  },
];

export function judge(the: Case, { status, type, text }: Answer): Judged {
  const wrong = (why: string): Judged => ({
    verdict: 'refused',
    wrong: `${the.schema} ${the.field} ${the.of} (${the.what}): ${why}: ${status} ${text.slice(0, 400)}`,
  });
  if (status >= 500 || status === 0) return wrong('a fault');
  if (/\n\s+at .+:\d+:\d+|node_modules|node:internal/.test(text)) return wrong('a stack in the answer');
  if (the.endless) return wrong('a field without an end');
  if (status < 300) {
    if (!the.legal) return wrong('taken, though the contract doesn’t');
    if (!RULES.some((rule) => rule.holds(the))) return wrong('taken, and no rule says that it may be');
    return { verdict: 'accepted', wrong: undefined };
  }
  if (!type.startsWith('application/problem+json')) return wrong(`no problem but ${type}`);
  const { refusals, status: said } = JSON.parse(text) as Problem;
  if (said !== status || refusals.length === 0) return wrong('a problem that says nothing');
  // What the contract takes is refused for another reason, by another name.
  if (the.legal) return { verdict: 'refused', wrong: undefined };
  if (status === 429) return wrong('too many requests: the test is too fast');
  const address = the.where.startsWith('path/') || the.where.startsWith('query/');
  if (address && BEFORE_FIELDS.has(status)) return { verdict: 'refused', wrong: undefined };
  if (status === 413 && the.of === 'size') return { verdict: 'refused', wrong: undefined };
  if (!refusals.some(({ where }) => names(where, the.where))) return wrong(`it doesn’t name ${the.where}`);
  return { verdict: 'refused', wrong: undefined };
}

/** A place is named by itself, by what is in it, or by the mapping around a key that nobody knows. */
function names(where: string, place: string): boolean {
  const plain = where.replace(/:\d+:\d+$/, '');
  if (plain === place || plain.startsWith(`${place}/`)) return true;
  const parent = place.slice(0, place.lastIndexOf('/'));
  return plain === parent || (plain === 'body' && /:\d+:\d+$/.test(where));
}
