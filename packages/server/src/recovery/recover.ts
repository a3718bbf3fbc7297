/**
 * `headgate-server recover`: a person says that the control plane goes on from a backup. Raises the epoch above everything
 * that is remembered, names on the log what is gone, and gives the local users new tokens. No server may run.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openPostgresControl, type PostgresControl } from '@headgate/adapters/control/postgres/index';
import { readIfThere, writeDurably } from '@headgate/adapters/machine/index';
import {
  beginRecovery,
  type Deps,
  hashToken,
  type LostHead,
  type RecoveryRecord,
  rotateToken,
} from '@headgate/control';
import { canonicalBytes, digestOfJson, type NoteSigner, signTreeHead } from '@headgate/documents';
import { MOST_EPOCHS_ABOVE, ROLES } from '@headgate/domain';
import type { Logger } from 'pino';
import { newId } from '../ids.ts';
import { localUser, newToken } from '../installation/first-principals.ts';
import type { Folder } from '../installation/folder.ts';
import { type Installation, openInstallation } from '../installation/log-key.ts';
import { LogMemory, signedHead } from '../installation/log-memory.ts';
import { FileTrust } from '../installation/trust.ts';

export interface RecoverOptions {
  readonly folder: Folder;
  readonly databaseUrl: string;
  readonly by: string;
  readonly because: string;
  /** Files with heads that others remember: an agent's tree-head.note. */
  readonly heads: readonly string[];
  /** An epoch that somebody has seen; ours becomes a higher one. At most MOST_EPOCHS_ABOVE above what is known here. */
  readonly epochAbove: number;
  readonly refuseTokens: boolean;
  readonly log: Logger;
}

export interface Recovered {
  readonly recovery: RecoveryRecord;
  readonly note: string;
  /** Local users whose tokens in this folder are new. */
  readonly rotated: readonly string[];
}

const PLACED_AT_ONCE = 1_000;

/** Recovers; throws with words of what is in the way, having changed nothing. Killed in between, it is run again. */
export async function recover(options: RecoverOptions): Promise<Recovered> {
  const { folder, databaseUrl, log } = options;
  const control = await openPostgresControl({ databaseUrl, poolSize: 4, applicationName: 'headgate recover' });
  try {
    const servers = await control.servers();
    if (servers > 0)
      throw new Error(
        `${servers} sessions of servers work on this database: stop all servers first, then run this again`,
      );
    const base = { store: control.store, blobs: control.blobs, trust: new FileTrust('', log), newId };
    const means = { ...base, digestOf: digestOfJson, canonical: canonicalBytes };
    if ((await control.log.head()) === undefined)
      throw new Error('This database has no log: it is no backup of a Headgate, and there is nothing to go on from');
    const { installation, signer } = await openInstallation(control.store, folder, newId);
    if (signer === undefined)
      throw new Error(
        `${folder.logKey} is not the key that this log is signed with: put it back first (it is in a backup of this folder). Without it no agent believes the restored log`,
      );
    const memory = new LogMemory(folder);
    const remembered = await memory.remembered();
    const most = Math.max(remembered?.epoch ?? 0, await control.epoch()) + MOST_EPOCHS_ABOVE;
    if (options.epochAbove > most)
      throw new Error(
        `--epoch-above ${options.epochAbove}: at most ${most} is taken, for no restore raises the epoch so far, and its numbers end. Find out what wrote that at the agent`,
      );
    const kept = await placeAll(control, signer);
    const lost = await newestOf(options, installation, remembered?.note);
    const epoch = await control.raiseEpoch(Math.max(remembered?.epoch ?? 0, options.epochAbove) + 1);
    const deps: Deps = { ...means, epoch };
    const laidOut = await memory.laidOut();
    const { by, because, refuseTokens } = options;
    const backup = laidOut === undefined ? {} : { backup: laidOut.backup };
    const gone = lost === undefined ? {} : { lost };
    const begun = await beginRecovery(deps, { kept, ...gone, by, because, refuseTokens, ...backup });
    if (!begun.ok) throw new Error(begun.refusals.map(({ why }) => why).join('; '));
    const rotated = refuseTokens ? await rotateLocal(deps, folder) : [];
    await placeAll(control, signer);
    const note = (await control.log.head())?.note ?? '';
    // Last: until here a server refuses to start on this.
    await memory.goOn({ epoch, note });
    return { recovery: begun.value, note, rotated };
  } finally {
    await control.close();
  }
}

/** Entries of the backup that had no place yet get theirs, so that the log's end is what it is. */
async function placeAll({ log }: PostgresControl, signer: NoteSigner): Promise<{ size: number; root: string }> {
  while ((await log.place(PLACED_AT_ONCE)) > 0);
  await log.publishHead((size, root) => signTreeHead({ origin: signer.name, size, root: Buffer.from(root) }, signer));
  const head = await log.head();
  if (head === undefined) throw new Error('the log has no head');
  return { size: head.size, root: Buffer.from(head.root).toString('hex') };
}

/** The newest head that anybody remembers: this folder, an agent beside it, and those that were given. */
async function newestOf(
  { folder, heads }: RecoverOptions,
  installation: Installation,
  own: string | undefined,
): Promise<LostHead | undefined> {
  const found: LostHead[] = [];
  const take = (note: string, from: string): boolean => {
    const head = signedHead(note, installation);
    if (head !== undefined) found.push({ size: head.size, root: head.root.toString('hex'), note, from });
    return head !== undefined;
  };
  if (own !== undefined) take(own, 'this server');
  const beside = await readIfThere(join(folder.root, 'agent', 'tree-head.note'));
  if (beside !== undefined) take(beside, 'the agent beside this server');
  for (const file of heads)
    if (!take(await readFile(file, 'utf8'), file)) throw new Error(`${file} is no head that this log's key signed`);
  return found.sort((a, b) => b.size - a.size)[0];
}

/** The local users' tokens stand in this folder: they get new ones at once, so that somebody may answer and give the others theirs. */
async function rotateLocal(deps: Deps, folder: Folder): Promise<readonly string[]> {
  const rotated: string[] = [];
  for (const role of ROLES) {
    const id = localUser(role);
    const file = folder.token(role);
    if ((await readIfThere(file)) === undefined) continue;
    const token = newToken(id);
    const done = await rotateToken(deps, { id: 'sys', roles: ['admin'] }, id, hashToken(token));
    if (!done.ok) continue;
    await writeDurably(file, `${token}\n`, 0o600);
    rotated.push(id);
  }
  return rotated;
}
