/**
 * Our statement of a rehearsal: its facts, and nothing that follows from them. Whoever reads it draws the conclusion anew, so
 * that a statement can't say "it went well" above facts that say otherwise.
 */
import type { Digest } from '@headgate/domain';
import { type RehearsalFacts, rehearsalEvidence } from '@headgate/domain/rehearsal/rehearsal';
import { z } from 'zod';
import { type Refused, refuse } from '../refusal.ts';
import { digest, expects, list, milliseconds, oneOf, text, whole } from '../schema/fields.ts';
import { misfitOf } from '../schema/problems.ts';
import { REHEARSAL_PREDICATE } from '../trust/predicates.ts';
import { type Statement, statementAbout } from '../trust/statement.ts';
import { kept } from '../words/unkept.ts';
import type { EvidenceFormat } from './evidence.ts';

/** Of one file, that are told; a file with more says how many there were by its last one's number. */
const MAX_STATEMENTS = 500;
const MAX_FILES = 1_000;
const MAX_LIST = 1_000;

const relation = text(300);
const count = whole(0);
const words = z.string(expects('a text')).max(2_000, expects('at most 2000 characters'));
const lock = z.strictObject({ relation, mode: text(40), heldMs: milliseconds() });
const rowCount = z.strictObject({ relation, rows: count });
const failure = z.strictObject({ n: count, line: count, code: z.string().max(5), why: words });

const statement = z.strictObject({
  n: count,
  line: count,
  text: words,
  alone: z.boolean(),
  durationMs: milliseconds(),
  locks: list(lock, 0, MAX_LIST),
  rewritten: list(relation, 0, MAX_LIST),
  emptied: list(relation, 0, MAX_LIST),
  rebuilt: list(relation, 0, MAX_LIST),
  scanned: list(
    z.strictObject({ relation, rows: count, under: z.strictObject({ relation, mode: text(40) }) }),
    0,
    MAX_LIST,
  ),
  changed: list(rowCount, 0, MAX_LIST),
  walBytes: count,
  tempBytes: count.optional(),
});

const file = z.strictObject({
  file: text(300),
  migration: text(100),
  by: oneOf('program').optional(),
  durationMs: milliseconds(),
  commitMs: milliseconds(),
  statements: list(statement, 0, MAX_STATEMENTS),
  failed: failure.optional(),
});

const stall = z.strictObject({
  relation,
  readersMs: milliseconds().optional(),
  writersMs: milliseconds().optional(),
  errors: z.record(z.string().max(10), count),
});

const difference = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.enum(['object-gone', 'object-new', 'object-changed', 'sequence-back']),
    object: words,
    why: words,
  }),
  z.strictObject({ kind: z.literal('rows'), relation, before: count, after: count }),
  z.strictObject({ kind: z.literal('values'), relation, column: text(300).optional(), before: count, after: count }),
]);

const planChange = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('fails'), text: words, why: words }),
  z.strictObject({ kind: z.literal('lost-index'), text: words, relation, index: relation }),
  z.strictObject({ kind: z.literal('new-sequential-scan'), text: words, relation, rows: count }),
  z.strictObject({ kind: z.literal('dearer'), text: words, before: count, after: count }),
]);

/** Failures of one version that are told. */
const MAX_FAILURES = 100;
const businessRun = z.strictObject({
  which: oneOf('old', 'new'),
  release: z.strictObject({ digest, version: text(100) }),
  components: list(text(63), 0, 100),
  readyMs: milliseconds().optional(),
  durationMs: milliseconds(),
  tenants: count,
  transactions: count,
  failures: list(
    z.strictObject({ tenant: text(63).optional(), check: text(200).optional(), why: words }),
    0,
    MAX_FAILURES,
  ),
});

const felt = z.strictObject({
  transactions: count,
  failed: count,
  p95Ms: milliseconds().optional(),
  longestMs: milliseconds().optional(),
});
const underLoad = z.strictObject({
  seed: count,
  verification: z.strictObject({ name: text(63), digest }),
  old: z.strictObject({ digest, version: text(100) }),
  sessions: count,
  everyMs: milliseconds(),
  attempts: count,
  quiet: felt,
  during: felt,
  failures: list(
    z.strictObject({ tenant: text(63), check: text(200).optional(), why: words, beside: text(300) }),
    0,
    MAX_FAILURES,
  ),
  interruptions: list(
    z.strictObject({
      file: text(300),
      moment: oneOf('before', 'lock', 'within', 'unrecorded', 'after'),
      at: words,
      done: z.boolean(),
      said: words,
      stood: count,
      expected: count,
    }),
    0,
    MAX_LIST,
  ),
  calls: count,
  durationMs: milliseconds(),
  stalls: list(stall, 0, MAX_LIST),
  deadlocks: count,
  lockTimeouts: count,
  stopped: words.optional(),
  end: z.strictObject({ tables: count, differences: list(difference, 0, MAX_LIST) }).optional(),
  written: list(z.strictObject({ relation, each: count, least: count, most: count, found: count }), 0, MAX_LIST),
  // Absent: users worked meanwhile.
  held: z
    .strictObject({
      looks: count,
      sessions: count,
      restored: z
        .strictObject({ at: words, tookMs: milliseconds(), differences: list(difference, 0, MAX_LIST) })
        .optional(),
    })
    .optional(),
});

