import type { AnalysedFinding, AnalysisEvidence, FindingLevel, FoundCount } from '../analysis/analysis.ts';
import { ageText, durationText } from '../model/duration.ts';
import type { Digest } from '../model/identity.ts';
import type { MigrationRef } from '../plan/plan.ts';
import { elsewhereWords } from '../plan/users-elsewhere.ts';
import {
  type FindingWaiver,
  MOST_WAIVERS_TOLD,
  UNDERSTATED,
  waivedBy,
  waiversIn,
  withWaivers,
} from './finding-waivers.ts';
import { type Gate, type GateFacts, pass, stop, type Verdict, wholeNumber } from './gate.ts';
import { understated, understatedVerdict } from './understated.ts';

/** Predicate type of our statement of an analysis. */
export const ANALYSIS = 'https://headgate.dev/analysis/v1';

/** The gate whose findings a policy can waive. */
export const MIGRATIONS_ANALYSED = 'migrations-analysed';

/** The form of a waiver. What its texts have to be beside texts is checked where people declare them. */
export const WAIVER_FORM = {
  type: 'object',
  additionalProperties: false,
  required: ['file', 'rule', 'because', 'until'],
  properties: {
    file: {
      type: 'string',
      description:
        'Digest of the migration’s file: of no other bytes; of the rule older-code, the older release’s digest',
    },
    rule: { type: 'string', description: 'The finding’s rule' },
    because: { type: 'string', description: 'Why it is taken upon oneself, and by whom' },
    until: { type: 'string', description: '2026-12-31, or with a time: 2026-12-31T18:00:00Z' },
  },
} as const;

const NAME = MIGRATIONS_ANALYSED;
/** How far the clock of the machine that analysed may be ahead of ours. Milliseconds. */
const CLOCK_STEP_MS = 60_000;
const LEVELS: readonly FindingLevel[] = ['note', 'warning', 'error'];

/**
 * What the plan runs was analysed: exactly these bytes, lately, with the sizes of the database that the policy names, and
 * nothing was found that is worse than the policy lets go by, but for what it waives. The newest such analysis counts.
 */
export const migrationsAnalysed: Gate = {
  name: NAME,
  asks: 'Were exactly the migrations that the plan runs analysed lately, and is nothing found in them that is too dangerous?',
  parameters: {
    type: 'object',
    additionalProperties: false,
    required: ['maxAgeMs', 'longestStallMs'],
    properties: {
      maxAgeMs: {
        type: 'integer',
        minimum: 1,
        description: 'Of the analysis, and of the sizes that it was judged with',
      },
      longestStallMs: {
        type: 'integer',
        minimum: 1,
        description: 'From this stall on a statement must count as dangerous',
      },
      catalogue: {
        type: 'string',
        minLength: 1,
        description:
          'Whose schema and sizes: an environment, a store, or cell/store. Absent: an analysis without sizes counts',
      },
      level: { enum: ['note', 'warning', 'error'], description: 'The worst level that goes by (warning)' },
      contracts: {
        enum: ['ranges', 'waivers'],
        description:
          'What answers for code that a contract migration takes something from: the schema ranges that releases declare (ranges, the default), or, for its file and whatever the level, a waiver of breaks-running-code and may-break-running-code (where ranges are derived, as a service’s; there a release that is older than its store’s schema needs one of older-code, too, unless what took the store further only adds)',
      },
      waivers: {
        type: 'array',
        description: 'Findings that go by all the same, each with a reason and an end',
        items: WAIVER_FORM,
      },
    },
  },
  at: 'promotion',
  judge(params, facts) {
    const { catalogue, level = 'warning', contracts = 'ranges' } = params;
    const maxAgeMs = wholeNumber(params, 'maxAgeMs');
    const longestStallMs = wholeNumber(params, 'longestStallMs');
    const waivers = waiversIn(params.waivers);
    const known =
      LEVELS.includes(level as FindingLevel) &&
      (catalogue === undefined || typeof catalogue === 'string') &&
      (contracts === 'ranges' || contracts === 'waivers');
    if (!maxAgeMs || !longestStallMs || !known || waivers === undefined)
      return stop(
        NAME,
        'error',
        waivers === undefined
          ? 'a waiver names no file’s digest, no rule, no reason or no end'
          : 'the policy doesn’t say how old, which stall, which level, or what answers for contracts',
        'set params.maxAgeMs and params.longestStallMs in the policy, and mend its waivers',
        'release manager',
      );
    const { migrating } = facts;
    if (migrating?.length === 0) return pass(NAME, 'the plan migrates nothing');
    const newest = migrating && newestOf(facts, migrating, catalogue);
    if (migrating === undefined || newest === undefined) return missing(facts, migrating, catalogue);
    const stale = staleness(newest, facts, maxAgeMs, longestStallMs, catalogue);
    const byRanges = contracts === 'ranges';
    const asked = { level: level as FindingLevel, waivers, byRanges, maxAgeMs, facts };
    return stale ?? judgeFindings(newest, migrating, asked);
  },
};

