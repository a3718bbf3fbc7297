/** What became of a business transaction that was caught between two sides: one of five answers, and never "other". */
import type { Effect } from './difference.ts';

export const TRANSACTION_CLASSES = ['never-happened', 'half-done', 'one-side-only', 'doubled', 'in-doubt'] as const;
export type TransactionClass = (typeof TRANSACTION_CLASSES)[number];

/** Where a fact was found, and whether the compared fields agree. `neither`: somebody asked for it, and that is all. */
export const SIDES = ['left-only', 'right-only', 'both-differ', 'both-agree', 'neither'] as const;
export type Side = (typeof SIDES)[number];

export interface ClassFacts {
  readonly side: Side;
  /** One side has it more than once. */
  readonly twice: boolean;
  /** The system itself is still at work on it. */
  readonly underway: boolean;
  /** The rule that covers it. */
  readonly rule: { readonly class?: TransactionClass; readonly effect?: Effect } | undefined;
}

/**
 * The class of a difference. What is there twice is doubled, and what is under way is in doubt, whatever a rule says; else
 * the rule's own word holds; else it follows from where the fact was found and from what the rule would do about it.
 */
export function classOf({ side, twice, underway, rule }: ClassFacts): TransactionClass {
  if (twice) return 'doubled';
  if (underway) return 'in-doubt';
  if (rule?.class !== undefined) return rule.class;
  switch (side) {
    case 'neither':
      return 'never-happened';
    case 'both-differ':
      return 'in-doubt';
    case 'both-agree':
      return 'half-done';
    case 'left-only':
    case 'right-only':
      return rule?.effect === 'replay' ? 'half-done' : 'one-side-only';
  }
}

export type ClassCounts = Partial<Readonly<Record<TransactionClass, number>>>;

/** How many there are of each class; a class that doesn't occur isn't named. */
export function countClasses(classes: Iterable<TransactionClass>): ClassCounts {
  const counts = new Map<TransactionClass, number>();
  for (const each of classes) counts.set(each, (counts.get(each) ?? 0) + 1);
  return Object.fromEntries(TRANSACTION_CLASSES.flatMap((c) => (counts.has(c) ? [[c, counts.get(c)!]] : [])));
}

const WORDS: Readonly<Record<TransactionClass, string>> = {
  'never-happened': 'never happened',
  'half-done': 'half done',
  'one-side-only': 'on one side only',
  doubled: 'doubled',
  'in-doubt': 'in doubt',
};

export function classWords(of: TransactionClass): string {
  return WORDS[of];
}

/** `2 half done, 1 doubled`; empty when nothing was caught. */
export function classesText(counts: ClassCounts): string {
  return TRANSACTION_CLASSES.flatMap((c) => ((counts[c] ?? 0) > 0 ? [`${counts[c]} ${WORDS[c]}`] : [])).join(', ');
}
