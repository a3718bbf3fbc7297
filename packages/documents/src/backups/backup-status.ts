/** What scheduled backups of Headgate's own database came to, as its server writes it down beside its folder, and what that means now. */
import { z } from 'zod';

/** The file in the server's data folder. */
export const BACKUP_STATUS_FILE = 'backups.json';

const at = z.int().min(0);
const words = z.string().max(2_000);

const status = z.strictObject({
  v: z.literal(1),
  /** Where they go. */
  to: words,
  everyMs: z.int().min(1),
  keep: z.int().min(1),
  /** Since when it is scheduled so. Milliseconds since 1970, as all moments here. */
  since: at,
  /** The last try. */
  last: z.strictObject({ at, ok: z.boolean(), why: words.exactOptional() }).exactOptional(),
  /** The newest backup that was read back. */
  good: z
    .strictObject({ name: words, at, tookMs: z.int().min(0), bytes: z.int().min(0), entries: at, sum: words })
    .exactOptional(),
  /** The last drill. */
  drill: z
    .strictObject({
      name: words,
      at,
      ok: z.boolean(),
      /** What was wrong, each in words. */
      because: z.array(words).max(20),
      tookMs: z.int().min(0),
      entries: at,
      /** Entries that came since that backup: what would be lost. */
      lostEntries: at,
      /** Age of that backup at the end of the drill. Milliseconds. */
      lostMs: at,
    })
    .exactOptional(),
  /** When the last drill ended that went well. */
  soundDrillAt: at.exactOptional(),
  /** Good backups since the last drill. */
  sinceDrill: z.int().min(0),
});
export type BackupStatus = z.infer<typeof status>;

/** Reads it; undefined when that isn't what a server of ours wrote. */
export function readBackupStatus(text: string): BackupStatus | undefined {
  try {
    const parsed = status.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** What is wrong at `now` (milliseconds since 1970), each in words; empty: nothing. No backup, and no drill, is never well. */
export function wrongWithBackups(status: BackupStatus, now: number): readonly string[] {
  const { good, drill, last, everyMs, since } = status;
  const age = now - (good?.at ?? since);
  return [
    ...(age > 2 * everyMs
      ? [
          good === undefined
            ? `no backup was taken in ${hours(age)}, one is due each ${hours(everyMs)}`
            : `the newest good backup (${good.name}) is ${hours(age)} old, one is due each ${hours(everyMs)}`,
        ]
      : []),
    ...(age < 0 ? ['the newest backup is dated ahead of now: set the clock right'] : []),
    ...(last?.ok === false ? [`the last try failed: ${last.why ?? 'it doesn’t say why'}`] : []),
    ...(drill?.ok === false ? [`the last drill failed, of ${drill.name}: ${drill.because.join('; ')}`] : []),
  ];
}

/** The same in lines for people. */
export function backupLines(status: BackupStatus, now: number): readonly string[] {
  const { good, drill, to, everyMs, keep } = status;
  const newest =
    good === undefined
      ? 'none yet'
      : `${good.name}, ${hours(now - good.at)} ago: ${good.entries} entries of the log, ${Math.round(good.bytes / 1e6)} MB in ${seconds(good.tookMs)}, manifest SHA-256 ${good.sum}`;
  const drilled =
    drill === undefined
      ? 'none yet'
      : `${drill.name}, ${hours(now - drill.at)} ago: ${drill.ok ? 'it went well' : 'FAILED'}, ${drill.entries} entries back in ${seconds(drill.tookMs)}; ${drill.lostEntries} entries and ${hours(drill.lostMs)} would have been lost`;
  return [
    `backups into ${to}, each ${hours(everyMs)}, the newest ${keep} are kept`,
    `  newest good backup: ${newest}`,
    `  last drill: ${drilled}`,
    ...wrongWithBackups(status, now).map((each) => `  WRONG: ${each}`),
  ];
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

/** `26.0 h`, `12 min`, `40 s`. */
function hours(ms: number): string {
  if (ms < 120_000) return `${Math.max(0, Math.round(ms / 1_000))} s`;
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${(ms / 3_600_000).toFixed(1)} h`;
}
