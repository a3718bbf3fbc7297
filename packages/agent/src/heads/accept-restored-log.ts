/**
 * A person's word that the log was restored from a backup, and that this agent takes up the restored one. The server alone
 * can't say so: it would be the one who rewrote history. What was held before is kept, as evidence of what is gone.
 */
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { holdCell } from '@headgate/adapters/execution/process/cell-hold';
import { readIfThere, readSecret, syncFolder, writeDurably } from '@headgate/adapters/machine/durable-file';
import { judgeHead, openTreeHead, type TreeHead, type Trust } from '@headgate/documents';
import type { AgentConfig } from '../config.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';

export interface AcceptParts {
  readonly config: Pick<AgentConfig, 'dataDir' | 'server' | 'tokenFile'>;
  readonly trust: Pick<Trust, 'log'>;
  connect(server: string, token: string): Pick<ControlPlane, 'head' | 'consistency'>;
}

/** Both heads, as a person compares them. */
export interface Heads {
  /** What this agent holds of the log before; undefined: nothing, so there is nothing to accept. */
  readonly held: TreeHead | undefined;
  /** What the server shows now, signed by a pinned key. */
  readonly offered: TreeHead;
  readonly offeredNote: string;
}

/**
 * Whether the log that is offered continues a head that a person compared: it goes on growing while they do. Throws when the
 * server is away.
 */
export async function continues({ config, connect }: AcceptParts, compared: string, heads: Heads): Promise<boolean> {
  const [, size, root] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(compared.toLowerCase()) ?? [];
  if (size === undefined || root === undefined) return false;
  const { offered } = heads;
  const head = { origin: offered.origin, size: Number(size), root: Buffer.from(root, 'hex') };
  if (head.size > offered.size) return false;
  const plane = connect(config.server, await readSecret(config.tokenFile));
  const grows = head.size > 0 && head.size < offered.size;
  const proof = grows ? await plane.consistency(head.size, offered.size, AbortSignal.timeout(10_000)) : [];
  return judgeHead(head, offered, proof).ok;
}

/** Reads what is held and what is offered. Throws when the server is away, or shows what no pinned key signed. */
export async function headsToCompare({ config, trust, connect }: AcceptParts): Promise<Heads> {
  const own = { origin: trust.log.origin, logKeys: trust.log.logKeys };
  const plane = connect(config.server, await readSecret(config.tokenFile));
  const offeredNote = await plane.head(AbortSignal.timeout(10_000));
  if (offeredNote === undefined) throw new Error('The server shows no tree head yet: start it, and ask again');
  const opened = openTreeHead(offeredNote, own);
  if (!opened.ok)
    throw new Error(
      `The head that the server shows isn't signed by a key of the pinned trust file (${opened.why}). A server that was restored without its keys can't be accepted: give it secrets/log.key back`,
    );
  const held = await readIfThere(join(config.dataDir, 'tree-head.note'));
  const before = held === undefined ? undefined : openTreeHead(held, own);
  return { held: before?.ok ? before.head : undefined, offered: opened.head, offeredNote };
}

/**
 * Takes up the offered log. The agent must not run. Returns the folder in which the head and the alarm of before are kept.
 */
export async function acceptRestoredLog(
  { config }: Pick<AcceptParts, 'config'>,
  { offered, offeredNote }: Heads,
  because: string,
  at: Date,
): Promise<string> {
  const { dataDir } = config;
  const hold = await holdCell(dataDir).catch((error: Error) => {
    throw new Error(`Stop the agent first: ${error.message}`);
  });
  try {
    const kept = join(dataDir, 'replaced-logs', at.toISOString().replace(/[:.]/g, '-'));
    await mkdir(kept, { recursive: true, mode: 0o700 });
    const why = {
      at: at.toISOString(),
      because,
      acceptedSize: offered.size,
      acceptedRoot: offered.root.toString('hex'),
    };
    await writeDurably(join(kept, 'accepted.json'), `${JSON.stringify(why, null, 2)}\n`, 0o600);
    // The alarm goes last: killed in between, the agent goes on refusing, and this is done again.
    for (const name of ['tree-head.cosigned.note', 'tree-head.note'])
      await rename(join(dataDir, name), join(kept, name)).catch(unlessGone);
    await writeDurably(join(dataDir, 'tree-head.note'), offeredNote, 0o600);
    await rename(join(dataDir, 'FORK-ALARM.json'), join(kept, 'FORK-ALARM.json')).catch(unlessGone);
    await syncFolder(dataDir);
    return kept;
  } finally {
    await hold.release();
  }
}

function unlessGone(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
