/**
 * What this server's folder remembers of the log, beside the database: the newest signed head that it has seen, and the
 * epoch. A database that was restored from a backup has forgotten that head, so a server notices a restore of which nobody
 * told it, and does nothing on a forgotten past.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readIfThere, writeDurably } from '@headgate/adapters/machine/index';
import type { LogStore } from '@headgate/control';
import { consistencyProof, judgeHead, openTreeHead, parseVerifierKey, type TreeHead } from '@headgate/documents';
import type { Folder } from './folder.ts';

export interface Remembered {
  readonly epoch: number;
  /** The signed note of the newest head. */
  readonly note: string;
}

/** The database's log doesn't go on from what this folder remembers. */
export class ForgottenPast extends Error {
  /** As much is there as was seen, and it is something else: that is no restore, it is another history. */
  readonly forked: boolean;
  constructor(why: string, forked = false) {
    super(
      `${why}. The database was restored from a backup, or is another one; nothing is done on it before somebody says so: stop all servers, then run\n  headgate-server recover --because "…" --by NAME   (with the same --data and database as the server)\nSee docs/operations/backup-and-restore.md`,
    );
    this.name = 'ForgottenPast';
    this.forked = forked;
  }
}

export class LogMemory {
  readonly #path: string;
  /** Left by a restore of ours until somebody recovers. */
  readonly #marker: string;
  #last: Remembered | undefined;

  constructor(folder: Pick<Folder, 'root'>) {
    this.#path = join(folder.root, 'newest-head.json');
    this.#marker = join(folder.root, 'restored.json');
  }

  async remembered(): Promise<Remembered | undefined> {
    const text = await readIfThere(this.#path);
    return text === undefined ? undefined : (JSON.parse(text) as Remembered);
  }

  /** What a restore of ours laid out here, of which nobody has said yet that it is to go on. */
  async laidOut(): Promise<{ readonly backup: string; readonly takenAt: string } | undefined> {
    const text = await readIfThere(this.#marker);
    return text === undefined ? undefined : JSON.parse(text);
  }

  /**
   * Throws {@link ForgottenPast} when the log lacks something that this folder has seen; remembers its newest head else.
   * `recovered`: a person said, through another server's folder, that it goes on so in this epoch.
   */
  async check(log: LogStore, epoch: number, recovered: () => Promise<boolean>): Promise<void> {
    const laidOut = await this.laidOut();
    if (laidOut !== undefined) throw new ForgottenPast(`This folder was restored from the backup ${laidOut.backup}`);
    this.#last ??= await this.remembered();
    const last = this.#last;
    const stored = await log.head();
    if (stored?.note === last?.note && epoch === (last?.epoch ?? epoch)) return;
    const said = last !== undefined && epoch > last.epoch && (await recovered());
    if (last !== undefined && !said) await demandContinuation(log, last, epoch, stored?.note);
    if (stored !== undefined) await this.remember({ epoch, note: stored.note });
  }

  async remember(newest: Remembered): Promise<void> {
    await writeDurably(this.#path, `${JSON.stringify(newest)}\n`);
    this.#last = newest;
  }

  /** Somebody said that what was laid out here is to go on. */
  async goOn(newest: Remembered): Promise<void> {
    await this.remember(newest);
    await rm(this.#marker, { force: true });
  }
}

async function demandContinuation(
  log: LogStore,
  last: Remembered,
  epoch: number,
  note: string | undefined,
): Promise<void> {
  const held = headOf(last.note);
  const size = note === undefined ? 0 : headOf(note).size;
  if (epoch < last.epoch)
    throw new ForgottenPast(`The database is at epoch ${epoch}, and this server has seen ${last.epoch}`);
  if (note === undefined || size < held.size)
    throw new ForgottenPast(
      `The log holds ${size} entries, and this server has seen ${held.size}: entries ${size} to ${held.size - 1} are gone`,
    );
  const nodes = (ids: Parameters<LogStore['nodes']>[0]) => log.nodes(ids) as Promise<Buffer[]>;
  const proof = held.size > 0 && size > held.size ? await consistencyProof({ nodes }, held.size, size) : [];
  const judged = judgeHead(held, headOf(note), proof);
  if (!judged.ok) throw new ForgottenPast(`The log isn't the one that this server has seen: ${judged.why}`, true);
}

/** Of a note that this installation wrote: its own signature is checked where it isn't ours. */
export function headOf(note: string): TreeHead {
  const [origin = '', size, root] = note.split('\n');
  return { origin, size: Number(size), root: Buffer.from(root ?? '', 'base64') };
}

/** A head that somebody else remembers, when it is signed by the log's key; undefined: it proves nothing. */
export function signedHead(note: string, { origin, logKey }: { origin: string; logKey: string }): TreeHead | undefined {
  const key = parseVerifierKey(logKey);
  if (!key.ok) return undefined;
  const opened = openTreeHead(note, { origin, logKeys: [key.key] });
  return opened.ok ? opened.head : undefined;
}
