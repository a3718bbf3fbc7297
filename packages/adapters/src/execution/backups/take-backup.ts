import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf, type SealedBackup, signSealedBackup } from '@headgate/documents';
import { countResources } from '@headgate/documents/backups/terraform-state';
import { unmetDemands } from '../vault/demands.ts';
import { sealManifest, sealParts } from '../vault/seal-parts.ts';
import { sourceText } from './backup-config.ts';
import type { BackupContents, BackupPromise } from './backup-contents.ts';
import { type BackupParts, gitOf, inEmptyFolder, stateOf } from './backup-parts.ts';
import { placeOfBackup } from './backup-vault.ts';
import { refsSha256 } from './git-repository.ts';
import { askedRefs, BUNDLE, takeGit } from './take-git.ts';
import { askedState, STATE, takeState } from './take-state.ts';
import { BackupTrouble } from './trouble.ts';

const MIB = 1024 * 1024;

export interface TakenBackup {
  readonly sealed: SealedBackup;
  readonly promise: BackupPromise;
  /** Of a state's content: a secret, as what it is of. */
  readonly stateSum?: string;
}

/**
 * Takes one and seals it in the vault, where it is read back. Throws {@link BackupTrouble}, and what an object store throws;
 * nothing that lay there before is touched.
 */
export async function takeBackup(parts: BackupParts): Promise<TakenBackup> {
  const { config, vault, store, workDir, signal } = parts;
  return inEmptyFolder(workDir, async () => {
    const unmet = await unmetDemands(vault, store, workDir, signal);
    if (unmet.length > 0) throw new BackupTrouble(`the vault isn't what is demanded of it: ${unmet.join('; ')}`);
    const dir = join(workDir, 'taken');
    // What isn't a store's database lies with the files.
    const files = join(dir, 'files');
    await mkdir(files, { recursive: true, mode: 0o700 });
    const takenAt = Date.now();
    const { promise, ...more } = await takenInto(parts, files);
    const path = `files/${config.git === undefined ? STATE : BUNDLE}`;
    const id = `bk-${new Date(takenAt)
      .toISOString()
      .replace(/[-:]|\.\d+/g, '')
      .toLowerCase()}-${randomBytes(3).toString('hex')}`;
    const contents: BackupContents = {
      ...{ v: 1, id, agent: parts.of.agent, backup: parts.of.backup, source: sourceText(config), takenAt, promise },
      files: [await measuredFile(dir, path)],
    };
    return { sealed: await sealBackup(parts, dir, contents), promise, ...more };
  });
}

async function takenInto(parts: BackupParts, files: string): Promise<Omit<TakenBackup, 'sealed'>> {
  const { config, workDir } = parts;
  if (config.git !== undefined)
    return { promise: { kind: 'git', ...(await takeGit(await gitOf(parts, workDir, true), config.git, files)) } };
  const { state, sum } = await takeState(stateOf(parts, workDir), files);
  return { promise: { kind: 'terraform', ...state }, stateSum: sum };
}

/** Seals what lies in a folder, as its own manifest says. */
export async function sealBackup(parts: BackupParts, dir: string, contents: BackupContents): Promise<SealedBackup> {
  const { vault, store, key, signal } = parts;
  const manifest = `${JSON.stringify(contents)}\n`;
  const place = placeOfBackup({ ...parts.of, id: contents.id });
  const { recipients } = vault;
  const own = { dir, manifest, files: contents.files, recipients, partBytes: vault.partMiB * MIB };
  const written = await sealParts({ store, place, ...own, signal });
  if (!written.ok) throw new BackupTrouble(written.why);
  const { id, agent, backup, takenAt, promise } = contents;
  const sealed: SealedBackup = {
    ...{ v: 1, id, agent, backup, takenAt, sealedAt: Date.now(), holds: openlyHeld(promise) },
    files: contents.files.length,
    bytes: contents.files.reduce((sum, file) => sum + file.size, 0),
    recipients: [...recipients],
    ...written.value,
  };
  const put = await sealManifest(store, place, signSealedBackup(sealed, digestOf(manifest), key), signal);
  if (!put.ok) throw new BackupTrouble(put.why);
  return sealed;
}

