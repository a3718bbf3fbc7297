/** squawk's findings as a run beside ours: a second opinion, and never a part of our verdict. */
import { type SarifRun, uriOf } from './sarif.ts';

/** What squawk was seen to print with `--reporter=json`; fields that aren't used here may differ. */
interface SquawkFinding {
  readonly file?: unknown;
  readonly line?: unknown;
  readonly column?: unknown;
  readonly line_end?: unknown;
  readonly column_end?: unknown;
  readonly level?: unknown;
  readonly rule_name?: unknown;
  readonly message?: unknown;
  readonly help?: unknown;
}

/** A run from what squawk printed. Its lines and columns count from 0. Says so when it can't be read. */
export function squawkRun(printed: string, version: string | undefined): SarifRun {
  let found: unknown;
  try {
    found = JSON.parse(printed);
  } catch {
    return squawkMissing('what squawk printed is no JSON', version);
  }
  if (!Array.isArray(found)) return squawkMissing('what squawk printed is no list', version);
  const results = (found as readonly SquawkFinding[]).map((each) => {
    const line = whole(each.line);
    return {
      ruleId: String(each.rule_name ?? 'unknown'),
      level: each.level === 'Error' ? ('error' as const) : ('warning' as const),
      message: { text: [each.message, each.help].filter((part) => typeof part === 'string' && part !== '').join(' ') },
      locations: [
        {
          physicalLocation: {
            artifactLocation: { uri: uriOf(String(each.file ?? '')) },
            region: {
              startLine: line + 1,
              startColumn: whole(each.column) + 1,
              endLine: Math.max(line, whole(each.line_end)) + 1,
            },
          },
        },
      ],
    };
  });
  const driver = { name: 'squawk', ...(version === undefined ? {} : { version }) };
  return { tool: { driver }, columnKind: 'unicodeCodePoints', results, invocations: [{ executionSuccessful: true }] };
}

/** A run that says why there is no second opinion. */
export function squawkMissing(why: string, version?: string): SarifRun {
  return {
    tool: { driver: { name: 'squawk', ...(version === undefined ? {} : { version }) } },
    columnKind: 'unicodeCodePoints',
    results: [],
    invocations: [
      { executionSuccessful: false, toolExecutionNotifications: [{ level: 'error', message: { text: why } }] },
    ],
  };
}

function whole(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : 0;
}
