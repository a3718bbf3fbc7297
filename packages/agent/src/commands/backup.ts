/** `headgate-agent backup`: Git repositories and Terraform's state in the agent's vault: taken, looked at, brought back. */

import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { BackupConfig } from '@headgate/adapters/execution/backups/backup-config';
import {
  chooseBackup,
  heldText,
  listBackups,
  openlyHeldText,
  restoreBackup,
  sourceNow,
} from '@headgate/adapters/execution/backups/index';
import { readIdentities } from '@headgate/adapters/execution/vault/read-identities';
import { type SourceNow, standingLines, type Trust, wrongWithBackup } from '@headgate/documents';
import { tookText } from '@headgate/domain/model/duration';
import { ObjectStoreTrouble } from '@headgate/execution';
import { acceptFindings, type BackupAsk, backupParts, keepBackup } from '../backups/keep-backup.ts';
import { standingOf } from '../backups/standing-file.ts';
import { StateSums } from '../backups/state-sums.ts';
import type { AgentConfig } from '../config.ts';
import { print } from '../output.ts';
import { complain, trustedIn, wrongUsage } from './command-line.ts';
import { interruptible } from './interruptible.ts';

export const BACKUP_USAGE = `headgate-agent backup: Git repositories and Terraform's state in the agent's vault (backups: in its configuration)

  headgate-agent backup NAME --config FILE [--identity FILE] [--json]
  headgate-agent backup NAME --drill --config FILE [--id ID] [--identity FILE] [--json]
  headgate-agent backup NAME --restore-to DIR --config FILE [--id ID] [--identity FILE] [--json]
  headgate-agent backup NAME --list --config FILE [--json]
  headgate-agent backup NAME --accept "…" --config FILE
  headgate-agent backup --status --config FILE [--json]

Without anything else it takes one now, beside the schedule, and drills it when a drill is due.

--drill       brings one back into a folder that is thrown away, and compares it with what was promised when it was taken
--restore-to  does the same and leaves it in DIR, which has to be empty or not there: a bare repository, or the state's file
--list        what lies in the vault under that name
--accept      says why a state that went back, was emptied, holds something else under the same serial, or is of another
              lineage, is right; until then no older one is removed
--status      how each stands: how old the newest is, whether its source has moved since, the last drill, what is wrong
--id          which one, as --list shows it; without it the newest
--identity    age's, mode 0600; without it the vault's drill.identityFile. Without either none is brought back

Exit codes: 0 right, 1 refused, failed, or something is wrong, 2 wrong usage, 3 the vault is away, full, or refuses,
78 configuration, 130 interrupted.
`;

const EXIT = { ok: 0, refused: 1, usage: 2, away: 3, config: 78, interrupted: 130 } as const;

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const OPTIONS = {
  ...{ config: text, id: text, identity: text, accept: text, 'restore-to': text },
  ...{ drill: flag, list: flag, status: flag, json: flag, help: flag },
} as const;
type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];

/** Runs it and answers the exit code. */
export async function backup(args: readonly string[]): Promise<number> {
  let given: { readonly values: Values; readonly positionals: readonly string[] };
  try {
    given = parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS });
  } catch (error) {
    return wrongUsage('backup', error, EXIT.usage);
  }
  const { values, positionals } = given;
  if (values.help === true) {
    print(BACKUP_USAGE);
    return EXIT.ok;
  }
  const [name, ...more] = positionals;
  const wrong = misuse(values, name, more);
  if (wrong !== undefined) return wrongUsage('backup', wrong, EXIT.usage);
  const read = trustedIn(values.config!);
  if (!read.ok) return read.code;
  const { config, trust } = read;
  const known = config.backups.map((each) => each.name);
  if (known.length === 0)
    return complain(
      [`nothing is backed up: ${values.config} has no backups (docs/operations/configuration-backups.md)`],
      EXIT.refused,
    );
  if (name !== undefined && !known.includes(name))
    return complain([`there is no backup ${name}; there are ${known.join(', ')}`], EXIT.refused);
  const over = interruptible();
  try {
    if (values.status === true) return await status(config, trust, values, over.signal);
    return await one(
      askOf(config, trust, config.backups.find((each) => each.name === name)!, values, over.signal),
      values,
    );
  } catch (error) {
    if (over.signal.aborted) return complain(['it was interrupted; nothing half done is left'], EXIT.interrupted);
    return complain([(error as Error).message], error instanceof ObjectStoreTrouble ? EXIT.away : EXIT.refused);
  } finally {
    over.over();
  }
}

function misuse(values: Values, name: string | undefined, more: readonly string[]): string | undefined {
  if (more.length > 0) return `takes one name, and was given ${more[0]} beside it`;
  const ways = (['drill', 'restore-to', 'list', 'accept', 'status'] as const).filter(
    (each) => values[each] !== undefined,
  );
  if (ways.length > 1) return `either ${ways.map((each) => `--${each}`).join(' or ')}`;
  if (values.config === undefined) return 'it needs --config FILE';
  if (values.status === true) return name === undefined ? undefined : '--status is of all of them, without a name';
  if (name === undefined) return 'it needs the NAME of a backup, or --status';
  if (values.id !== undefined && values.drill === undefined && values['restore-to'] === undefined)
    return '--id is for --drill and --restore-to';
  if (values.accept !== undefined && values.accept.trim() === '') return '--accept needs a reason';
  return undefined;
}