/**
 * The newest that read exactly what the plan runs. One of the sizes that the policy names goes before one of others, which
 * may stand beside it for another environment; one that is dated ahead of now goes before none.
 */
function newestOf(
  { evidence, release, now }: GateFacts,
  migrating: readonly MigrationRef[],
  asked: unknown,
): AnalysisEvidence | undefined {
  const all = evidence.flatMap(({ predicateType, subject, verified, analysis }) =>
    predicateType === ANALYSIS && subject === release.digest && verified && analysis !== undefined ? [analysis] : [],
  );
  const rank = ({ at, catalogue }: AnalysisEvidence): number =>
    (at - now > CLOCK_STEP_MS ? 0 : 2) + (asked === undefined || catalogue?.of === asked ? 1 : 0);
  return all
    .filter((each) => reads(each, migrating))
    .reduce<AnalysisEvidence | undefined>((best, each) => {
      if (best === undefined) return each;
      const ahead = rank(each) - rank(best);
      return ahead > 0 || (ahead === 0 && each.at >= best.at) ? each : best;
    }, undefined);
}

function reads({ migrations }: AnalysisEvidence, migrating: readonly MigrationRef[]): boolean {
  const digests = new Map(migrations.map(({ to, digest }) => [to, digest]));
  return migrating.every(({ to, file }) => digests.get(to) === file.digest);
}

function missing(
  { evidence, release }: GateFacts,
  migrating: readonly MigrationRef[] | undefined,
  catalogue: unknown,
): Verdict {
  const other = evidence.some((each) => each.predicateType === ANALYSIS && each.subject === release.digest);
  const named = (migrating ?? []).slice(0, 5).map(({ id, file }) => `${id} (${file.digest.slice(0, 19)}…)`);
  const more = (migrating?.length ?? 0) > 5 ? `, and ${(migrating?.length ?? 0) - 5} more` : '';
  const why =
    migrating === undefined
      ? 'nobody knows which migrations the plan runs'
      : `no verified analysis read exactly what the plan runs: ${named.join(', ')}${more}${other ? '; what is there read other files, or only some of these' : ''}`;
  return stop(NAME, 'no-data', why, again(catalogue, release.digest), 'developer');
}

function again(catalogue: unknown, release: Digest): string {
  if (typeof catalogue === 'string')
    return `headgate analyse --release ${release} --of ${catalogue} --database-env VAR --key KEY --attach`;
  return `headgate analyse --release ${release} --key KEY --attach (and --of ENVIRONMENT --database-env VAR, so that it knows how large the tables are there)`;
}

