/** What came of a compensation plan, as whoever had it carried out reads it. */
import type { ReconciliationContent } from '@headgate/documents/kinds/reconciliation';
import { classCountLines, sumLines } from '@headgate/domain/reconcile/compensation-words';
import type { CarriedOut } from './carry-out-ask.ts';

export interface WrittenDown {
  /** The file that the statement was written to. */
  readonly statement?: string | undefined;
  /** Where the public half of the agent's key is. */
  readonly key: string;
}

export function carriedOutLines(
  { facts, leftAlone, told }: CarriedOut,
  { right, money }: Pick<ReconciliationContent['spec'], 'right' | 'money'>,
  written: WrittenDown,
): readonly string[] {
  const { reconciliation, store, plan, risk, by, approvals, done, lines, begun, before, after, agrees, classes, some } =
    facts;
  const yes =
    approvals.length === 0 ? 'no approval was needed' : `approved by ${approvals.map((a) => a.by).join(', ')}`;
  const counts: readonly (readonly [number, string])[] = [
    [done.acknowledged, 'acknowledged'],
    [done.replayed, 'sent again'],
    [done.posted, 'the difference posted'],
    [done.cancelled, 'cancelled'],
    [lines.gone, 'settled already'],
    [lines.asked, 'before a person, as the plan said'],
    [lines.leftAlone, 'left alone'],
  ];
  return [
    `${reconciliation}: the store ${store} against ${right.connection}. Plan ${plan}, risk ${risk}, ${yes}; run by ${by}.`,
    ...(begun > 1 ? [`This plan was begun ${begun} times here; the sums before are of the first.`] : []),
    '',
    `Of ${lines.planned} planned transactions`,
    ...counts.flatMap(([n, words]) => (n > 0 ? [`  ${String(n).padStart(6)}  ${words}`] : [])),
    ...(leftAlone.length === 0 ? [] : ['', 'Left alone: a plan of its own, with its own approvals, would do them']),
    ...leftAlone.map((line) => `  ${line}`),
    '',
    'Both sides before',
    ...sumLines(before, right.connection, money),
    '',
    'Both sides now',
    ...sumLines(after, right.connection, money),
    '',
    'Caught between the two sides now',
    ...classCountLines(classes),
    '',
    ...(some === undefined
      ? []
      : [`Of ${some.tenants} of the store’s ${some.of} tenants, nobody having looked at the others:`]),
    agrees ? 'Both sides agree.' : 'The two sides do NOT agree.',
    ...proofLines(told, written),
  ];
}

function proofLines(told: CarriedOut['told'], { statement, key }: WrittenDown): readonly string[] {
  const file = statement === undefined ? [] : [`The signed statement is in ${statement}.`];
  if (told === 'recorded') return ['The signed statement of this is on the server’s log.', ...file];
  if (told === null)
    return [
      'The server is away: the agent keeps the signed statement, and tells it when it runs and the server is back.',
      ...file,
    ];
  return [
    `The server did not take the signed statement: ${told}.`,
    `The agent keeps it, and tells it again. Does the server’s trust file list this agent’s key (${key}), with may: [reconciliation]?`,
    ...file,
  ];
}
