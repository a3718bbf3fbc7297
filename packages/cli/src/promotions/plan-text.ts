import { printableLines } from '../output.ts';
import { unblockedBy } from './unblocked-by.ts';

interface Verdict {
  readonly gate: string;
  readonly verdict: string;
  readonly because: string;
  readonly unblock: string;
  readonly who: string;
}

/** What a plan couldn't find out, and what would tell. */
export interface NotFoundOut {
  readonly what: string;
  readonly because: string;
  readonly unblock: string;
}

/**
 * What a plan couldn't find out: gates without data and gates that failed to judge, neither of which counts as passed; and of
 * each migration how long it takes and what it locks, which nobody knows who hasn't run it on a copy.
 */
export function notFoundOut(planned: {
  readonly plan: object;
  readonly verdicts: readonly Verdict[];
}): readonly NotFoundOut[] {
  const { plan, verdicts } = planned;
  const blank = verdicts
    .filter(({ verdict }) => verdict === 'no-data' || verdict === 'error')
    .map(({ gate, because, unblock, who }) => ({ what: gate, because, unblock: `${unblock} (${who})` }));
  const migrations = [...migrationsIn(plan)].sort().map((id) => ({
    what: `migration ${id}`,
    because: 'how long it takes and what it locks on this data is not known',
    unblock: 'run it on a copy of this size first: headgate rehearse RELEASE --from STORE --config FILE',
  }));
  return [...blank, ...migrations];
}

/** Gates that stand before single steps, and are judged there: nothing of a plan is missing because of them. */
export function judgedLater(planned: {
  readonly plan: object;
  readonly verdicts: readonly Verdict[];
}): readonly string[] {
  const { gates = [] } = planned.plan as { readonly gates?: readonly { readonly gate: string; readonly at: string }[] };
  const judged = new Set(planned.verdicts.map(({ gate }) => gate));
  return gates.filter(({ gate }) => !judged.has(gate)).map(({ gate, at }) => `${gate} before each ${at} step`);
}

/** The migrations that any step of a plan runs forward, wherever it stands. */
function migrationsIn(value: unknown, found = new Set<string>(), depth = 0): ReadonlySet<string> {
  if (typeof value !== 'object' || value === null || depth > 20) return found;
  const { kind, migrations } = value as { readonly kind?: unknown; readonly migrations?: unknown };
  if (kind === 'migrate' && Array.isArray(migrations))
    for (const each of migrations as readonly { readonly id: string }[]) found.add(each.id);
  for (const each of Object.values(value)) migrationsIn(each, found, depth + 1);
  return found;
}

/** What a gate that is closed does, for people. */
const SAID: Readonly<Record<string, string>> = {
  pending: 'waits',
  fail: 'refuses',
  'no-data': 'has no data',
  error: 'can’t judge',
};

/** A plan in the words of a person, and below it what speaks against it and what it doesn't know. */
export function planText(
  planned: { readonly text: string; readonly plan: object; readonly verdicts: readonly Verdict[] },
  unknown: readonly NotFoundOut[],
  objections: readonly string[] = [],
): string {
  const waits = planned.verdicts.filter(({ verdict }) => verdict !== 'pass' && verdict !== 'waived');
  // A gate without data holds it up, and is told there: once.
  const gates = new Set(waits.map(({ gate }) => gate));
  const rest = unknown.filter(({ what }) => !gates.has(what));
  const lines = (list: readonly Verdict[]): string[] =>
    list.map((each) =>
      printableLines(`- ${each.gate} ${SAID[each.verdict] ?? each.verdict}: ${each.because}; ${unblockedBy(each)}`),
    );
  const later = judgedLater(planned);
  return [
    planned.text,
    ...(waits.length === 0 ? [] : ['', 'It would wait for:', ...lines(waits)]),
    ...(objections.length === 0 ? [] : ['', ...objections]),
    ...(later.length === 0 ? [] : ['', `Judged on the way: ${later.join(', ')}.`]),
    '',
    ...(rest.length === 0
      ? [
          waits.length === 0
            ? 'Nothing is left that it could not find out.'
            : 'Besides, nothing is left that it could not find out.',
        ]
      : [
          'It could not find out:',
          ...rest.map(({ what, because, unblock }) =>
            printableLines(`- ${what}: ${because}; what would tell: ${unblock}`),
          ),
        ]),
    '',
    'Nothing was touched. What an approval binds to has no digest yet: its latest finish counts from the moment at which',
    'the promotion is asked for, and `headgate promote` says the digest of what is then to be approved.',
  ].join('\n');
}
