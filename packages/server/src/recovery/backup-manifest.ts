import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurably } from '@headgate/adapters/machine/index';
import type { ClusterCopy } from '@headgate/adapters/postgres-cluster/index';
import { UsageError } from '../config.ts';

/** What a backup of ours says of itself. */
export interface BackupManifest extends ClusterCopy {
  readonly v: 1;
  readonly kind: 'headgate-backup';
  readonly takenAt: string;
  readonly installation: string;
  readonly epoch: number;
  /** At least so much of the log is in it; the head's own signature says whose log. */
  readonly log: { readonly size: number; readonly note: string };
  /** Versions of the control database's schema and of PostgreSQL. */
  readonly schemaVersion: number;
  readonly postgres: number;
  /** Files of the server's folder that are in it, by their path there. */
  readonly folderFiles: readonly string[];
  /** Whether they hold the log's key and people's tokens. */
  readonly secrets: boolean;
}

const FILE = 'backup.json';
const SUM = 'backup.sha256';

/** Writes the manifest, last of all: a backup without one isn't whole. Returns its SHA-256, hexadecimal. */
export async function sealBackup(dir: string, manifest: BackupManifest): Promise<string> {
  const text = `${JSON.stringify(manifest, null, 1)}\n`;
  await writeDurably(join(dir, FILE), text, 0o600);
  const sum = sumOf(text);
  await writeDurably(join(dir, SUM), `${sum}\n`, 0o600);
  return sum;
}

/** Reads a backup's manifest. Throws when it isn't one, or was changed. */
export async function openBackup(dir: string): Promise<{ readonly manifest: BackupManifest; readonly sum: string }> {
  const read = (name: string) =>
    readFile(join(dir, name), 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT')
        throw new UsageError(`${dir} is no backup, or one that wasn't finished: it has no ${name}`);
      throw error;
    });
  const [text, said] = [await read(FILE), (await read(SUM)).trim()];
  const sum = sumOf(text);
  if (sum !== said) throw new Error(`${join(dir, FILE)} isn't what was written: its SHA-256 is ${sum}, not ${said}`);
  const manifest = JSON.parse(text) as BackupManifest;
  if (manifest.kind !== 'headgate-backup' || manifest.v !== 1)
    throw new Error(`${dir} is a backup of a newer Headgate: restore it with that one`);
  return { manifest, sum };
}

function sumOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