function askOf(
  config: AgentConfig,
  trust: Trust,
  backup: BackupConfig,
  values: Values,
  signal: AbortSignal,
): BackupAsk {
  return { config, backup, trust, identityFile: values.identity, signal, yields: false, say: () => {} };
}

async function one(ask: BackupAsk, values: Values): Promise<number> {
  if (values['restore-to'] !== undefined) return restore(ask, values, resolve(values['restore-to']));
  if (values.list === true) return list(ask, values);
  if (values.accept !== undefined) {
    const accepted = await acceptFindings(ask, values.accept.trim().slice(0, 500));
    say(accepted === 0 ? 'there was nothing to accept' : `written down; the schedule removes again what no rule keeps`);
    return EXIT.ok;
  }
  if (values.drill === true) identityOf(ask);
  const before = values.drill === true ? undefined : (await standingOf(ask.config, ask.backup)).good?.id;
  const standing = await keepBackup(ask, values.drill === true ? { drill: values.id } : 'now');
  const { good, drill, last } = standing;
  if (values.json === true) say(JSON.stringify(standing));
  else if (values.drill === true && drill !== undefined) {
    say(
      `${drill.id}: ${drill.ok ? `it came back as it was promised: ${drill.seen.join(', ')}` : 'it did NOT come back as it was promised'} (${tookText(drill.tookMs)})`,
    );
    for (const each of drill.because) say(`  WRONG: ${each}`);
  } else for (const line of standingLines(standing, Date.now())) say(line);
  const well =
    values.drill === true ? drill?.ok === true : last?.ok === true && good?.id !== before && drill?.ok !== false;
  return well && standing.findings.length === 0 ? EXIT.ok : EXIT.refused;
}

async function restore(ask: BackupAsk, values: Values, dir: string): Promise<number> {
  const { workDir: _, ...parts } = await backupParts(ask);
  const { path, drill, contents } = await restoreBackup(parts, values.id, await readIdentities(identityOf(ask)), dir);
  if (values.json === true) {
    say(JSON.stringify({ ok: true, path, id: drill.id, takenAt: drill.takenAt, seen: drill.seen }));
    return EXIT.ok;
  }
  const { promise, source } = contents;
  say(
    `${drill.id} of ${new Date(drill.takenAt).toISOString()} came back as it was promised, in ${tookText(drill.tookMs)}: ${heldText(promise)}`,
  );
  say(`  it was the ${source}`);
  say(`  it is in ${path}`);
  say(
    promise.kind === 'git'
      ? `To have files: git clone ${path}; to bring all of it back to where it was: git -C ${path} push --mirror URL`
      : `It holds secrets. To bring it back, where its configuration is: terraform state push ${path}`,
  );
  return EXIT.ok;
}

async function list(ask: BackupAsk, values: Values): Promise<number> {
  const { store, of, trust, signal } = await backupParts(ask);
  const { backups, left } = await listBackups(store, of, trust, signal);
  if (values.json === true) say(JSON.stringify({ ...of, vault: store.name, backups, left }));
  else {
    say(`${of.backup}, in ${store.name}:`);
    for (const { id, takenAt, sealed, why } of backups)
      say(
        sealed === undefined
          ? `  ${id}  NOT RIGHT: ${why}`
          : `  ${id}  ${new Date(takenAt).toISOString().replace(/\.\d+Z$/, 'Z')}  ${Math.ceil(sealed.bytes / 1_000)} kB  ${openlyHeldText(sealed.holds)}`,
      );
    for (const id of left) say(`  ${id}  not sealed: it doesn't count`);
    if (backups.length + left.length === 0) say('  none');
  }
  return backups.length > 0 && backups.every(({ readable }) => readable) ? EXIT.ok : EXIT.refused;
}

async function status(config: AgentConfig, trust: Trust, values: Values, signal: AbortSignal): Promise<number> {
  const told: unknown[] = [];
  let bad = false;
  for (const backup of config.backups) {
    const ask = askOf(config, trust, backup, values, signal);
    const standing = await standingOf(config, backup);
    const source = standing.good === undefined ? undefined : await askedSource(ask, standing.good.id);
    const now = Date.now();
    const wrong = wrongWithBackup(standing, now);
    bad ||= wrong.length > 0 || standing.good === undefined;
    if (values.json === true)
      told.push({ ...standing, ageMs: standing.good && now - standing.good.at, sourceNow: source, wrong });
    else for (const line of standingLines(standing, now, source)) say(line);
  }
  if (values.json === true) say(JSON.stringify(told));
  return bad ? EXIT.refused : EXIT.ok;
}

/** Whether the source is as the newest backup has it, in words of ours; it is asked now. */
async function askedSource(ask: BackupAsk, id: string): Promise<SourceNow> {
  try {
    const parts = await backupParts(ask);
    const { sealed } = await chooseBackup(parts.store, parts.of, id, parts.trust, parts.signal);
    const sums = await StateSums.read(ask.config.dataDir, ask.backup.name);
    const workDir = `${parts.workDir}-asked-${process.pid}`;
    return await sourceNow({ ...parts, workDir }, sealed, (sum) => sums.isOf(sealed.id, sum));
  } catch (error) {
    ask.signal.throwIfAborted();
    return { unknown: (error as Error).message };
  }
}

function identityOf({ identityFile, config }: BackupAsk): string {
  const file = identityFile ?? config.backupVault?.drill?.identityFile;
  if (file === undefined)
    throw new Error(
      'what lies in the vault is encrypted, and this needs an identity: --identity FILE, or drill.identityFile of the vault',
    );
  return file;
}

function say(line: string): void {
  print(`${line}\n`);
}