/** As much as may stand in the open. */
function openlyHeld(promise: BackupPromise): SealedBackup['holds'] {
  if (promise.kind === 'git') {
    const { refs, commits } = promise;
    return { kind: 'git', refs: refs.length, commits, refsSha256: refsSha256(promise) };
  }
  const { version, lineage, serial } = promise;
  return { kind: 'terraform', version, lineage, serial, resources: countResources(promise) };
}

/** `1 ref`, `2 refs`. */
export function many(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}

/** What it holds, in words for people. */
export function heldText(promise: BackupPromise): string {
  if (promise.kind === 'git') {
    const { refs, commits, newest } = promise;
    return `${many(refs.length, 'ref')}, ${many(commits, 'commit')}${newest === undefined ? '' : `, the newest ${newest.oid.slice(0, 10)}`}`;
  }
  const { serial, lineage, resources } = promise;
  const types = Object.entries(resources).sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  const named = types.slice(0, 5).map(([type, n]) => `${n} ${type}`);
  const more = types.length - named.length;
  const list = [...named, ...(more > 0 ? [`${more} more types`] : [])].join(', ');
  return `serial ${serial} of the lineage ${lineage}, ${many(countResources(promise), 'resource')}${list === '' ? '' : ` (${list})`}`;
}

/** The same from what its signed manifest says in the open. */
export function openlyHeldText(holds: SealedBackup['holds']): string {
  return holds.kind === 'git'
    ? `${many(holds.refs, 'ref')}, ${many(holds.commits, 'commit')}`
    : `serial ${holds.serial} of the lineage ${holds.lineage}, ${many(holds.resources, 'resource')}`;
}

/**
 * Whether the source is still what a backup holds. `sameState`: whether a state of that sum is what that backup holds, as far as
 * anybody here knows; an equal serial alone doesn't say so. Throws {@link BackupTrouble} where it can't be asked.
 */
export async function sourceNow(
  parts: BackupParts,
  newest: SealedBackup,
  sameState: (sum: string) => boolean | undefined = () => undefined,
): Promise<{ readonly moved: boolean; readonly words: string }> {
  const { config, workDir } = parts;
  const { holds } = newest;
  return inEmptyFolder(workDir, async () => {
    if (config.git !== undefined && holds.kind === 'git') {
      const asked = await askedRefs(await gitOf(parts, workDir, true), config.git);
      const moved = refsSha256(asked) !== holds.refsSha256;
      return { moved, words: moved ? `has moved since (${many(asked.refs.length, 'ref')} now)` : 'is as it was' };
    }
    if (holds.kind === 'git' || config.git !== undefined)
      throw new BackupTrouble('the newest backup is of another kind');
    const { state, sum } = await askedState(stateOf(parts, workDir));
    if (state.lineage !== holds.lineage) return { moved: true, words: `is of another lineage now (${state.lineage})` };
    if (state.serial !== holds.serial) return { moved: true, words: `has moved since (serial ${state.serial} now)` };
    const resources = countResources(state);
    const same = resources === holds.resources && sameState(sum);
    if (same === true) return { moved: false, words: 'is as it was' };
    const at = `has the serial ${state.serial}, as it had then`;
    if (same === undefined)
      return { moved: true, words: `${at}; whether it holds the same isn’t known here until the next backup` };
    return { moved: true, words: `${at}, and HOLDS SOMETHING ELSE (${many(resources, 'resource')} now)` };
  });
}

async function measuredFile(dir: string, path: string): Promise<BackupContents['files'][number]> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(join(dir, path))) hash.update(chunk as Buffer);
  return { path, size: (await stat(join(dir, path))).size, sha256: hash.digest('hex') };
}
