/** A folder of scheduled backups: what is in it, under names that sort by time, and what goes once newer ones are good. */
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Only what is named so is ours to remove. */
const NAME = /^headgate-\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}-\d{3}Z$/;

export function backupName(at: Date): string {
  return `headgate-${at.toISOString().replace(/[:.]/g, '-')}`;
}

/** The newest first. `whole`: its manifest was written, which is done last of all. */
export async function backupsIn(dir: string): Promise<readonly { readonly name: string; readonly whole: boolean }[]> {
  const names = (await readdir(dir)).filter((name) => NAME.test(name)).sort();
  const found = await Promise.all(
    names.map(async (name) => ({
      name,
      whole: (await stat(join(dir, name, 'backup.sha256')).catch(() => undefined)) !== undefined,
    })),
  );
  return found.reverse();
}

/** Removes whole backups beyond the newest `keep`, and what a killed server left unfinished. Answers their names. */
export async function removeOlder(dir: string, keep: number): Promise<readonly string[]> {
  const all = await backupsIn(dir);
  const old = [...all.filter(({ whole }) => whole).slice(keep), ...all.filter(({ whole }) => !whole)];
  for (const { name } of old) await rm(join(dir, name), { recursive: true, force: true });
  return old.map(({ name }) => name);
}
