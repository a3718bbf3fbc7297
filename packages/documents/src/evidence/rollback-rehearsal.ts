/**
 * Our statement of a promotion that was rehearsed with its undo: its facts, and nothing that follows from them. Whoever reads
 * it draws the conclusion anew, and can look up each of its facts on the log, by the promotion's id and the entries' places.
 */
import type { Plan } from '@headgate/domain';
import {
  judgeRollbackRehearsal,
  type RehearsedTraffic,
  type RollbackRehearsalFacts,
  type RollbackRehearsalResult,
  rollbackRehearsalEvidence,
} from '@headgate/domain/rehearsal/rollback';
import {
  MOST_CELLS,
  MOST_FAILURES,
  MOST_MIGRATIONS,
  MOST_NAMES,
  MOST_STEPS,
  MOST_STORES,
  type RehearsedEntry,
  rollbackRehearsalFacts,
  type SeenCell,
} from '@headgate/domain/rehearsal/rollback-facts';
import { z } from 'zod';
import { digestOf } from '../digest.ts';
import { type Refused, refuse } from '../refusal.ts';
import { digest, expects, flag, list, milliseconds, name, oneOf, principal, text, whole } from '../schema/fields.ts';
import { misfitOf } from '../schema/problems.ts';
import { ROLLBACK_REHEARSAL_PREDICATE } from '../trust/predicates.ts';
import { type Statement, statementAbout } from '../trust/statement.ts';
import { kept } from '../words/unkept.ts';
import type { EvidenceFormat } from './evidence.ts';

export type { RehearsedTraffic, RollbackRehearsalFacts, RollbackRehearsalResult };

const MAX_ADDRESSES = 20;

const count = whole(0);
const words = z.string(expects('a text')).max(2_000, expects('at most 2000 characters'));
const step = text(200);
const course = oneOf('forward', 'back');
const release = z.strictObject({ digest, version: text(100) });
const way = z.strictObject({ planned: count, done: count, left: list(step, 0, MOST_NAMES) });
const sent = z.strictObject({ requests: count, failed: count, slowestMs: milliseconds(), outageMs: milliseconds() });

const cell = z.strictObject({
  cell: name,
  before: release.exactOptional(),
  forward: way,
  back: way,
  steps: list(
    z.strictObject({ step, course, kind: text(40), at: count, tookMs: milliseconds(), place: count }),
    0,
    MOST_STEPS,
  ),
  failures: list(
    z.strictObject({
      course,
      step,
      code: oneOf('transient', 'rejected', 'check-failed', 'fenced', 'expired', 'unknown'),
      why: words,
    }),
    0,
    MOST_FAILURES,
  ),
  settled: oneOf('completed', 'undone', 'kept').exactOptional(),
  verified: z.strictObject({ passed: count, failed: count }).exactOptional(),
  reconciled: list(
    z.strictObject({ store: name, agrees: flag.exactOptional(), asked: count.exactOptional() }),
    0,
    MOST_STORES,
  ),
  seenAt: count.exactOptional(),
  tenants: z.strictObject({ moved: count, back: count, elsewhere: list(name, 0, MOST_NAMES) }),
  stores: list(
    z.strictObject({
      store: name,
      before: count,
      reached: count,
      promised: count,
      undo: oneOf('kept', 'undone', 'restored', 'untouched'),
      found: count.exactOptional(),
    }),
    0,
    MOST_STORES,
  ),
  slots: list(
    z.strictObject({ slot: name, promised: text(100).exactOptional(), found: text(100).exactOptional() }),
    0,
    MOST_NAMES,
  ),
  drift: list(z.strictObject({ store: name, why: words }), 0, MOST_FAILURES),
});

const predicate = z.strictObject({
  at: count,
  promotion: text(100),
  application: name,
  environment: name,
  release,
  plan: digest,
  envelope: digest,
  log: z.strictObject({ from: count, to: count }),
  waves: count,
  opened: count,
  migrations: list(z.strictObject({ id: text(100), to: count, file: digest }), 0, MOST_MIGRATIONS),
  begunAt: count.exactOptional(),
  reachedAt: count.exactOptional(),
  turned: z.strictObject({ at: count, by: principal, because: words }).exactOptional(),
  endedAt: count.exactOptional(),
  result: oneOf('promoted', 'rolled-back', 'partly-rolled-back', 'superseded', 'rejected', 'expired').exactOptional(),
  cells: list(cell, 0, MOST_CELLS),
  untold: count.exactOptional(),
  traffic: z
    .strictObject({
      addresses: list(text(300), 1, MAX_ADDRESSES),
      everyMs: milliseconds(1),
      forward: sent,
      back: sent,
    })
    .exactOptional(),
});

