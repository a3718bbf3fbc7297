/** A figure of the bench, as it is printed: one JSON line. */
export interface Figure {
  readonly name: string;
  /** Null when it couldn't be measured; that is never ok. */
  readonly value: number | null;
  readonly unit: string;
  readonly target: number;
  readonly better: 'lower' | 'higher';
  readonly ok: boolean;
}

/** What must hold, from the issue that this program was built by; a figure that isn't listed is not measured. */
export const TARGETS = {
  ticks: { unit: 'ticks/s', target: 400, better: 'higher' },
  'ticks-per-bare-commit': { unit: 'ratio', target: 0.25, better: 'higher' },
  'approval-to-handled': { unit: 'ms p95', target: 200, better: 'lower' },
  'server-memory': { unit: 'MB', target: 180, better: 'lower' },
  'agent-memory': { unit: 'MB', target: 180, better: 'lower' },
  'warm-start': { unit: 's', target: 5, better: 'lower' },
  'bad-sample-to-safe': { unit: 'ms median', target: 1_000, better: 'lower' },
  'log-export-verified': { unit: 'entries/s', target: 100_000, better: 'higher' },
  'migrations-analysed': { unit: 's for 1,000 files, median', target: 1, better: 'lower' },
  sequencer: { unit: 'entries/s', target: 2_000, better: 'higher' },
  'restore-point': { unit: 'times pg_dump, median', target: 1.35, better: 'lower' },
  'drill-rto': { unit: 's to the first business transaction, median', target: 60, better: 'lower' },
  'drill-rpo': { unit: 's that could be lost, median', target: 60, better: 'lower' },
  'canary-stall': { unit: 'of what is allowed, median', target: 1, better: 'lower' },
  // Ten million rows within half of what a comparison may take by itself.
  'moved-compared': { unit: 'rows/s', target: 11_200, better: 'higher' },
  'moved-felt': { unit: 'times the p95 without it, median', target: 2, better: 'lower' },
  masking: { unit: 'rows/s', target: 100_000, better: 'higher' },
} as const satisfies Record<string, Omit<Figure, 'name' | 'value' | 'ok'>>;

export type FigureName = keyof typeof TARGETS;

export const FIGURE_NAMES = Object.keys(TARGETS) as readonly FigureName[];

/** A measure against its target. What is no finite number was not measured, and that is not ok. */
export function figure(name: FigureName, measured: number): Figure {
  return judged(name, TARGETS[name], measured);
}

/** The same for a figure that is named while it is measured. */
export function judged(name: string, must: Omit<Figure, 'name' | 'value' | 'ok'>, measured: number): Figure {
  const { unit, target, better } = must;
  const value = Number.isFinite(measured) ? Number(measured.toPrecision(4)) : null;
  // Judged before rounding, so that nothing is rounded into its target.
  const ok = Number.isFinite(measured) && (better === 'lower' ? measured <= target : measured >= target);
  return { name, value, unit, target, better, ok };
}
