import type { LogEntry } from '@headgate/documents';

/** An entry of the log, as far as the path of a rollback needs it; `at` in milliseconds of the database's clock. */
export type Moment = Pick<LogEntry, 'stream' | 'type' | 'at' | 'data'>;

interface Mark {
  readonly what: string;
  readonly at: number;
}

/** Where the time between a failing check and safe traffic went: `settled +12, decided +9, …`, in milliseconds. */
export function pathInWords(history: readonly Moment[]): string {
  const marks = marksOf(history);
  const first = marks[0];
  if (first === undefined) return 'no failing check';
  return marks
    .slice(1)
    .map(({ what, at }, i) => `${what} +${at - (marks[i] as Mark).at}`)
    .join(', ');
}

function marksOf(history: readonly Moment[]): readonly Mark[] {
  const failure = history.find((e) => e.type === 'rollout.step-failed');
  const failedAt = (failure?.data.result as { checks?: { firstFailure?: { at: number } } } | undefined)?.checks
    ?.firstFailure?.at;
  if (failure === undefined || failedAt === undefined) return [];
  const after = history.filter((e) => e.at >= failure.at);
  const own = after.filter((e) => e.stream === failure.stream);
  const of = (from: readonly Moment[], type: string, step?: string): Moment | undefined =>
    from.find((e) => e.type === type && (step === undefined || e.data.step === step));
  const routed = of(own, 'rollout.step-done', 'undo.route');
  const safeAt = (routed?.data.result as { observedAt?: number } | undefined)?.observedAt;
  const marks: readonly (readonly [string, number | undefined])[] = [
    ['failed', failedAt],
    ['settled', failure.at],
    ['decided', of(after, 'promotion.rollback-decided')?.at],
    ['undo begun', of(own, 'rollout.undo-begun')?.at],
    ['offered', of(own, 'rollout.offered', 'undo.route')?.at],
    ['leased', of(own, 'rollout.leased', 'undo.route')?.at],
    ['read back', safeAt],
  ];
  return marks.flatMap(([what, at]) => (at === undefined ? [] : [{ what, at }]));
}
