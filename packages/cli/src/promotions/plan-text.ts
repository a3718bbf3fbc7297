import { printable } from '../output.ts';

interface Verdict {
  readonly gate: string;
  readonly verdict: string;
  readonly because: string;
  readonly unblock: string;
  readonly who: string;
}

/** What a plan couldn't find out: gates without data, and gates that failed to judge. Neither of them counts as passed. */
export function notFoundOut(verdicts: readonly Verdict[]): readonly Verdict[] {
  return verdicts.filter(({ verdict }) => verdict === 'no-data' || verdict === 'error');
}

/** A plan in the words of a person, and below it what it doesn't know. */
export function planText(
  planned: { readonly text: string; readonly envelope: string; readonly verdicts: readonly Verdict[] },
  unknown: readonly Verdict[],
): string {
  const waits = planned.verdicts.filter(({ verdict }) => verdict === 'pending' || verdict === 'fail');
  const lines = (list: readonly Verdict[]): string[] =>
    list.map(({ gate, because, unblock, who }) => printable(`- ${gate}: ${because}; to unblock: ${unblock} (${who})`));
  return [
    planned.text,
    ...(waits.length === 0 ? [] : ['', 'It would wait for:', ...lines(waits)]),
    '',
    ...(unknown.length === 0
      ? ['Nothing is left that it could not find out.']
      : ['It could not find out:', ...lines(unknown)]),
    '',
    `Nothing was touched. An approval would bind to the envelope ${planned.envelope}`,
  ].join('\n');
}
