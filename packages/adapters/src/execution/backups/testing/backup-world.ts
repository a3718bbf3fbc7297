/** For tests only: a vault in a folder, a source made by the real git, and what a backup is made with. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { generateSigningKey, signingKey } from '@headgate/documents';
import { FolderStore } from '../../object-store/folder-store.ts';
import { newIdentity } from '../../vault/age-stream.ts';
import { VaultConfig } from '../../vault/vault-config.ts';
import { ownSigner } from '../../vault/vault-key.ts';
import { BackupConfig } from '../backup-config.ts';
import type { BackupParts } from '../backup-parts.ts';

const run = promisify(execFile);

/** The machine's own git, by no configuration but the test's. */
export async function git(cwd: string, ...args: readonly string[]): Promise<string> {
  const env = {
    PATH: process.env.PATH,
    HOME: cwd,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_AUTHOR_NAME: 'a',
    GIT_AUTHOR_EMAIL: 'a@example.invalid',
    GIT_COMMITTER_NAME: 'a',
    GIT_COMMITTER_EMAIL: 'a@example.invalid',
  };
  return (await run('git', args, { cwd, env, maxBuffer: 64 * 1024 * 1024 })).stdout.trim();
}

export interface BackupWorld {
  readonly dir: string;
  readonly vaultDir: string;
  readonly store: FolderStore;
  readonly identity: string;
  readonly recipient: string;
  /** A bare repository, and a clone of it to commit in. */
  readonly source: string;
  readonly clone: string;
  /** Writes a file, commits and pushes it. The commit's name. */
  commit(path: string, text: string): Promise<string>;
  /** All refs of a repository with what they name, and the tree of each commit. */
  refsOf(repository: string): Promise<string>;
  parts(config: object, more?: Partial<BackupParts>): BackupParts;
  remove(): Promise<void>;
}

export async function backupWorld(): Promise<BackupWorld> {
  const dir = await mkdtemp(join(tmpdir(), 'headgate-backups-'));
  const [vaultDir, source, clone] = ['vault', 'source.git', 'clone'].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ];
  await mkdir(vaultDir);
  await git(dir, 'init', '--quiet', '--bare', '--initial-branch=main', source);
  await git(dir, 'clone', '--quiet', source, clone).catch(() => {});
  const { identity, recipient } = await newIdentity();
  const key = signingKey(generateSigningKey().privateKeyPem);
  const store = new FolderStore(vaultDir);
  const vault = VaultConfig.parse({
    store: { kind: 'folder', dir: vaultDir },
    recipients: [recipient],
    keyFile: join(dir, 'key.pem'),
  });
  const world: BackupWorld = {
    ...{ dir, vaultDir, store, identity, recipient, source, clone },
    async commit(path, text) {
      const place = join(clone, path);
      await mkdir(dirname(place), { recursive: true });
      await writeFile(place, text);
      await git(clone, 'add', '--all');
      await git(clone, 'commit', '--quiet', '--message', `writes ${path}`);
      await git(clone, 'push', '--quiet', 'origin', 'HEAD:refs/heads/main');
      return git(clone, 'rev-parse', 'HEAD');
    },
    refsOf: (repository) => git(repository, 'for-each-ref', '--format=%(refname) %(objectname) %(tree)'),
    parts(config, more = {}) {
      const parsed = BackupConfig.parse({ name: 'platform', everyMs: 3_600_000, ...config });
      return {
        of: { agent: 'agent-1', backup: parsed.name },
        ...{ config: parsed, vault, store, key, trust: { signers: [ownSigner(key)] } },
        ...{ workDir: join(dir, 'work'), signal: new AbortController().signal, yields: false },
        ...more,
      };
    },
    remove: () => rm(dir, { recursive: true, force: true }),
  };
  await world.commit('network/vlans.yaml', 'vlan: 12\n');
  return world;
}
