import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type BackupConfig, sourceText } from '@headgate/adapters/execution/backups/backup-config';
import { readIfThere, writeDurably } from '@headgate/adapters/machine/durable-file';
import { BACKUPS_FOLDER, type BackupStanding, readBackupStanding, STANDING_FILE } from '@headgate/documents';
import type { AgentConfig } from '../config.ts';

/** The folder of one backup in an agent's data: how it stands, and where it is worked on. */
export function backupFolder(dataDir: string, name: string): string {
  return join(dataDir, BACKUPS_FOLDER, name);
}

/** Of what is written down. Characters. */
const MOST_TEXT = 1_500;

/** Where backups go, in words. */
export function vaultText({ backupVault }: Pick<AgentConfig, 'backupVault'>): string {
  const store = backupVault?.store;
  if (store === undefined) return 'no vault';
  const text = store.kind === 'folder' ? `folder ${store.dir}` : `bucket ${store.bucket} at ${store.endpoint}`;
  return text.slice(0, MOST_TEXT);
}

type Where = Pick<AgentConfig, 'dataDir' | 'backupVault'>;

/** How a backup stands, as it was written down; `undefined`: nothing was, or what was is of another source or vault. */
export async function writtenStanding(where: Where, backup: BackupConfig): Promise<BackupStanding | undefined> {
  const text = await readIfThere(join(backupFolder(where.dataDir, backup.name), STANDING_FILE));
  const known = text === undefined ? undefined : readBackupStanding(text);
  return known?.source === sourceText(backup) && known.vault === vaultText(where) ? known : undefined;
}

/** The same, and where there is none one that says that nothing was done yet. */
export async function standingOf(where: Where, backup: BackupConfig): Promise<BackupStanding> {
  const { name, everyMs } = backup;
  const known = await writtenStanding(where, backup);
  if (known !== undefined) return { ...known, everyMs };
  const kind = backup.git === undefined ? 'terraform' : 'git';
  const none = { failures: 0, sinceDrill: 0, findings: [], unreadable: [] };
  return { v: 1, name, kind, source: sourceText(backup), vault: vaultText(where), everyMs, since: Date.now(), ...none };
}

export async function writeStanding(dataDir: string, standing: BackupStanding): Promise<void> {
  const dir = backupFolder(dataDir, standing.name);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await writeDurably(join(dir, STANDING_FILE), `${JSON.stringify(standing)}\n`, 0o600);
}
