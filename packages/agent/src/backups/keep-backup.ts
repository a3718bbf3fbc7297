/**
 * One backup from its beginning to its end: taken, sealed and read back, brought back in a drill, and only then the older ones
 * are removed. How it stands is written down after each part; what goes wrong is told and written down, and touches nothing
 * that was good before. A kill anywhere loses nothing: what the vault holds counts, also what nobody wrote down any more.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type BackupConfig,
  type BackupParts,
  drillBackup,
  findingsIn,
  heldText,
  type ListedBackup,
  listBackups,
  openlyHeldText,
  takeBackup,
  tidyBackups,
} from '@headgate/adapters/execution/backups/index';
import { openObjectStore } from '@headgate/adapters/execution/object-store/open-object-store';
import { type CellHold, holdCell, holderOf } from '@headgate/adapters/execution/process/cell-hold';
import { readIdentities } from '@headgate/adapters/execution/vault/read-identities';
import { ownSigner, vaultKey } from '@headgate/adapters/execution/vault/vault-key';
import type { BackupStanding, Trust } from '@headgate/documents';
import { backupDueAt, drillIsDue } from '@headgate/domain';
import type { AgentConfig } from '../config.ts';
import { backupFolder, standingOf, writeStanding } from './standing-file.ts';
import { StateSums } from './state-sums.ts';

export interface BackupAsk {
  readonly config: AgentConfig;
  readonly backup: BackupConfig;
  /** Whose manifests count, beside those that this agent sealed. */
  readonly trust: Pick<Trust, 'signers'>;
  /** age's identity for the drill; without it the vault's own. */
  readonly identityFile?: string | undefined;
  readonly signal: AbortSignal;
  /** `false`: a person waits for it. */
  readonly yields: boolean;
  readonly say: (how: 'info' | 'error', words: string, facts?: Readonly<Record<string, unknown>>) => void;
}

/** Another process is at this backup. */
export class BackupBusy extends Error {}

/** What is worked with, for one backup of an agent's. The folder is `work`, below the backup's own. */
export async function backupParts({ config, backup, trust, signal, yields }: BackupAsk): Promise<BackupParts> {
  const vault = config.backupVault;
  if (vault === undefined) throw new Error(`there is no vault for ${backup.name}`);
  const key = await vaultKey(vault.keyFile);
  return {
    of: { agent: config.name, backup: backup.name },
    ...{ config: backup, vault, key, signal, yields },
    store: await openObjectStore(vault.store),
    trust: { signers: [ownSigner(key), ...trust.signers] },
    workDir: join(backupFolder(config.dataDir, backup.name), 'work'),
  };
}

/** One backup and what belongs to it. `due`: only when it is; `drill`: of the newest, and none is taken. */
export async function keepBackup(
  ask: BackupAsk,
  how: 'due' | 'now' | { readonly drill: string | undefined },
): Promise<BackupStanding> {
  const { config, backup, signal, say } = ask;
  const hold = await heldBackup(config.dataDir, backup.name);
  try {
    const work = new KeptBackup(ask, await standingOf(config, backup));
    await work.keep(how).catch((error: Error) => {
      if (signal.aborted) throw error;
      return work.failed(error.message);
    });
    return work.standing;
  } catch (error) {
    if (!signal.aborted)
      say('error', 'how the backup stands couldn’t be written down', { why: (error as Error).message });
    throw error;
  } finally {
    await hold.release();
  }
}

/** A person says that the row of what was taken is right as it is. Answers how many findings that were. */
export async function acceptFindings(ask: BackupAsk, because: string): Promise<number> {
  const { config, backup } = ask;
  const hold = await heldBackup(config.dataDir, backup.name);
  try {
    const standing = await standingOf(config, backup);
    const { findings, good } = standing;
    if (findings.length === 0 || good === undefined) return 0;
    await writeStanding(config.dataDir, { ...standing, findings: [], accepted: { at: good.at, because } });
    return findings.length;
  } finally {
    await hold.release();
  }
}

async function heldBackup(dataDir: string, name: string): Promise<CellHold> {
  const dir = backupFolder(dataDir, name);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  return holdCell(dir).catch(async (error: Error) => {
    const holder = await holderOf(dir).catch(() => undefined);
    if (holder === undefined) throw error;
    const pid = holder.pid === undefined ? '' : ` (pid ${holder.pid})`;
    throw new BackupBusy(`another process${pid} is at the backup ${name}; ask again when it is through`);
  });
}

class KeptBackup {
  standing: BackupStanding;
  readonly #ask: BackupAsk;

  constructor(ask: BackupAsk, standing: BackupStanding) {
    this.#ask = ask;
    this.standing = standing;
  }

