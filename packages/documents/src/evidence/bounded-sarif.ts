/** A SARIF log as much of it as a signed statement has room for: the worst first, and how much was left out. */
import { kept } from '../words/unkept.ts';

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
  readonly ruleId: string;
  readonly level: string;
  readonly message: { readonly text: string };
  readonly locations: readonly {
    readonly physicalLocation: { readonly artifactLocation: { readonly uri: string } };
  }[];
}

/** So many findings of one rule in one file that had no room. */
export interface LeftOut {
  readonly uri: string;
  readonly rule: string;
  readonly level: 'error' | 'warning';
  readonly count: number;
}

/** A bundle has at most 4 MB, and a third of that goes into its encoding. */
const MOST = { ours: { results: 800, bytes: 2_000_000 }, others: { results: 200, bytes: 300_000 } };
/** Counts of what had no room. */
export const MOST_LEFT_OUT = 2_000;
const MOST_TEXT = 600;
/** Safe ways of one finding. */
const MOST_WAYS = 3;
/** Steps of one: half of a way is none, so no way that the analysis derives has more. */
const MOST_STEPS = 8;
const ORDER = ['error', 'warning', 'note', 'none'];

/**
 * `omitted`: findings of our own that had no room, of any level that counts. `left`: the same by file, rule and level, so that
 * whoever may not read them can still be told how many of what there are; what is in none of these counts nobody knows.
 */
export function boundedLog(log: SarifLike): {
  readonly log: Readonly<Record<string, unknown>>;
  readonly omitted: number;
  readonly left: readonly LeftOut[];
} {
  const left = new Map<string, LeftOut>();
  let omitted = 0;
  const runs = log.runs.map((run) => {
    const ours = run.tool.driver.name === OUR_TOOL;
    const sorted = run.results.toSorted((a, b) => ORDER.indexOf(a.level) - ORDER.indexOf(b.level));
    const { kept, rest } = asMuchAs(sorted, ours ? MOST.ours : MOST.others);
    for (const result of ours ? rest : []) {
      const { level, ruleId: rule } = result;
      if (level !== 'error' && level !== 'warning') continue;
      omitted += 1;
      const uri = result.locations[0]?.physicalLocation.artifactLocation.uri ?? '';
      const key = JSON.stringify([level, uri, rule]);
      left.set(key, { uri, rule, level, count: (left.get(key)?.count ?? 0) + 1 });
    }
    return { ...run, results: kept };
  });
  // Errors come first: they were sorted before.
  return { log: { ...log, runs }, omitted, left: [...left.values()].slice(0, MOST_LEFT_OUT) };
}

/** The first of them, as many as there is room for. */
function asMuchAs(
  results: readonly SarifResultLike[],
  most: { readonly results: number; readonly bytes: number },
): { readonly kept: readonly unknown[]; readonly rest: readonly SarifResultLike[] } {
  const kept: unknown[] = [];
  let bytes = 0;
  for (const result of results.slice(0, most.results)) {
    const tidied = tidy(result, '');
    bytes += Buffer.byteLength(JSON.stringify(tidied));
    if (bytes > most.bytes) break;
    kept.push(tidied);
  }
  return { kept, rest: results.slice(kept.length) };
}

/** Bounded, well-formed texts, short lists of safe ways, and nothing that is undefined or no number. */
function tidy(value: unknown, name: string): unknown {
  if (typeof value === 'string')
    return value.length > MOST_TEXT ? `${kept(value.slice(0, MOST_TEXT - 1))}…` : kept(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : 0;
  if (Array.isArray(value)) {
    const most = name === 'safeWays' ? MOST_WAYS : name === 'sql' ? MOST_STEPS : value.length;
    return value.slice(0, most).map((each) => tidy(each, name));
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, each]) => (each === undefined ? [] : [[key, tidy(each, key)]])),
  );
}