function staleness(
  { at, catalogue: judged, stallMs }: AnalysisEvidence,
  { now, release }: GateFacts,
  maxAgeMs: number,
  longestStallMs: number,
  asked: unknown,
): Verdict | undefined {
  const no = (why: string, verdict: 'fail' | 'error' | 'no-data' = 'fail'): Verdict =>
    stop(NAME, verdict, why, `analyse them again: ${again(asked, release.digest)}`, 'developer');
  const allowed = durationText(maxAgeMs);
  if (!Number.isSafeInteger(at) || now - at < -CLOCK_STEP_MS)
    return no('the newest analysis is dated ahead of now', 'error');
  if (now - at > maxAgeMs) return no(`the newest analysis is ${ageText(now - at)} old, ${allowed} are allowed`);
  if (stallMs > longestStallMs)
    return no(
      `it calls dangerous only what keeps others waiting for ${durationText(stallMs)}, the policy says ${durationText(longestStallMs)}`,
    );
  if (typeof asked !== 'string') return undefined;
  if (judged === undefined)
    return no(`it was done without any table’s size; the policy asks for those of ${asked}`, 'no-data');
  if (judged.of !== asked)
    return no(`it was judged with the sizes of ${judged.of}; the policy asks for those of ${asked}`, 'no-data');
  const { readAt } = judged;
  if (readAt === undefined) return no(`nobody wrote down when the sizes of ${asked} were read`, 'no-data');
  if (now - readAt < -CLOCK_STEP_MS) return no(`the sizes of ${asked} are dated ahead of now`, 'error');
  if (now - readAt > maxAgeMs)
    return no(`the sizes of ${asked} are ${ageText(now - readAt)} old, ${allowed} are allowed`);
  return undefined;
}

interface Asked {
  readonly level: FindingLevel;
  readonly waivers: readonly FindingWaiver[];
  /** Whether the planner has seen to what contract migrations take from running code. */
  readonly byRanges: boolean;
  readonly maxAgeMs: number;
  readonly facts: Pick<GateFacts, 'now' | 'release' | 'environment' | 'serving' | 'elsewhere'>;
}

/** What running code loses is what a contract migration is for: by declared ranges the planner sees to it that nobody uses it any more. */
const ANSWERED_BY_ORDER: ReadonlySet<string> = new Set(['breaks-running-code', 'may-break-running-code']);

function judgeFindings(newest: AnalysisEvidence, migrating: readonly MigrationRef[], asked: Asked): Verdict {
  const { level, waivers, byRanges, facts } = asked;
  const byVersion = new Map(migrating.map((each) => [each.to, each]));
  const waived: FindingWaiver[] = [];
  const open = [...understated(newest, byVersion), ...newest.found].filter(({ to, rule, level: found }) => {
    const migration = byVersion.get(to);
    if (migration === undefined) return false;
    // Neither a level nor a waiver: it would go by weaker than what is declared, whose order the planner sees to.
    if (rule === UNDERSTATED) return true;
    if (LEVELS.indexOf(found) <= LEVELS.indexOf(asksByItself(migration, rule, byRanges) ? 'note' : level)) return false;
    if (byRanges && migration.phase === 'contract' && ANSWERED_BY_ORDER.has(rule)) return false;
    const waiver = waivedBy(waivers, migration.file.digest, rule, facts.now);
    if (waiver !== undefined) waived.push(waiver);
    return waiver === undefined;
  });
  const [first] = open;
  if (first !== undefined) return refused(first, open, newest, byVersion, asked);
  // Statements and rows of before don't say how bad what they left out is.
  const unseen = newest.more === true ? (newest.moreLevel ?? 'error') : 'note';
  const unseenLevel = !byRanges && migrating.some(({ phase }) => phase === 'contract') ? 'note' : level;
  if (LEVELS.indexOf(unseen) > LEVELS.indexOf(unseenLevel))
    return stop(
      NAME,
      'fail',
      'the analysis found more than its statement holds or counts, and what isn’t counted nobody can judge or waive',
      `analyse it again (what has no room is counted by now): ${again(newest.catalogue?.of, facts.release.digest)}; or mend what it says first, in a new release`,
      'developer',
    );
  const files = `${migrating.length} migration${migrating.length === 1 ? '' : 's'} analysed`;
  const word = byRanges ? takenAtTheirWord(newest, byVersion, facts) : '';
  if (waived.length === 0) return pass(NAME, `${files}: nothing worse than ${level} is left${word}`);
  const why = waived.map(({ rule, because, until }) => `${rule} until ${until} (${because})`).join('; ');
  return { gate: NAME, verdict: 'waived', because: `${files}; waived: ${why}${word}`, unblock: '', who: '' };
}

