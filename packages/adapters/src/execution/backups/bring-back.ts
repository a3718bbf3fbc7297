/** A backup brought back from the vault: in a drill, into a folder that is thrown away; or for good, into an empty one. */
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { countResources } from '@headgate/documents/backups/terraform-state';
import { judgeGitRestore, judgeStateRestore } from '@headgate/domain';
import { syncFolder } from '../../machine/durable-file.ts';
import { makeFolder } from '../../machine/make-folder.ts';
import { unsealParts } from '../vault/unseal-parts.ts';
import { mostBytes } from './backup-config.ts';
import { BackupContents } from './backup-contents.ts';
import { type BackupParts, gitOf, inEmptyFolder, stateOf } from './backup-parts.ts';
import { chooseBackup, type OpenedBackup } from './backup-vault.ts';
import { layOut } from './git-repository.ts';
import { many } from './take-backup.ts';
import { BUNDLE } from './take-git.ts';
import { readState, STATE, shownResources } from './take-state.ts';
import { BackupTrouble } from './trouble.ts';

/** What a drill came to. */
export interface BackupDrill {
  readonly id: string;
  readonly takenAt: number;
  /** What is wrong, each in words; empty: it went well. */
  readonly because: readonly string[];
  /** What was looked at, in words. */
  readonly seen: readonly string[];
  readonly tookMs: number;
}

/**
 * Brings one back, the newest or that of the id, into a folder that is thrown away, and compares it with what was promised when
 * it was taken. Whatever is wrong with it is in the answer; throws only what isn't its own fault: an object store that is away.
 */
export async function drillBackup(
  parts: BackupParts,
  id: string | undefined,
  identities: readonly string[],
): Promise<BackupDrill> {
  const began = performance.now();
  let opened: OpenedBackup | undefined;
  const end = (because: readonly string[], seen: readonly string[]): BackupDrill => ({
    id: opened?.sealed.id ?? id ?? 'the newest',
    takenAt: opened?.sealed.takenAt ?? 0,
    ...{ because: because.map((each) => each.slice(0, 1_000)).slice(0, 20), seen },
    tookMs: Math.round(performance.now() - began),
  });
  try {
    return await inEmptyFolder(parts.workDir, async () => {
      opened = await chooseBackup(parts.store, parts.of, id, parts.trust, parts.signal);
      const { because, seen } = await bringBack(parts, opened, identities);
      return end(because, seen);
    });
  } catch (error) {
    if (error instanceof BackupTrouble && !parts.signal.aborted) return end([error.message], []);
    throw error;
  }
}

export interface Restored {
  /** What appeared, as a path. */
  readonly path: string;
  readonly drill: BackupDrill;
  readonly contents: BackupContents;
}

/**
 * Brings one back for good: a bare repository, or a state's file, in `dir`, which has to be empty or not there. It is compared as
 * in a drill first, and nothing appears that isn't right. Throws {@link BackupTrouble}.
 */
export async function restoreBackup(
  parts: Omit<BackupParts, 'workDir'>,
  id: string | undefined,
  identities: readonly string[],
  dir: string,
): Promise<Restored> {
  const there = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new BackupTrouble(
      `${dir} can't be restored to: ${error.code === 'ENOTDIR' ? 'it is no folder' : error.code}`,
    );
  });
  if (there !== undefined && there.length > 0)
    throw new BackupTrouble(
      `${dir} isn't empty, and nothing is restored over what is there: name an empty folder, or a new one`,
    );
  const began = performance.now();
  if (there === undefined) await makeFolder(dir, 0o700);
  const workDir = join(dir, '.headgate-restore');
  try {
    return await inEmptyFolder(workDir, async () => {
      const own = { ...parts, workDir };
      const opened = await chooseBackup(parts.store, parts.of, id, parts.trust, parts.signal);
      const { because, seen, made, contents } = await bringBack(own, opened, identities);
      if (because.length > 0) throw new BackupTrouble(`${opened.sealed.id} isn't right: ${because.join('; ')}`);
      const path = join(dir, contents.promise.kind === 'git' ? `${parts.of.backup}.git` : STATE);
      await rename(made, path);
      await syncFolder(dir);
      const { id: found, takenAt } = opened.sealed;
      const tookMs = Math.round(performance.now() - began);
      return { path, contents, drill: { id: found, takenAt, because, seen, tookMs } };
    });
  } catch (error) {
    // It was made for this, and nothing is in it.
    if (there === undefined) await rm(dir, { recursive: true, force: true });
    throw error;
  }
}

interface BroughtBack {
  readonly because: readonly string[];
  readonly seen: readonly string[];
  /** Where it lies, in the working folder. */
  readonly made: string;
  readonly contents: BackupContents;
}

async function bringBack(
  parts: BackupParts,
  opened: OpenedBackup,
  identities: readonly string[],
): Promise<BroughtBack> {
  const { workDir } = parts;
  const { id, agent, backup, holds } = opened.sealed;
  const dir = join(workDir, 'back');
  await mkdir(dir, { mode: 0o700 });
  const unsealed = await unsealParts(opened, identities, dir, (value) => {
    const read = BackupContents.safeParse(value);
    if (!read.success) return 'it is a manifest of another form';
    const { data } = read;
    const mine = data.id === id && data.agent === agent && data.backup === backup && data.promise.kind === holds.kind;
    return mine ? data : `it is of ${data.id} of ${data.backup}`;
  });
  if (!unsealed.ok) throw new BackupTrouble(unsealed.why);
  const { contents } = unsealed.value;
  const files = join(dir, 'files');
  const { promise } = contents;
  if (promise.kind === 'git') {
    const made = join(workDir, 'repository.git');
    const { back, wrong } = await layOut(await gitOf(parts, workDir, false), join(files, BUNDLE), made, promise);
    const because = [...wrong, ...judgeGitRestore(promise, back)];
    const seen = [
      many(back.refs.length, 'ref'),
      many(back.commits, 'commit'),
      'every object',
      ...(back.newest === undefined ? [] : [`${many(back.newest.files, 'file')} checked out`]),
    ];
    return { because, seen, made, contents };
  }
  const back = await readState(files, mostBytes(parts.config));
  const because = [...judgeStateRestore(promise, back)];
  const seen = [`serial ${back.serial}`, many(countResources(back), 'resource')];
  const { show } = parts.config.terraform ?? {};
  if (show !== undefined) {
    const shown = await shownResources(stateOf(parts, workDir), show, files).catch((error: Error) => {
      if (!(error instanceof BackupTrouble)) throw error;
      because.push(error.message);
      return undefined;
    });
    if (shown !== undefined) {
      if (shown !== countResources(promise))
        because.push(`${show[0]} shows ${shown} resources, ${countResources(promise)} were promised`);
      seen.push(`shown by ${show[0]}`);
    }
  }
  return { because, seen, made: join(files, STATE), contents };
}
