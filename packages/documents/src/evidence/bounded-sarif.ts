/** A SARIF log as much of it as a signed statement has room for: the worst first, and how much was left out. */

/** The name of our own run: what a gate judges stands there. */
export const OUR_TOOL = 'headgate analyse';

export interface SarifLike {
  readonly version: string;
  readonly runs: readonly SarifRunLike[];
}

interface SarifRunLike {
  readonly tool: { readonly driver: { readonly name: string } };
  readonly results: readonly SarifResultLike[];
}

interface SarifResultLike {
  readonly level: string;
  readonly message: { readonly text: string };
}

/** A bundle has at most 4 MB, and a third of that goes into its encoding. */
const MOST = { ours: 800, others: 200 };
const MOST_TEXT = 600;
/** Safe ways of one finding, and steps of one. */
const MOST_LIST = 3;
const ORDER = ['error', 'warning', 'note', 'none'];

/** `omitted`: findings of our own that had no room, of any level that counts. */
export function boundedLog(log: SarifLike): {
  readonly log: Readonly<Record<string, unknown>>;
  readonly omitted: number;
} {
  let omitted = 0;
  const runs = log.runs.map((run) => {
    const ours = run.tool.driver.name === OUR_TOOL;
    const sorted = run.results.toSorted((a, b) => ORDER.indexOf(a.level) - ORDER.indexOf(b.level));
    const kept = sorted.slice(0, ours ? MOST.ours : MOST.others);
    const left = sorted.slice(kept.length).filter(({ level }) => level === 'error' || level === 'warning');
    if (ours) omitted += left.length;
    return { ...run, results: kept.map((result) => tidy(result, '')) };
  });
  return { log: { ...log, runs } as Readonly<Record<string, unknown>>, omitted };
}

/** Bounded, well-formed texts, short lists of safe ways, and nothing that is undefined or no number. */
function tidy(value: unknown, name: string): unknown {
  if (typeof value === 'string')
    return value.length > MOST_TEXT ? `${value.slice(0, MOST_TEXT - 1).toWellFormed()}…` : value.toWellFormed();
  if (typeof value === 'number') return Number.isFinite(value) ? value : 0;
  if (Array.isArray(value)) {
    const most = name === 'safeWays' || name === 'sql' ? MOST_LIST : value.length;
    return value.slice(0, most).map((each) => tidy(each, name));
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, each]) => (each === undefined ? [] : [[key, tidy(each, key)]])),
  );
}
