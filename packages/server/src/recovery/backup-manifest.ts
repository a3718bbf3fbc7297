import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurably } from '@headgate/adapters/machine/index';
import { z } from 'zod';
import { UsageError } from '../config.ts';

const count = z.int().min(0);
const MOST_FILES = 1_000_000;

/** Below the folder that it belongs to: neither absolute, nor back up, nor twice the same under two names. */
const path = z
  .string()
  .max(4_096)
  .refine((text) => !text.includes('\0') && text.split('/').every((part) => !['', '.', '..'].includes(part)), {
    error: 'expected a path that stays in the backup',
  });
const sum = z.strictObject({ path, size: count, sha256: z.string().regex(/^[0-9a-f]{64}$/) });

const common = {
  kind: z.literal('headgate-backup'),
  takenAt: z.iso.datetime(),
  installation: z.string(),
  epoch: z.int().min(1),
  /** At least so much of the log is in it; the head's own signature says whose log. */
  log: z.strictObject({ size: count, note: z.string() }),
  /** Versions of the control database's schema and of PostgreSQL. */
  schemaVersion: count,
  postgres: count,
  /** Whether it holds the log's key and people's tokens. */
  secrets: z.boolean(),
  folders: z.array(path).max(MOST_FILES),
  files: z.array(sum.extend({ mode: count, uid: count, gid: count })).max(MOST_FILES),
};

const manifest = z.strictObject({
  v: z.literal(2),
  ...common,
  /** Files of the server's folder that are in it, by their path there. */
  folderFiles: z.array(sum).max(MOST_FILES),
  /** The database's own password. */
  password: sum.extend({ path: z.literal('password') }).exactOptional(),
});
/** Older ones name the folder's files alone: of those only the database's are compared. */
const older = z.strictObject({ v: z.literal(1), ...common, folderFiles: z.array(path).max(MOST_FILES) });

/** What a backup of ours says of itself, as it is written now. */
export type BackupManifest = z.infer<typeof manifest>;
/** As one is read. */
export type ReadManifest = BackupManifest | z.infer<typeof older>;

const FILE = 'backup.json';
const SUM = 'backup.sha256';

/** Writes the manifest, last of all: a backup without one isn't whole. Returns its SHA-256, hexadecimal. */
export async function sealBackup(dir: string, written: BackupManifest): Promise<string> {
  const text = `${JSON.stringify(written, null, 1)}\n`;
  await writeDurably(join(dir, FILE), text, 0o600);
  const own = sumOf(text);
  await writeDurably(join(dir, SUM), `${own}\n`, 0o600);
  return own;
}

/**
 * Reads a backup's manifest. Throws when it isn't one, was changed, or leads out of the backup. The sum beside it finds
 * damage; who can write there can write both, so against that `expected` is the sum as somebody kept it elsewhere.
 */
export async function openBackup(
  dir: string,
  expected?: string,
): Promise<{ readonly manifest: ReadManifest; readonly sum: string }> {
  const read = (name: string) =>
    readFile(join(dir, name), 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT')
        throw new UsageError(`${dir} is no backup, or one that wasn't finished: it has no ${name}`);
      throw error;
    });
  const [text, said] = [await read(FILE), expected ?? (await read(SUM)).trim()];
  const own = sumOf(text);
  if (own !== said) throw new Error(`${join(dir, FILE)} isn't what was written: its SHA-256 is ${own}, not ${said}`);
  const parsed: unknown = JSON.parse(text);
  const version = z.object({ kind: z.literal('headgate-backup'), v: z.literal([1, 2]) }).safeParse(parsed);
  if (!version.success) throw new Error(`${dir} is a backup of a newer Headgate: restore it with that one`);
  const checked = (version.data.v === 1 ? older : manifest).safeParse(parsed);
  if (checked.success) return { manifest: checked.data, sum: own };
  const { path: at = [], message = '' } = checked.error.issues[0] ?? {};
  throw new Error(`${join(dir, FILE)} is no manifest of a backup: ${at.join('/')}: ${message}`);
}

function sumOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
