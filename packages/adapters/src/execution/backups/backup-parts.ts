import { mkdir, rm } from 'node:fs/promises';
import type { SigningKey, Trust } from '@headgate/documents';
import type { ObjectStore } from '@headgate/execution';
import type { VaultConfig } from '../vault/vault-config.ts';
import { type BackupConfig, mostBytes } from './backup-config.ts';
import type { BackupName } from './backup-vault.ts';
import { GitRuns } from './git-runs.ts';
import type { StateRuns } from './take-state.ts';

/** What one backup is made with. */
export interface BackupParts {
  readonly of: BackupName;
  readonly config: BackupConfig;
  readonly vault: VaultConfig;
  readonly store: ObjectStore;
  readonly key: SigningKey;
  readonly trust: Pick<Trust, 'signers'>;
  /** A folder of our own: what is in it is thrown away before and after. */
  readonly workDir: string;
  readonly signal: AbortSignal;
  /** `false`: somebody waits for it; else its programs let all others go first. */
  readonly yields: boolean;
}

/** Does something in an empty folder, of which nothing stays. */
export async function inEmptyFolder<T>(dir: string, work: () => Promise<T>): Promise<T> {
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { recursive: true, mode: 0o700 });
  try {
    return await work();
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** A bundle, a repository out of it, and what either is written by. */
const BACK_TIMES = 4;

/** Git for that backup. `asksSource`: with its credentials and its protocol; else for what lies here alone, to bring it back. */
export function gitOf({ config, signal, yields }: BackupParts, dir: string, asksSource: boolean): Promise<GitRuns> {
  const { git, timeoutMs } = config;
  if (git === undefined) throw new Error(`${config.name} is no Git repository`);
  const times = asksSource ? 1 : BACK_TIMES;
  return GitRuns.open({
    ...{ source: git, dir, timeoutMs, mostBytes: mostBytes(config), times },
    ...{ signal, asksSource, yields },
  });
}

export function stateOf({ config, signal, yields }: BackupParts, dir: string): StateRuns {
  const { terraform, timeoutMs } = config;
  if (terraform === undefined) throw new Error(`${config.name} is no Terraform state`);
  return { source: terraform, dir, timeoutMs, mostBytes: mostBytes(config), signal, yields };
}
