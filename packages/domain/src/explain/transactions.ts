/**
 * Which business transactions failed or were caught half way, from what checks and reconciliations reported of a promotion.
 * What nobody reported is said as not known: it is never taken for sound.
 */
import type { Instant } from '../model/identity.ts';
import type { CheckSummary, ReconciliationSummary, ReportedResult } from '../model/outcome.ts';
import { counted } from '../plan/render-words.ts';
import { type ClassCounts, classesText, TRANSACTION_CLASSES } from '../reconcile/transaction-class.ts';
import type { RolloutEvent } from '../rollout/events.ts';

/** An entry of a rollout's stream. */
export interface RolloutEntry {
  readonly cell: string;
  readonly at: Instant;
  readonly event: RolloutEvent;
}

export interface TransactionLine {
  readonly at: Instant;
  readonly cell: string;
  readonly step: string;
  readonly kind: 'checked' | 'reconciled';
  readonly sound: boolean;
  readonly words: string;
  readonly tenant?: string;
  readonly check?: string;
  /** The reconciliation's report, a blob. */
  readonly report?: string;
}

export interface Transactions {
  /** What went wrong first, then the newest. */
  readonly lines: readonly TransactionLine[];
  readonly checks: { readonly passed: number; readonly failed: number };
  /** `caught`: the classes in words, `2 half done, 1 doubled`; absent where nothing was caught, or nobody told. */
  readonly reconciled: Pick<ReconciliationSummary, 'compared' | 'replayed' | 'acknowledged' | 'asked'> & {
    readonly caught?: string;
  };
  readonly unknown: readonly string[];
}

export interface TransactionFacts {
  readonly entries: readonly RolloutEntry[];
  /** The plan has a reconciliation for the way back. */
  readonly reconciles: boolean;
  /** A way back was decided. */
  readonly goesBack: boolean;
  /** Cells whose entries weren't read, and cells of whose entries only the last were. */
  readonly unread: number;
  readonly cut: number;
}

export function transactionsOf({ entries, reconciles, goesBack, unread, cut }: TransactionFacts): Transactions {
  const lines: TransactionLine[] = [];
  const checks = { passed: 0, failed: 0 };
  const reconciled = { compared: 0, replayed: 0, acknowledged: 0, asked: 0 };
  const classes: { -readonly [C in keyof ClassCounts]: number } = {};
  let named = 0;
  for (const { cell, at, step, result } of reportsOf(entries)) {
    if (result.checks !== undefined) {
      checks.passed = sum(checks.passed, result.checks.passed);
      checks.failed = sum(checks.failed, result.checks.failed);
      if (result.checks.firstFailure !== undefined) named += 1;
      lines.push({ at, cell, step, ...checkLine(result.checks) });
    }
    if (result.reconciliation !== undefined) {
      for (const which of ['compared', 'replayed', 'acknowledged', 'asked'] as const)
        reconciled[which] = sum(reconciled[which], result.reconciliation[which]);
      for (const each of TRANSACTION_CLASSES)
        classes[each] = sum(classes[each] ?? 0, result.reconciliation.classes?.[each] ?? 0);
      lines.push({ at, cell, step, ...reconcileLine(result.reconciliation) });
    }
  }
  const unsaid = unsaidOf(entries);
  lines.sort((a, b) => Number(a.sound) - Number(b.sound) || b.at - a.at);
  const told = lines.some(({ kind }) => kind === 'reconciled');
  const unknown = [
    ...(lines.some(({ kind }) => kind === 'checked') ? [] : ['No check of a business transaction has reported yet.']),
    ...(checks.failed > named
      ? [`Of ${counted(checks.failed, 'failed check')} the first of each step is named; the others are only counted.`]
      : []),
    ...(goesBack && !told
      ? [
          reconciles
            ? 'No reconciliation has reported yet: which transactions were caught half way isn’t known.'
            : 'The application declares no Reconciliation: which transactions were caught half way isn’t known.',
        ]
      : []),
    ...(unsaid > 0
      ? [`Of ${counted(unsaid, 'step')} that an agent carried out by itself what was reported isn’t on the log.`]
      : []),
    ...(unread > 0 ? [`The reports of ${counted(unread, 'more cell')} were not read for this look.`] : []),
    ...(cut > 0 ? [`Of ${counted(cut, 'cell')} only the last entries were read.`] : []),
    'Customers’ own requests aren’t seen here: only what checks and reconciliations reported.',
  ];
  const caught = classesText(classes);
  return { lines, checks, reconciled: caught === '' ? reconciled : { ...reconciled, caught }, unknown };
}