const phase = oneOf('expand', 'data', 'contract');
const predicate = z.strictObject({
  at: count,
  from: z.strictObject({ environment: text(63).optional(), cell: text(63).optional(), store: text(100) }),
  copy: z.strictObject({
    how: oneOf('restore-point', 'dump', 'template'),
    of: text(200),
    takenAt: count,
    manifest: digest.optional(),
    server: count,
    bytes: count,
    rows: count,
    readyMs: milliseconds(),
    maskedBy: digest.optional(),
  }),
  runner: oneOf('headgate', 'psql'),
  schema: z.strictObject({ from: count, to: count }),
  migrations: list(
    z.strictObject({
      id: text(100),
      from: count,
      to: count,
      phase,
      undo: oneOf('keep', 'down', 'restore'),
      up: digest,
      down: digest.optional(),
      lossy: text(200).optional(),
    }),
    0,
    MAX_FILES,
  ),
  passes: list(
    z.strictObject({
      direction: oneOf('forward', 'back', 'forward-again'),
      durationMs: milliseconds(),
      files: list(file, 0, MAX_FILES),
      stalls: list(stall, 0, MAX_LIST),
      unwatched: list(relation, 0, MAX_LIST),
    }),
    0,
    3,
  ),
  comparisons: list(z.strictObject({ what: oneOf('back', 'again'), differences: list(difference, 0, MAX_LIST) }), 0, 2),
  plans: z.strictObject({
    compared: count,
    source: oneOf('pg_stat_statements', 'file', 'none'),
    changes: list(planChange, 0, MAX_LIST),
  }),
  // Absent: nobody ran them, or it is a statement of before.
  business: z
    .strictObject({ verification: z.strictObject({ name: text(63), digest }), runs: list(businessRun, 0, 10) })
    .optional(),
  // Absent: nobody asked for it, or it is a statement of before.
  underLoad: underLoad.optional(),
  missing: list(words, 0, 100),
});

/** "The migrations of this release were rehearsed, and that is what was seen." To be signed. */
export function rehearsalStatement(release: string, subject: Digest, facts: RehearsalFacts): Statement {
  return statementAbout(release, subject, REHEARSAL_PREDICATE, bounded(facts));
}

export const rehearsal: EvidenceFormat = {
  predicateType: REHEARSAL_PREDICATE,
  duty: 'evidence',
  read(given) {
    const parsed = predicate.safeParse(given);
    if (parsed.success) return { ok: true, rehearsal: rehearsalEvidence(parsed.data as RehearsalFacts) };
    const { where, why } = misfitOf(parsed.error, given, predicate);
    return wrong(why, where);
  },
};

function wrong(why: string, where: string): Refused<'evidence-malformed'> {
  return refuse('evidence-malformed', 'statement of a rehearsal', why, {
    where,
    unblock: 'rehearse the release again',
  });
}

/** Whole milliseconds and counts, bounded lists, well-formed and bounded texts, and nothing that is undefined. */
function bounded(facts: RehearsalFacts): Readonly<Record<string, unknown>> {
  const most: Readonly<Record<string, number>> = { statements: MAX_STATEMENTS, failures: MAX_FAILURES };
  const tidy = (value: unknown, name: string): unknown => {
    if (typeof value === 'number') return Math.max(0, Math.round(value));
    // One character of room: a text is cut anywhere, and what is left of a pair becomes one.
    if (typeof value === 'string') return kept(value.slice(0, LENGTHS[name] ?? 1_999));
    if (Array.isArray(value)) return value.slice(0, most[name] ?? MAX_LIST).map((each) => tidy(each, name));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).flatMap(([key, each]) => (each === undefined ? [] : [[key, tidy(each, key)]])),
    );
  };
  return tidy(facts, '') as Readonly<Record<string, unknown>>;
}

/** Shorter texts than others, by field. */
const LENGTHS: Readonly<Record<string, number>> = {
  relation: 300,
  index: 300,
  column: 300,
  file: 300,
  rewritten: 300,
  emptied: 300,
  rebuilt: 300,
  unwatched: 300,
  of: 200,
  lossy: 200,
  beside: 300,
};
