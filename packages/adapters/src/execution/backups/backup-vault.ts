/**
 * Backups in an agent's vault: `backups/<agent>/<name>/<id>/`, sealed as restore points are. Read, listed and tidied up by the
 * same means, under a statement of their own, so that neither passes for the other.
 */
import { type BackupIdentity, openSealedBackup, type SealedBackup, type Trust } from '@headgate/documents';
import { decideRetention, type RetentionRule, stateFindings, type VaultedPoint } from '@headgate/domain';
import type { ObjectStore } from '@headgate/execution';
import { readManifest } from '../vault/open-sealed.ts';
import { LEFT_AFTER_MS, removeSealed } from '../vault/tidy-vault.ts';
import type { PartsUnsealing } from '../vault/unseal-parts.ts';
import type { SealedPlace } from '../vault/vault-keys.ts';
import { foldersIn } from '../vault/vaulted-points.ts';
import { BackupTrouble } from './trouble.ts';

export type BackupName = Omit<BackupIdentity, 'id'>;

export interface ListedBackup extends VaultedPoint {
  /** Absent: its manifest can't be read, or isn't right. */
  readonly sealed?: SealedBackup;
  /** What is wrong with its manifest. */
  readonly why?: string;
}

const NAMES = /^bk-[0-9a-z-]{1,60}$/;

export function backupPrefix({ agent, backup }: BackupName): string {
  return `backups/${agent}/${backup}/`;
}

export function placeOfBackup(of: BackupIdentity): SealedPlace {
  return { id: of.id, prefix: `${backupPrefix(of)}${of.id}/` };
}

/** What lies in a vault of one backup, newest first. */
export async function listBackups(
  store: ObjectStore,
  of: BackupName,
  trust: Pick<Trust, 'signers'>,
  signal: AbortSignal,
): Promise<{ readonly backups: readonly ListedBackup[]; readonly left: readonly string[] }> {
  const backups: ListedBackup[] = [];
  const left: string[] = [];
  for (const [id, { sealed, changedAt }] of await foldersIn(store, backupPrefix(of), NAMES, signal)) {
    if (!sealed) {
      if (changedAt < Date.now() - LEFT_AFTER_MS) left.push(id);
      continue;
    }
    const opened = await openBackup(store, { ...of, id }, trust, signal).catch((error: Error) => {
      if (error instanceof BackupTrouble) return error;
      throw error;
    });
    backups.push(
      opened instanceof BackupTrouble
        ? { id, takenAt: changedAt, readable: false, why: opened.message }
        : { id, takenAt: opened.sealed.takenAt, readable: true, sealed: opened.sealed },
    );
  }
  backups.sort((a, b) => b.takenAt - a.takenAt || (a.id < b.id ? 1 : -1));
  return { backups, left };
}

export type OpenedBackup = Omit<PartsUnsealing, 'sealed'> & { readonly sealed: SealedBackup };

/** Reads a backup's signed manifest: signed by a key of the trust, of this very backup. Throws {@link BackupTrouble}. */
export async function openBackup(
  store: ObjectStore,
  of: BackupIdentity,
  trust: Pick<Trust, 'signers'>,
  signal: AbortSignal,
): Promise<OpenedBackup> {
  const place = placeOfBackup(of);
  const read = await readManifest(store, place, 'sealed backup', signal);
  if (!read.ok) throw new BackupTrouble(read.why);
  if (read.bundle === undefined)
    throw new BackupTrouble(`there is no backup ${of.id} of ${of.backup} in ${store.name}`);
  const opened = openSealedBackup(read.bundle, trust, of);
  if (!opened.ok) throw new BackupTrouble(`sealed.json of ${of.id}: ${opened.why}`);
  return { store, place, sealed: opened.sealed, manifest: opened.manifest, signal };
}

/** The one of that id, without one the newest. One that isn't right and newer isn't passed over. Throws {@link BackupTrouble}. */
export async function chooseBackup(
  store: ObjectStore,
  of: BackupName,
  id: string | undefined,
  trust: Pick<Trust, 'signers'>,
  signal: AbortSignal,
): Promise<OpenedBackup> {
  if (id !== undefined) {
    if (!NAMES.test(id)) throw new BackupTrouble(`${id} is no id of a backup`);
    return openBackup(store, { ...of, id }, trust, signal);
  }
  const { backups } = await listBackups(store, of, trust, signal);
  const newest = backups.find(({ readable }) => readable);
  const wrong = backups.find((each) => !each.readable && each.id > (newest?.id ?? ''));
  if (wrong !== undefined)
    throw new BackupTrouble(`the newest isn't right: ${wrong.why}; name an older one with --id if you want that`);
  if (newest === undefined) throw new BackupTrouble(`no backup of ${of.backup} lies in ${store.name}`);
  return openBackup(store, { ...of, id: newest.id }, trust, signal);
}

/**
 * What is odd in a row of backups: of states alone. `acceptedAt`: up to which one a person said that it is right; `sums`: of
 * what states hold, by backup, as far as anybody here knows.
 */
export function findingsIn(
  backups: readonly ListedBackup[],
  acceptedAt: number | undefined,
  sums: Readonly<Record<string, string>> = {},
): readonly string[] {
  const states = backups.flatMap(({ sealed }) => {
    if (sealed?.holds.kind !== 'terraform') return [];
    const { id, takenAt, holds } = sealed;
    const sum = sums[id];
    return [{ ...holds, id, takenAt, ...(sum !== undefined && { sum }) }];
  });
  return stateFindings(states, acceptedAt).slice(0, 20);
}

/** Removes what no rule keeps, and what was never sealed. `sound`: came back well in a drill, and stays. */
export async function tidyBackups(
  store: ObjectStore,
  of: BackupName,
  backups: readonly ListedBackup[],
  left: readonly string[],
  rule: RetentionRule,
  sound: string | undefined,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { remove } = decideRetention(backups, rule, new Set(), Date.now());
  const gone = [...remove.map(({ id }) => id).filter((id) => id !== sound), ...left];
  for (const id of gone) await removeSealed(store, placeOfBackup({ ...of, id }).prefix, signal);
  await store.sweep(backupPrefix(of), Date.now() - LEFT_AFTER_MS, signal);
  return gone;
}
