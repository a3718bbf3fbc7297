/**
 * An exercise: a whole cell rebuilt in a place that is thrown away. These are its facts, and what they come to. Nothing here is a
 * customer's value: names of objects, counts, durations.
 */
import { durationText } from '../model/duration.ts';
import type { Digest, Instant } from '../model/identity.ts';
import type { CensusComparison } from '../vault/census.ts';
import { differenceText } from '../vault/drill.ts';
import type { RebuildKind } from './rebuild-plan.ts';

export interface ExercisedStep {
  readonly id: string;
  readonly kind: RebuildKind;
  /** From the exercise's beginning until it was begun, and how long it took. Milliseconds. */
  readonly begunMs: number;
  readonly tookMs: number;
  /** Why it isn't done; absent: it is. */
  readonly failed?: string;
}

/** A store as it came back. */
export interface ExercisedStore {
  readonly store: string;
  readonly point: string;
  /** Digest of the restore point's own manifest. */
  readonly manifest: Digest;
  readonly takenAt: Instant;
  readonly promisedSchema: number;
  /** Version of the schema in the restore point's own moment, and in the moment that serves. */
  readonly ownSchema?: number;
  readonly schema?: number;
  /** Up to which moment its log came back. */
  readonly reachedAt?: Instant;
  readonly segments?: number;
  /** Whether recovery came to the end of the vault's log. */
  readonly replayed?: boolean;
  readonly census?: CensusComparison;
  readonly files?: { readonly compared: number; readonly wrong: readonly string[] };
  readonly amcheck?: { readonly problems: readonly string[] };
  readonly attachments?: ComparedAttachments;
}

/** Files that rows of the database name by what they hold, beside what those names say. */
export interface ComparedAttachments {
  readonly compared: number;
  /** Named, and not there; and how many weren’t as the restore point was taken. */
  readonly missing: number;
  readonly promisedMissing: number;
  /** They came back as they were taken, and had been changed before: they hold something else than their names say. */
  readonly altered: number;
}

export interface ExerciseFacts {
  readonly environment: string;
  readonly cell: string;
  readonly application: string;
  /** Digest of the plan that was carried out. */
  readonly plan: Digest;
  /** By the clock of the machine. */
  readonly startedAt: Instant;
  readonly at: Instant;
  readonly steps: readonly ExercisedStep[];
  readonly stores: readonly ExercisedStore[];
  readonly releases: readonly { readonly slot: string; readonly digest: Digest; readonly version: string }[];
  /** Tenants whom the router led to a release that answered. */
  readonly routed: number;
  /** From the beginning until the first business transaction succeeded. Milliseconds. */
  readonly firstTransactionMs?: number;
  /** How many went well. */
  readonly transactions: number;
  /** What wasn't looked at, each in words. */
  readonly missing: readonly string[];
}

export interface ExerciseResult {
  /** Everything was carried out and compared, and nothing was wrong. */
  readonly ok: boolean;
  readonly because: readonly string[];
  readonly missing: readonly string[];
  /** From the beginning until the first business transaction succeeded; absent: none ever did. Milliseconds. */
  readonly rtoMs?: number;
  /** Of the store of which most would be lost: the age of the last moment that came back. Milliseconds. */
  readonly rpoMs?: number;
}

/** What the facts come to. A time until nothing was of use is no time: without a transaction there is none. */
export function judgeExercise(facts: ExerciseFacts): ExerciseResult {
  const { steps, stores, startedAt, firstTransactionMs } = facts;
  const because = [
    ...steps.flatMap(({ id, failed }) => (failed === undefined ? [] : [`${id}: ${failed}`])),
    ...stores.flatMap((each) => [...wrongWithStore(each), ...wrongBefore(each)].map((why) => `${each.store}: ${why}`)),
  ];
  const missing = because.length > 0 ? [] : [...facts.missing, ...stores.flatMap(missingOf)];
  if (because.length === 0 && firstTransactionMs === undefined)
    missing.push('no business transaction was carried out: nobody knows whether what came back can be used');
  const lost = stores.map(({ takenAt, reachedAt, replayed }) =>
    Math.max(0, startedAt - Math.max(takenAt, replayed === true ? (reachedAt ?? 0) : 0)),
  );
  return {
    ok: because.length === 0 && missing.length === 0,
    because,
    missing,
    ...(firstTransactionMs !== undefined && { rtoMs: firstTransactionMs }),
    ...(stores.length > 0 && { rpoMs: Math.max(...lost) }),
  };
}

/** What of a store that came back isn’t as it was promised, each in words. */
export function wrongWithStore(store: ExercisedStore): readonly string[] {
  const { ownSchema, promisedSchema, schema, replayed, census, files, amcheck, attachments } = store;
  return [
    ...(ownSchema === undefined || ownSchema === promisedSchema
      ? []
      : [`schema version ${ownSchema} came back, ${promisedSchema} was promised`]),
    ...(schema !== undefined && ownSchema !== undefined && schema < ownSchema
      ? [`with its log it has the schema ${schema}, and had ${ownSchema} before`]
      : []),
    ...(replayed === false ? ['what came back ends before its log does'] : []),
    ...(census?.differences ?? []).map(differenceText),
    ...(files?.wrong ?? []).map((path) => `the file ${path} isn't what was promised`),
    ...(attachments === undefined || attachments.missing <= attachments.promisedMissing
      ? []
      : [`${attachments.missing} attachments have no file, and ${attachments.promisedMissing} had none before`]),
    ...(amcheck?.problems ?? []).map((each) => `pg_amcheck: ${each}`),
  ];
}

/** What was wrong with it as the restore point was taken: all that there is comes back, and nobody may take it for sound. */
export function wrongBefore({ attachments }: Pick<ExercisedStore, 'attachments'>): readonly string[] {
  if (attachments === undefined || attachments.altered === 0) return [];
  const many =
    attachments.altered === 1 ? '1 attachment’s file isn’t' : `${attachments.altered} attachments’ files aren’t`;
  return [`${many} what the database says; it was so when the restore point was taken`];
}

function missingOf({ store, census, files, amcheck, schema }: ExercisedStore): readonly string[] {
  return [
    ...(census === undefined
      ? [`${store}: the restore point promises no rows (vault.census): none could be compared`]
      : census.unsettled.map(
          (each) => `${store}: ${each} was written to in that very moment: it couldn’t be compared`,
        )),
    ...(files === undefined ? [`${store}: the files beside the database weren’t read back`] : []),
    ...(amcheck === undefined ? [`${store}: tables and indexes weren’t checked (pg_amcheck)`] : []),
    ...(schema === undefined ? [`${store}: the schema’s version that came back isn’t known`] : []),
  ];
}

/** RTO in words. */
export function exerciseRtoText({ rtoMs }: Pick<ExerciseResult, 'rtoMs'>): string {
  return rtoMs === undefined
    ? 'no business transaction ever succeeded'
    : `${durationText(Math.round(rtoMs))} until the first business transaction`;
}
