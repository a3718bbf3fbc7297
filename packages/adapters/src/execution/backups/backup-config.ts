import { isIPv4 } from 'node:net';
import { isAbsolute } from 'node:path';
import { NAME_PATTERN } from '@headgate/domain';
import { z } from 'zod';
import { SecretSource } from '../object-store/object-store-config.ts';
import { keepForm } from '../vault/vault-config.ts';

const absolutePath = z.string().max(4_096).refine(isAbsolute, 'an absolute path');
/** It goes into ssh's own command line, which a shell reads. */
const plainPath = z.string().regex(/^\/[A-Za-z0-9._/-]{1,1000}$/, 'an absolute path of letters, digits, . _ / -');
const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'the name of an environment variable');
const command = z.array(z.string().min(1).max(4_096)).min(1).max(100);

const REPOSITORY =
  'an absolute path, https://host/path, ssh://user@host/path, or http:// to this machine alone; without a password, a query or a fragment';

const git = z.strictObject({
  repository: z.string().max(2_000).refine(isRepository, REPOSITORY),
  /** Which refs; all of them, without it. */
  refs: z
    .array(
      z.string().regex(/^refs\/(?!.*(\.\.|\/\/|@\{))[A-Za-z0-9._/@+-]*\*?$/, 'refs/…, the last character perhaps a *'),
    )
    .min(1)
    .max(100)
    .default(['refs/*']),
  /** For https. */
  login: z
    .strictObject({
      username: z.string().regex(/^[^\s:]{1,200}$/, 'a user name'),
      password: SecretSource,
    })
    .optional(),
  /** For ssh: a key without a passphrase (0600), and the file with the host's key, which has to be known already. */
  ssh: z.strictObject({ keyFile: plainPath, knownHostsFile: plainPath }).optional(),
  program: absolutePath.default('/usr/bin/git'),
});

const terraform = z.strictObject({
  /** The state's file … */
  state: absolutePath.optional(),
  /** … or an argument vector that prints it: terraform state pull. */
  command: command.optional(),
  /** Where the program works: the folder of its configuration, after `terraform init`. */
  dir: absolutePath.optional(),
  /** All of the program's environment, beside PATH and HOME. */
  environment: z.record(variable, SecretSource).default({}),
  /** A program that reads a state, terraform or tofu: in a drill it shows what came back, too, and finds as much. */
  show: command.optional(),
});

/** One thing beside the stores that is backed up, by schedule, into the agent's vault. */
export const BackupConfig = z
  .strictObject({
    name: z.string().regex(NAME_PATTERN, 'a name: lower-case letters, digits and hyphens, at most 63'),
    git: git.optional(),
    terraform: terraform.optional(),
    everyMs: z.int().min(1_000).max(31_622_400_000),
    keep: keepForm.prefault({}),
    /** Each so many is brought back in a drill. */
    drillEvery: z.int().min(1).max(1_000).default(1),
    /** The largest that is taken: the repository's objects, or the state. */
    maxMiB: z.int().min(1).max(1_048_576).optional(),
    /** For one of its programs. */
    timeoutMs: z.int().min(1_000).max(86_400_000).default(1_800_000),
  })
  .check(({ value, issues }) => {
    const wrong = (path: readonly string[], message: string): void => {
      issues.push({ code: 'custom', path: [...path], message, input: value });
    };
    const { git: repository, terraform: state } = value;
    if ((repository === undefined) === (state === undefined)) wrong([], 'either git or terraform');
    if (state !== undefined && (state.state === undefined) === (state.command === undefined))
      wrong(['terraform'], 'either state (a file) or command (a program that prints it)');
    if (repository === undefined || !isRepository(repository.repository)) return;
    const kind = protocolOf(repository.repository);
    if (kind === 'ssh' && repository.ssh === undefined)
      wrong(['git', 'ssh'], 'ssh: keyFile and knownHostsFile, for a repository over ssh');
    if (kind !== 'ssh' && repository.ssh !== undefined)
      wrong(['git', 'ssh'], 'no ssh for a repository that isn’t asked over ssh');
    if (kind !== 'https' && kind !== 'http' && repository.login !== undefined)
      wrong(['git', 'login'], 'a login for https alone');
  });
export type BackupConfig = z.output<typeof BackupConfig>;
export type GitSource = NonNullable<BackupConfig['git']>;
export type StateSource = NonNullable<BackupConfig['terraform']>;

const MIB = 1024 * 1024;

/** The largest that is taken. Bytes. */
export function mostBytes({ maxMiB, git: repository }: BackupConfig): number {
  return (maxMiB ?? (repository === undefined ? 64 : 2_048)) * MIB;
}

/** By which protocol a repository is asked; no other one may be spoken, whatever it answers. */
export function protocolOf(repository: string): 'file' | 'https' | 'http' | 'ssh' {
  return isAbsolute(repository) ? 'file' : (repository.slice(0, repository.indexOf(':')) as 'https' | 'http' | 'ssh');
}

/** It is written down with how the backup stands. Characters. */
const MOST_TEXT = 1_500;

/** What is backed up, in words. Holds no secret. */
export function sourceText({ git: repository, terraform: state }: BackupConfig): string {
  if (repository !== undefined) return `Git repository ${repository.repository}`.slice(0, MOST_TEXT);
  const text =
    state?.state === undefined
      ? `Terraform state from ${state?.command?.slice(0, 3).join(' ') ?? ''}`
      : `Terraform state ${state.state}`;
  return text.slice(0, MOST_TEXT);
}

function isRepository(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not pass
  if (/[\x00-\x20\x7f]/.test(text)) return false;
  if (isAbsolute(text)) return true;
  if (!/^(https?|ssh):\/\/[A-Za-z0-9[]/.test(text) || !URL.canParse(text))
    return text.startsWith('ssh://') && isSsh(text);
  const { protocol, hostname, username, password, search, hash, pathname } = new URL(text);
  if (password + search + hash !== '' || pathname.length < 2) return false;
  if (protocol === 'ssh:') return isSsh(text);
  if (username !== '') return false;
  return protocol === 'https:' || isHere(hostname);
}

function isSsh(text: string): boolean {
  return /^ssh:\/\/([A-Za-z0-9_][A-Za-z0-9._-]*@)?[A-Za-z0-9][A-Za-z0-9.-]*(:\d{1,5})?\/[^\s?#]+$/.test(text);
}

function isHere(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || (isIPv4(hostname) && hostname.startsWith('127.'));
}