  async keep(how: 'due' | 'now' | { readonly drill: string | undefined }): Promise<void> {
    const { backup } = this.#ask;
    const parts = await backupParts(this.#ask);
    if (typeof how === 'object') await this.#drill(parts, how.drill);
    else {
      const { backups } = await listBackups(parts.store, parts.of, parts.trust, parts.signal);
      await this.#adopt(backups);
      const { good, failures } = this.standing;
      const goodAt = good === undefined ? {} : { goodAt: good.at };
      if (how === 'due' && backupDueAt(backup.everyMs, { failures, ...goodAt }, Date.now()) > Date.now()) return;
      await this.#take(parts);
      const { sinceDrill, drill } = this.standing;
      if (this.#identityFile !== undefined && drillIsDue(backup.drillEvery, { sinceDrill, lastWell: drill?.ok }))
        await this.#drill(parts, this.standing.good?.id);
    }
    await this.#tidy(parts);
  }

  async failed(why: string): Promise<void> {
    const { failures } = this.standing;
    this.#ask.say('error', 'the backup failed; the older ones stay', { backup: this.standing.name, why });
    await this.#write({ failures: failures + 1, last: { at: Date.now(), ok: false, why: why.slice(0, 1_000) } });
  }

  /** One that lies in the vault and that nobody wrote down: of an agent that was killed, or whose folder is new. */
  async #adopt(backups: readonly ListedBackup[]): Promise<void> {
    const newest = backups.find(({ readable }) => readable)?.sealed;
    if (newest === undefined || newest.takenAt <= (this.standing.good?.at ?? 0)) return;
    const { id, takenAt, sealedAt, bytes, holds } = newest;
    const good = { id, at: takenAt, tookMs: Math.max(0, sealedAt - takenAt), bytes, holds: openlyHeldText(holds) };
    await this.#write({ good, sinceDrill: this.standing.sinceDrill + 1 });
  }

  async #take(parts: BackupParts): Promise<void> {
    const began = performance.now();
    const { sealed, promise, stateSum } = await takeBackup(parts);
    const { id, takenAt: at, bytes } = sealed;
    if (stateSum !== undefined) await (await this.#sums()).add(id, stateSum);
    const good = { id, at, tookMs: Math.round(performance.now() - began), bytes, holds: heldText(promise) };
    await this.#write({ good, sinceDrill: this.standing.sinceDrill + 1, failures: 0, last: { at, ok: true } });
    this.#ask.say('info', 'backup taken, sealed and read back', { backup: this.standing.name, ...good });
  }

  #sums(): Promise<StateSums> {
    return StateSums.read(this.#ask.config.dataDir, this.#ask.backup.name);
  }

  get #identityFile(): string | undefined {
    return this.#ask.identityFile ?? this.#ask.config.backupVault?.drill?.identityFile;
  }

  async #drill(parts: BackupParts, id: string | undefined): Promise<void> {
    const { signal, say } = this.#ask;
    const file = this.#identityFile;
    if (file === undefined)
      throw new Error('a drill needs an identity: --identity FILE, or drill.identityFile of the vault');
    const found = await drillBackup(parts, id, await readIdentities(file)).catch((error: Error) => {
      if (signal.aborted) throw error;
      const because = [`it couldn’t be carried out: ${error.message.slice(0, 1_000)}`];
      return { id: id ?? 'the newest', because, seen: [], tookMs: 0 };
    });
    const ok = found.because.length === 0;
    const at = Date.now();
    const { because, seen, tookMs } = found;
    const drill = { id: found.id, at, ok, because: [...because], tookMs, seen: [...seen] };
    await this.#write({ drill, sinceDrill: 0, ...(ok && { sound: { id: found.id, at } }) });
    if (ok) say('info', 'the backup was brought back in a drill', { backup: this.standing.name, ...drill });
    else
      say('error', 'the drill of a backup failed; no older one is removed', { backup: this.standing.name, ...drill });
  }

  /** What can't be brought back doesn't take the place of what perhaps can; and what is odd waits for a person. */
  async #tidy(parts: BackupParts): Promise<void> {
    const { say, backup } = this.#ask;
    const { backups, left } = await listBackups(parts.store, parts.of, parts.trust, parts.signal);
    const sums = await this.#sums();
    const findings = [...findingsIn(backups, this.standing.accepted?.at, sums.all)];
    await sums.keepOnly(backups.map(({ id }) => id));
    const unreadable = backups
      .flatMap(({ id, readable, why }) => (readable ? [] : [`${id}: ${why}`.slice(0, 1_000)]))
      .slice(0, 20);
    if (findings.length > this.standing.findings.length)
      say('error', 'what was taken is odd; nothing is removed', { backup: this.standing.name, findings });
    const { notRemoved: _, ...standing } = { ...this.standing, findings, unreadable };
    this.standing = standing;
    await this.#write({});
    const { drill, sound } = standing;
    if (drill?.ok !== true || findings.length > 0) return;
    try {
      const gone = await tidyBackups(parts.store, parts.of, backups, left, backup.keep, sound?.id, parts.signal);
      if (gone.length > 0) say('info', 'older backups removed: no rule keeps them', { backup: standing.name, gone });
    } catch (error) {
      if (parts.signal.aborted) throw error;
      await this.#write({ notRemoved: (error as Error).message.slice(0, 1_000) });
    }
  }

  async #write(more: Partial<BackupStanding>): Promise<void> {
    this.standing = { ...this.standing, ...more };
    await writeStanding(this.#ask.config.dataDir, this.standing);
  }
}