/** Whether a finding asks for its waiver whatever level goes by: where waivers answer for contracts, a level is no answer. */
function asksByItself({ phase }: MigrationRef, rule: string, byRanges: boolean): boolean {
  return !byRanges && phase === 'contract' && ANSWERED_BY_ORDER.has(rule);
}

/**
 * What contract migrations take from running code, which whoever still runs has to do without while they run: releases say so by
 * their schema ranges, and nobody looked into their code. That is said wherever the gate lets it by.
 */
function takenAtTheirWord(
  { found, told }: AnalysisEvidence,
  byVersion: ReadonlyMap<number, MigrationRef>,
  facts: Asked['facts'],
): string {
  const contract = ({ to, rule, level: at }: Pick<FoundCount, 'to' | 'rule' | 'level'>): boolean =>
    byVersion.get(to)?.phase === 'contract' && ANSWERED_BY_ORDER.has(rule) && at !== 'note';
  if (!found.some(contract)) return '';
  const named = told.filter(contract).map(({ file, line, why }) => `${file}, line ${line}: ${why}`);
  const what =
    named.length === 0 ? 'contract migrations take something from running code' : named.slice(0, 3).join('; ');
  return `. NOT CHECKED: ${what}; that ${whoServes(facts)} does without it is its release’s own word, its schema range`;
}

/** Where it has to go as well: from what serves there nobody gets past this environment any more once it went further. */
function throughAll({ elsewhere = [] }: Asked['facts']): string {
  return elsewhere.length === 0 ? '' : ` (through all environments: ${elsewhereWords(elsewhere)})`;
}

/** Who has to do without what is taken away, by version where it is known. */
function whoServes({ serving = [] }: Asked['facts']): string {
  const named = [...new Set(serving)];
  const more = named.length > 3 ? ` and ${named.length - 3} more` : '';
  const which = named.length === 0 ? '' : ` (${named.slice(0, 3).join(', ')}${more})`;
  return `what serves until customers are moved${which}`;
}

/** For so long at least a waiver that is proposed would hold. Milliseconds. */
const WAIVED_MS = 30 * 86_400_000;

/** Findings by what waives them, a file and a rule, in their order. */
function byWaiver(open: readonly FoundCount[], byVersion: ReadonlyMap<number, MigrationRef>) {
  const each = new Map<string, { file: Digest; rule: string; name: string; count: number }>();
  for (const { to, rule, count } of open) {
    const migration = byVersion.get(to);
    if (migration === undefined) continue;
    const { digest, name } = migration.file;
    const key = `${digest} ${rule}`;
    const before = each.get(key)?.count ?? 0;
    each.set(key, { file: digest, rule, name, count: Math.min(Number.MAX_SAFE_INTEGER, before + count) });
  }
  return [...each.values()];
}

