/** How a scheduled backup of an agent's stands, as the agent writes it down, and what that means now. */
import { ageText, durationText, tookText } from '@headgate/domain/model/duration';
import { z } from 'zod';

/** Below an agent's data folder: a folder for each backup, with this file in it. */
export const BACKUPS_FOLDER = 'backups';
export const STANDING_FILE = 'standing.json';

const at = z.int().min(0);
const words = z.string().max(2_000);

const standing = z.strictObject({
  v: z.literal(1),
  name: words,
  kind: z.enum(['git', 'terraform']),
  /** What is backed up, in words; no secret. */
  source: words,
  /** Where to, in words. */
  vault: words,
  everyMs: z.int().min(1),
  /** Since when it is scheduled. Milliseconds since 1970, as all moments here. */
  since: at,
  /** Failures since one last succeeded. */
  failures: at,
  /** The last try. */
  last: z.strictObject({ at, ok: z.boolean(), why: words.exactOptional() }).exactOptional(),
  /** The newest backup that was read back. */
  good: z
    .strictObject({ id: words, at, tookMs: at, bytes: at, holds: words, refsSha256: words.exactOptional() })
    .exactOptional(),
  /** The last drill. */
  drill: z
    .strictObject({
      id: words,
      at,
      ok: z.boolean(),
      /** What was wrong, each in words. */
      because: z.array(words).max(20),
      tookMs: at,
      /** What was looked at, in words. */
      seen: z.array(words).max(20),
    })
    .exactOptional(),
  /** The newest backup that came back well in a drill, and when that was. */
  sound: z.strictObject({ id: words, at }).exactOptional(),
  /** Good backups since the last drill. */
  sinceDrill: at,
  /** What is odd in the row of what was taken: nothing is removed until a person says that it is right. */
  findings: z.array(words).max(20),
  /** What lies there under its name and isn't right, each in words. */
  unreadable: z.array(words).max(20),
  /** Up to which backup a person said so, and why. */
  accepted: z.strictObject({ at, because: words }).exactOptional(),
  /** Why what no rule keeps is still there. */
  notRemoved: words.exactOptional(),
});
export type BackupStanding = z.infer<typeof standing>;

/** Reads it; undefined when that isn't what an agent of ours wrote. */
export function readBackupStanding(text: string): BackupStanding | undefined {
  try {
    const parsed = standing.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** What is wrong at `now`, each in words; empty: nothing. No backup, and none that ever came back, is never well. */
export function wrongWithBackup(standing: BackupStanding, now: number): readonly string[] {
  const { good, drill, sound, last, everyMs, since, findings, unreadable, notRemoved } = standing;
  const age = now - (good?.at ?? since);
  const due = `one is due each ${durationText(everyMs)}`;
  return [
    ...(age > 2 * everyMs
      ? [
          good === undefined
            ? `no backup was taken in ${ageText(age)}, ${due}`
            : `the newest (${good.id}) is ${ageText(age)} old, ${due}`,
        ]
      : []),
    ...(age < 0 ? ['the newest is dated ahead of now: set the clock right'] : []),
    ...(last?.ok === false ? [`the last try failed: ${last.why ?? 'it doesn’t say why'}`] : []),
    ...(drill?.ok === false ? [`the last drill failed, of ${drill.id}: ${drill.because.join('; ')}`] : []),
    ...(sound === undefined && drill === undefined && good !== undefined && now - since > 2 * everyMs
      ? ['none was ever brought back in a drill']
      : []),
    ...findings.map((each) => `${each}; no older one is removed until a person says that it is right`),
    ...unreadable.map((each) => `${each}: a person has to look at it`),
    ...(notRemoved === undefined ? [] : [`older ones couldn’t be removed: ${notRemoved}`]),
  ];
}

/** Whether the source is still what the newest backup holds, as it was asked just now; in words. */
export type SourceNow = { readonly moved: boolean; readonly words: string } | { readonly unknown: string };

/** The same in lines for people. */
export function standingLines(standing: BackupStanding, now: number, source?: SourceNow): readonly string[] {
  const { name, good, drill, sound, everyMs, accepted } = standing;
  const newest =
    good === undefined
      ? 'none yet'
      : `${good.id}, of ${ageText(Math.max(0, now - good.at))} ago: ${good.holds}; ${sizeText(good.bytes)} in ${tookText(good.tookMs)}`;
  const drilled =
    drill === undefined
      ? 'none yet'
      : `of ${drill.id}, ${ageText(Math.max(0, now - drill.at))} ago: ${drill.ok ? `it went well (${drill.seen.join(', ')})` : 'FAILED'}, in ${tookText(drill.tookMs)}`;
  return [
    `${name}: ${standing.source}, each ${durationText(everyMs)} into ${standing.vault}`,
    `  newest: ${newest}`,
    ...(source === undefined
      ? []
      : ['unknown' in source ? `  the source can’t be asked: ${source.unknown}` : `  the source: ${source.words}`]),
    ...(good === undefined
      ? []
      : [
          source !== undefined && 'moved' in source && !source.moved
            ? '  lost if the source were lost now: nothing'
            : `  lost if the source were lost now: what changed in the last ${ageText(Math.max(0, now - good.at))}`,
        ]),
    `  last drill: ${drilled}`,
    ...(drill?.ok === false && sound !== undefined
      ? [`  last one that came back well: ${sound.id}, ${ageText(Math.max(0, now - sound.at))} ago`]
      : []),
    ...(accepted === undefined ? [] : [`  a person said that the row is right as it is: ${accepted.because}`]),
    ...wrongWithBackup(standing, now).map((each) => `  WRONG: ${each}`),
  ];
}

/** `820 kB`, `1.2 MB`, `3.40 GB`. */
function sizeText(bytes: number): string {
  if (bytes < 1_000_000) return `${Math.ceil(bytes / 1_000)} kB`;
  return bytes < 1_000_000_000 ? `${(bytes / 1_000_000).toFixed(1)} MB` : `${(bytes / 1_000_000_000).toFixed(2)} GB`;
}