/** "This release was promoted and taken back, and that is what was seen." To be signed. */
export function rollbackRehearsalStatement(facts: RollbackRehearsalFacts): Statement {
  const { application, release: of } = facts;
  const bounded = tidy(facts, '') as Readonly<Record<string, unknown>>;
  return statementAbout(`${application}@${of.version}`, of.digest, ROLLBACK_REHEARSAL_PREDICATE, bounded);
}

export const rollbackRehearsal: EvidenceFormat = {
  predicateType: ROLLBACK_REHEARSAL_PREDICATE,
  duty: 'evidence',
  read(given) {
    const parsed = predicate.safeParse(given);
    if (parsed.success)
      return { ok: true, rollbackRehearsal: rollbackRehearsalEvidence(parsed.data as RollbackRehearsalFacts) };
    const { where, why } = misfitOf(parsed.error, given, predicate);
    return refuse('evidence-malformed', 'statement of a rollback’s rehearsal', why, {
      where,
      unblock: 'rehearse the rollback again',
    });
  },
};

/** What a rehearsal is read from: bytes of the plan, entries of the log as they came, and cells as they were seen last. */
export interface RehearsedWith {
  readonly planBytes: Uint8Array;
  readonly entries: readonly {
    readonly place: number;
    readonly stream: string;
    readonly at: number;
    readonly by: string;
    readonly type: string;
    readonly data: Readonly<Record<string, unknown>>;
  }[];
  readonly seen: ReadonlyMap<string, { readonly state: unknown; readonly at: number }>;
  readonly traffic?: RehearsedTraffic;
}

export interface ReadRehearsal {
  readonly ok: true;
  readonly facts: RollbackRehearsalFacts;
  readonly result: RollbackRehearsalResult;
}

/** The facts of a rehearsal, and what they come to. The plan has to be the one that the log names. */
export function readRollbackRehearsal(given: RehearsedWith): ReadRehearsal | Refused<'rehearsal-unreadable'> {
  const no = (why: string) =>
    refuse('rehearsal-unreadable', 'rollback’s rehearsal', why, { unblock: 'rehearse the rollback again' });
  const requested = given.entries.find(({ type }) => type === 'promotion.requested');
  if (requested === undefined) return no('the promotion’s first entry isn’t among those of the log');
  if (digestOf(given.planBytes) !== requested.data.plan) return no('the plan’s bytes aren’t those that the log names');
  const entries = given.entries.map(({ type, data, ...rest }) => ({ ...rest, event: { type, data } }));
  try {
    const plan = JSON.parse(Buffer.from(given.planBytes).toString('utf8')) as Plan;
    const seen = given.seen as ReadonlyMap<string, SeenCell>;
    const facts = rollbackRehearsalFacts(
      plan,
      entries as readonly unknown[] as readonly RehearsedEntry[],
      seen,
      given.traffic,
    );
    if (facts === undefined) return no('the promotion’s first entry isn’t among those of the log');
    return { ok: true, facts, result: judgeRollbackRehearsal(facts) };
  } catch (error) {
    return no(`the plan or the entries can’t be read: ${(error as Error).message}`);
  }
}

/**
 * Where a promotion is turned back when it is rehearsed: the soak of its last wave, the last moment at which all of it is done
 * and it has not ended. What has ended can't be taken back.
 */
export interface TurningPoint {
  /** By cell its last step; whether it has to be done, or is the soak in which it is turned back. */
  readonly last: ReadonlyMap<string, { readonly step: string; readonly soak: boolean }>;
  /** How long the last wave is watched. Milliseconds; 0: not at all. */
  readonly soakMs: number;
}

/** The turning point of a plan. */
export function turningPointOf({ waves, cells }: Pick<Plan, 'waves' | 'cells'>): TurningPoint {
  const last = new Map<string, { readonly step: string; readonly soak: boolean }>();
  for (const { cell: of, steps } of cells) {
    const end = steps.at(-1);
    if (end !== undefined)
      last.set(of, { step: end.id, soak: end.wave === waves.length && end.action.kind === 'soak' });
  }
  return { last, soakMs: waves.at(-1)?.soakMs ?? 0 };
}

/** Whole numbers, bounded and well-formed texts, and nothing that is undefined. */
function tidy(value: unknown, key: string): unknown {
  if (typeof value === 'number') return Math.max(0, Math.round(value));
  // One character of room: a text is cut anywhere, and what is left of a pair becomes one.
  if (typeof value === 'string') return kept(value.slice(0, key === 'addresses' ? 300 : 1_999));
  if (Array.isArray(value)) return value.map((each) => tidy(each, key));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([field, each]) => (each === undefined ? [] : [[field, tidy(each, field)]])),
  );
}
