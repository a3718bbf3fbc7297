/** Restore points in a vault, in words for a person at this machine. */
import type { RepositoryList } from '@headgate/adapters/execution/pgbackrest/repository-list';
import type { VaultList } from '@headgate/adapters/execution/vault/vaulted-points';
import type { CheckedLog } from '@headgate/adapters/execution/vault/wal/check-log';
import type { SealedPoint } from '@headgate/documents';
import type { Freshness } from '@headgate/domain';
import { ageText, durationText } from '@headgate/domain/model/duration';
import type { Protections } from '@headgate/execution';

/** A store's restore points, a line each. */
export function listLines(
  { environment, cell, store }: { readonly environment: string; readonly cell: string; readonly store: string },
  vault: string,
  { points, unfinished }: VaultList,
): string[] {
  return [
    `${environment}, cell ${cell}, store ${store}, in ${vault}:`,
    ...points.map(({ id, takenAt, sealed, signer, readable, why }) =>
      sealed === undefined || !readable
        ? `  ${id}  NOT RIGHT: ${why}`
        : `  ${id}  ${timeText(takenAt)}  schema ${sealed.schemaVersion}  ${bytesText(sealed.bytes)} in ${sealed.parts.length + 1} parts  ${databaseText(sealed)}  signed by ${signer}`,
    ),
    ...unfinished.map(
      ({ id, changedAt }) => `  ${id}  not sealed, last changed ${timeText(changedAt)}: it doesn't count`,
    ),
    ...(points.length + unfinished.length === 0 ? ['  none'] : []),
  ];
}

/**
 * How fresh they are, and how the store says it is protected. `lateFor`: what may be lost is more than that, in milliseconds.
 * `wal`: what is wrong with the log.
 */
export function freshnessLines(
  freshness: Freshness,
  protections: Protections,
  unmet: readonly string[],
  lateFor?: number,
  wal?: string,
): string[] {
  const { newest, ageMs, achievedRpoMs, unreadable, reachedAt, ahead, datedAhead = 0 } = freshness;
  const { versioning, replication } = protections;
  return [
    newest === undefined
      ? '  nothing could be brought back from here'
      : ageMs === undefined
        ? '  lost if the store were lost now: nobody knows, since what lies there is dated ahead of the clock here'
        : reachedAt === undefined
          ? `  lost if the store were lost now: the last ${ageText(ageMs)}; at the worst moment so far: ${ageText(achievedRpoMs!)}`
          : `  lost if the store were lost now: the last ${ageText(ageMs)} (its WAL lies there up to ${timeText(reachedAt)}${ahead ? ', which is ahead of the clock here and counts for nothing' : ''})`,
    ...(unreadable > 0
      ? [
          `  ${unreadable} ${unreadable === 1 ? "isn't right: a person has to look at it" : "aren't right: a person has to look at them"}`,
        ]
      : []),
    ...(datedAhead > 0
      ? [
          `  ${datedAhead} DATED AHEAD of the clock here: when ${datedAhead === 1 ? 'it was' : 'they were'} taken nobody knows, and no rule removes ${datedAhead === 1 ? 'it' : 'them'} until then`,
        ]
      : []),
    `  versioning ${versioning.state} (${versioning.detail}), replication ${replication.state} (${replication.detail})`,
    ...(wal === undefined ? [] : [`  WAL: ${wal}`]),
    ...(lateFor === undefined
      ? []
      : [
          `  TOO OLD: at most ${durationText(lateFor)} may be lost; take one: headgate-agent restore-points take --config FILE --store STORE`,
        ]),
    ...unmet.map((each) => `  DEMANDED AND NOT SO: ${each}`),
  ];
}

/** How much may be lost, where more would be; `undefined`: nothing is asked, or it is so. Milliseconds. */
export function tooOld({ ageMs }: Freshness, rpoMs: number | undefined): number | undefined {
  return rpoMs !== undefined && (ageMs ?? Number.POSITIVE_INFINITY) > rpoMs ? rpoMs : undefined;
}

/** A store's restore points in pgBackRest's repository, a line each. */
export function repositoryLines(
  { environment, cell, store }: { readonly environment: string; readonly cell: string; readonly store: string },
  repository: string,
  { kept, unreadable, others, major }: RepositoryList,
): string[] {
  return [
    `${environment}, cell ${cell}, store ${store}, in ${repository}:`,
    ...kept.map(
      ({ point, manifest: { id, takenAt, schemaVersion, pgbackrest }, backup }) =>
        `  ${id}  ${timeText(takenAt)}  schema ${schemaVersion}  ${bytesText(pgbackrest.bytes)}, ${KINDS[backup.type]} ${pgbackrest.label}  PostgreSQL ${major} physical, LSN ${pgbackrest.lsn}  ${point.verified ? 'verified when it was taken' : 'NOT VERIFIED'}`,
    ),
    ...unreadable.map(({ id, why }) => `  ${id}  NOT RIGHT: ${why}`),
    ...others.map(
      ({ label, timestamp, type }) =>
        `  ${label}  ${timeText(timestamp.stop * 1_000)}  ${KINDS[type]} that somebody else took: no restore point`,
    ),
    ...(kept.length + unreadable.length + others.length === 0 ? ['  none'] : []),
  ];
}

const KINDS = { full: 'a full backup', diff: 'what changed since a full backup', incr: 'what changed since' } as const;

/** Said of a vault or a repository, whatever is demanded of it. */
export const SAME_DEVICE = '  ON THE STORE’S OWN DISK: what takes that takes these, too';

/** What was found right of the log that follows on it. */
export function checkedLogLine(log: CheckedLog | undefined, decrypted: boolean): string {
  if (log === undefined) return '\nNo log follows on it.';
  const pieces = `${log.segments} piece${log.segments === 1 ? '' : 's'}`;
  return `\nIts log from there on is right, too: ${pieces} ${decrypted ? 'decrypted' : 'read'} and compared, up to ${timeText(log.reachedAt)}.`;
}

/** What was found right of a restore point. */
export function checkedLine(sealed: SealedPoint, signer: string, decrypted: boolean): string {
  const { id, store, parts, bytes, files, takenAt } = sealed;
  const how = decrypted
    ? `decrypted, and each of its ${files} files compared`
    : 'as it lies there; with --identity its files are compared, too';
  return `${id} of the store ${store} is right: signed by ${signer}, ${parts.length + 1} parts, ${bytesText(bytes)}, of ${timeText(takenAt)}; ${how}.`;
}

function databaseText({ database: { form, major, lsn } }: SealedPoint): string {
  return `PostgreSQL ${major} ${form}${lsn === undefined ? '' : `, LSN ${lsn.stop ?? lsn.start}`}`;
}

function timeText(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');
}

function bytesText(bytes: number): string {
  if (bytes < 1_000_000) return `${Math.ceil(bytes / 1_000)} kB`;
  return bytes < 1_000_000_000 ? `${(bytes / 1_000_000).toFixed(1)} MB` : `${(bytes / 1_000_000_000).toFixed(2)} GB`;
}