/** What a log may hold of before counts were bounded is no reason to have no sum. */
function sum(one: number, other: number): number {
  return Math.min(Number.MAX_SAFE_INTEGER, one + other);
}

interface Report extends Pick<RolloutEntry, 'cell' | 'at'> {
  readonly step: string;
  readonly result: ReportedResult;
}

/**
 * What the entries report: of steps that ended, each time; and of steps that an agent carried out by itself, which it
 * tells again whenever it tells more of the same undo: the last time counts.
 */
function reportsOf(entries: readonly RolloutEntry[]): readonly Report[] {
  const reports: Report[] = [];
  const away = new Map<string, Report>();
  for (const { cell, at, event } of entries) {
    if (event.type === 'rollout.undone-away')
      for (const each of event.data.reported ?? []) away.set(`${cell} ${each.step}`, { cell, at, ...each });
    if (event.type !== 'rollout.step-done' && event.type !== 'rollout.step-failed') continue;
    const { step, result } = event.data;
    if (result !== undefined) reports.push({ cell, at, step, result });
  }
  return [...reports, ...away.values()];
}

/** Reports that no entry had room for, as the last telling of each cell has them. */
function unsaidOf(entries: readonly RolloutEntry[]): number {
  const last = new Map<string, number>();
  for (const { cell, event } of entries)
    if (event.type === 'rollout.undone-away') last.set(cell, event.data.unreported ?? 0);
  return [...last.values()].reduce(sum, 0);
}

function checkLine({ passed, failed, firstFailure: first }: CheckSummary) {
  const kind = 'checked' as const;
  if (failed === 0) return { kind, sound: true, words: `${counted(passed, 'check')} passed` };
  const counts = `${failed} of ${counted(passed + failed, 'check')} failed`;
  if (first === undefined) return { kind, sound: false, words: `${counts}; which isn’t known` };
  return { kind, sound: false, words: `${counts}: ${first.why}`, tenant: first.tenant, check: first.check };
}

function reconcileLine(of: ReconciliationSummary) {
  const { compared, replayed, acknowledged, asked, cancelled = 0, posted = 0, classes, sums, agrees, report } = of;
  const caught = classesText(classes ?? {});
  const done = [
    `${replayed} replayed`,
    `${acknowledged} acknowledged`,
    ...(cancelled > 0 ? [`${cancelled} cancelled`] : []),
    ...(posted > 0 ? [`of ${posted} the difference posted`] : []),
    `${asked} put before a person`,
  ];
  const apart = (sums ?? []).filter(({ left, right }) => left !== right);
  const end = agrees ? 'both sides agree' : 'the sides do NOT agree';
  const amounts = apart.slice(0, 3).map(({ field, unit, left, right }) => {
    const what = unit === undefined ? field : `${field} in ${unit}`;
    return `${what} is ${left} in the store and ${right} on the other side`;
  });
  return {
    kind: 'reconciled' as const,
    sound: agrees && asked === 0,
    words: [
      `${compared} compared${caught === '' ? '' : ` (${caught})`}, ${done.join(', ')}`,
      end,
      ...(amounts.length === 0 ? [] : [`the sum of ${amounts.join(', of ')}`]),
    ].join('; '),
    ...(report !== undefined && { report }),
  };
}
