import type { Wait } from '@headgate/contract';

/** Who isn't a person: the contract's own names. */
const BY_THEMSELVES: ReadonlySet<string> = new Set(['agent', 'time', 'headgate']);

/** The promotion that a wait belongs to, from its `promotion/<id>` or `rollout/<id>.<cell>`; ids hold no dot. */
export function promotionOf(where: string): string {
  return where.slice(where.indexOf('/') + 1).split('.')[0] ?? '';
}

/** Roles that a wait names, each once. */
export function peopleOf(wait: Wait): readonly string[] {
  return [...new Set(wait.unblock.flatMap(({ who }) => who))].filter((who) => !BY_THEMSELVES.has(who));
}

/** Waits that a person ends, the overdue and the nearest deadlines first; and how many others there are. */
export function waitsForPeople(waits: readonly Wait[]): { readonly people: readonly Wait[]; readonly others: number } {
  const people = waits.filter((wait) => peopleOf(wait).length > 0);
  return {
    people: people.toSorted((a, b) => Number(b.overdue) - Number(a.overdue) || a.until - b.until),
    others: waits.length - people.length,
  };
}