/** The first finding in words with its way out, and all waivers that it would take. */
function refused(
  first: FoundCount,
  open: readonly FoundCount[],
  newest: AnalysisEvidence,
  byVersion: ReadonlyMap<number, MigrationRef>,
  { maxAgeMs, facts, byRanges }: Asked,
): Verdict {
  const verdict = worded(first, open, newest, byVersion, facts);
  // From the analysis's own time, so that the words don't change while it is waited.
  const until = newest.at + Math.max(maxAgeMs, WAIVED_MS);
  // A file that has to be declared first is judged anew then: what is waived of it before would answer what nobody asked yet.
  const undeclared = new Set(open.filter(({ rule }) => rule === UNDERSTATED).map(({ to }) => to));
  const waivable = open.filter(({ to }) => !undeclared.has(to));
  if (waivable.length === 0) return verdict;
  // Ranges are derived for a service, in whose waivers an environment can stand; in a Policy's none can.
  const place = byRanges ? undefined : facts.environment;
  const proposed = withWaivers(byWaiver(waivable, byVersion), until, { place, elsewhere: facts.elsewhere });
  return { ...verdict, unblock: `${verdict.unblock}\n${proposed}` };
}

function worded(
  first: FoundCount,
  open: readonly FoundCount[],
  { told, migrations }: AnalysisEvidence,
  byVersion: ReadonlyMap<number, MigrationRef>,
  facts: Asked['facts'],
): Verdict {
  const rest = furtherOf(first, open, byVersion, facts.release.digest);
  const file = byVersion.get(first.to)?.file;
  const digest = file?.digest ?? '';
  if (first.rule === UNDERSTATED)
    return understatedVerdict(
      NAME,
      byVersion.get(first.to),
      migrations.find(({ to }) => to === first.to),
      rest,
    );
  const finding = told.find(({ to, rule, level }) => to === first.to && rule === first.rule && level === first.level);
  const words = finding === undefined ? `${file?.name}: ${first.rule}` : placed(finding);
  if (ANSWERED_BY_ORDER.has(first.rule) && byVersion.get(first.to)?.phase === 'contract')
    return stop(
      NAME,
      'fail',
      `${words}; whether ${whoServes(facts)} does without it, nobody has said: a range that is derived says nothing of that${rest}`,
      `promote a release first that doesn’t use it any more${throughAll(facts)}, and let its watch end; once nothing uses it, somebody says so: waive ${first.rule} of ${digest} in the policy, with whoever looked as because`,
      'developer',
    );
  const safe = finding === undefined || finding.safeWay === '' ? 'mend the migration' : finding.safeWay;
  const unblock = `${indented(safe)}${safe.includes('\n') ? '\n' : ' — '}in a new release; or waive ${first.rule} of ${digest} in the policy`;
  return stop(NAME, 'fail', `${words}${rest}`, unblock, 'developer');
}

/** The words of a safe way, and its SQL below them. */
function indented(safe: string): string {
  return safe.replaceAll('\n', '\n    ');
}

/** What else is open: every rule with its file, since each needs an answer of its own. */
function furtherOf(
  first: FoundCount,
  open: readonly FoundCount[],
  byVersion: ReadonlyMap<number, MigrationRef>,
  release: Digest,
): string {
  const total = open.reduce((sum, { count }) => Math.min(Number.MAX_SAFE_INTEGER, sum + count), 0);
  if (total <= 1) return '';
  const own = byVersion.get(first.to)?.file.digest;
  const all = byWaiver(open, byVersion);
  const same = all.find(({ file, rule }) => file === own && rule === first.rule);
  const others = all.filter((each) => each !== same);
  const again = (same?.count ?? 1) - 1;
  const told = others
    .slice(0, MOST_WAIVERS_TOLD)
    .map(({ name, rule, count }) => `${name}: ${rule}${count > 1 ? ` (${count})` : ''}`);
  const left = others.length - told.length;
  const named = [
    ...(again > 0 ? [`${again} more of it there`] : []),
    ...told,
    ...(left > 0 ? [`${left} more rules in files`] : []),
  ];
  return `; and ${total - 1} more: ${named.join(', ')} (headgate release show ${release} tells some, the statement all)`;
}

function placed({ file, line, statement, why, rule }: AnalysedFinding): string {
  return `${file}, line ${line}, “${statement}”: ${why} (${rule})`;
}
