import { z } from 'zod';
import type { Bounds, PgBackRest } from './pgbackrest.ts';
import { plainLine, UNREADABLE } from './words.ts';

const Backup = z.object({
  label: z.string().regex(/^\d{8}-\d{6}F(_\d{8}-\d{6}[DI])?$/),
  type: z.enum(['full', 'diff', 'incr']),
  /** PostgreSQL's own checksums of pages were wrong as it was taken. */
  error: z.boolean().nullish(),
  archive: z.object({ start: z.string(), stop: z.string() }),
  lsn: z.object({ start: z.string(), stop: z.string() }),
  timestamp: z.object({ start: z.number(), stop: z.number() }),
  info: z.object({ size: z.number() }),
  database: z.object({ id: z.number() }),
  /** Those that it can't be brought back without. */
  reference: z.array(z.string()).nullish(),
  annotation: z.record(z.string(), z.string()).nullish(),
});
/** A backup in the repository. */
export type Backup = z.output<typeof Backup>;

const Info = z
  .array(
    z.object({
      backup: z.array(Backup),
      db: z.array(z.object({ id: z.number(), 'system-id': z.union([z.number(), z.string()]), version: z.string() })),
      repo: z.array(z.object({ status: z.object({ code: z.number(), message: z.string().optional() }) })),
    }),
  )
  .length(1);

export interface RepositoryInfo {
  /** Oldest first. */
  readonly backups: readonly Backup[];
  /** PostgreSQL's major version. */
  readonly major: number | undefined;
}

export type InfoAnswer =
  | { readonly ok: true; readonly info: RepositoryInfo }
  | { readonly ok: false; readonly why: string; readonly later: boolean };

/** Of pgBackRest's answers to `info`: no stanza there yet, and none of its backups. */
const EMPTY: ReadonlySet<number> = new Set([1, 2]);

/**
 * What lies in the repository. Its own status is looked at, since `info` ends with 0 whatever it found; of an error's text
 * only plain text is passed on, since it quotes what it couldn't decrypt.
 */
export async function repositoryInfo(own: PgBackRest, bounds: Bounds): Promise<InfoAnswer> {
  const away = await own.away();
  if (away !== undefined) return { ok: false, why: `${own.name}: ${away}`, later: true };
  const ran = await own.run(['info', '--output=json'], bounds);
  if (!ran.ok) return ran;
  const parsed = Info.safeParse(parsedJson(ran.output));
  const [stanza] = parsed.success ? parsed.data : [];
  // Bytes that it couldn't decrypt stand in its JSON as they are, and make it none.
  if (stanza === undefined) return { ok: false, why: `${own.name}: ${UNREADABLE}`, later: false };
  const { code, message = '' } = stanza.repo[0]?.status ?? { code: 99 };
  if (code !== 0 && !EMPTY.has(code)) return { ok: false, ...statusTrouble(own.name, message) };
  const major = Number.parseInt(stanza.db.at(-1)?.version ?? '', 10);
  return { ok: true, info: { backups: stanza.backup, major: Number.isNaN(major) ? undefined : major } };
}

const WithDatabases = z
  .array(
    z.object({
      backup: z
        .array(
          z.object({ label: z.string(), 'database-ref': z.array(z.object({ name: z.string(), oid: z.number() })) }),
        )
        .length(1),
    }),
  )
  .length(1);

export type DatabasesAnswer =
  | { readonly ok: true; readonly databases: readonly { readonly name: string; readonly oid: number }[] }
  | { readonly ok: false; readonly why: string; readonly later: boolean };

/** The databases that a backup has, with their numbers; PostgreSQL's own templates aren't among them. */
export async function databasesIn(own: PgBackRest, label: string, bounds: Bounds): Promise<DatabasesAnswer> {
  const ran = await own.run(['info', `--set=${label}`, '--output=json'], bounds);
  if (!ran.ok) return ran;
  const parsed = WithDatabases.safeParse(parsedJson(ran.output));
  const [backup] = parsed.success ? parsed.data[0]!.backup : [];
  if (backup?.label !== label) return { ok: false, why: `${own.name}: ${UNREADABLE}`, later: false };
  return { ok: true, databases: backup['database-ref'] };
}

/** By the kind of error: `[CryptoError] …`. What doesn't answer may do so later. */
function statusTrouble(name: string, message: string): { readonly why: string; readonly later: boolean } {
  const unreadable = /^\[((Format|Checksum)Error\]|CryptoError\] .*(flush|cipher|decrypt))/.test(message);
  const meaning = unreadable ? `${UNREADABLE} — ` : '';
  const told = plainLine(message.split('\n', 1)[0]!) ?? 'it doesn’t say why in plain text';
  return { why: `${name}: ${meaning}${told}`, later: !unreadable };
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
