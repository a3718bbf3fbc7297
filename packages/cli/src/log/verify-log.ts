/**
 * Verifies the whole log of a server from its bytes: every entry is fetched, its leaf and the root recomputed, and the
 * result compared with the tree head that somebody holds (an agent, an auditor) and with the one that the server signs
 * now. Nothing that the server says is believed but what its key signed; a cut tail and a rewritten entry both show.
 */
import type { Client } from '@headgate/contract';
import { ProblemError } from '@headgate/contract';
import {
  Frontier,
  LogVerifier,
  leafOf,
  type NoteVerifier,
  type TreeHead,
  verifyConsistency,
} from '@headgate/documents';
import { currentNote, openHead } from './heads.ts';

const PAGE = 1_000;

export interface LogVerification {
  readonly ok: boolean;
  /** Entries that were fetched and hashed. */
  readonly entries: number;
  /** Size of the head that was given, if one was. */
  readonly heldSize?: number;
  /** Place of the first entry that doesn't fit, as far as the server's proofs tell. */
  readonly firstBad?: number;
  /** Stable, for programs; absent when it verifies. */
  readonly code?: string;
  readonly why?: string;
}

/**
 * Verifies the log against `headNote`, the signed note that somebody holds; without one, against the server's own newest
 * head alone, which can't show a cut tail. `keys` are the log's verifier keys, from a trusted place.
 */
export async function verifyLog(
  client: Client,
  headNote: string | undefined,
  keys: readonly NoteVerifier[],
): Promise<LogVerification> {
  const held = headNote === undefined ? undefined : openHead(headNote, keys);
  if (held !== undefined && !held.ok) return bad('head', `the held tree head: ${held.why}`, 0);
  const heldSize = held === undefined ? {} : { heldSize: held.head.size };
  const note = await currentNote(client);
  if (note === undefined) return { ...bad('no-head', 'the server has signed no tree head', 0), ...heldSize };
  const current = openHead(note, keys);
  if (!current.ok) return { ...bad('head', `the server's tree head: ${current.why}`, 0), ...heldSize };
  const { size } = current.head;
  if (held !== undefined && size < held.head.size) {
    const why = `the log had ${held.head.size} entries and its server now signs ${size}: its tail was cut, at place ${size} or before; an export from before shows where (headgate log verify FOLDER --earlier EXPORT)`;
    return { ...bad('head-shrunk', why, 0), ...heldSize, firstBad: size };
  }
  return { ...(await verifyEntries(client, current.head, held?.head)), ...heldSize };
}

async function verifyEntries(client: Client, head: TreeHead, held: TreeHead | undefined): Promise<LogVerification> {
  const verifier = new LogVerifier();
  const frontier = Frontier.empty();
  const leaves: Buffer[] = [];
  let forked = false;
  const compareHeld = (): void => {
    if (held !== undefined && frontier.size === held.size) forked = !frontier.root().equals(held.root);
  };
  compareHeld();
  while (leaves.length < head.size) {
    const from = leaves.length;
    const { entries } = await client.call('logEntries', { from, limit: Math.min(PAGE, head.size - from) });
    if (entries.length === 0) {
      const why = `the signed tree head names ${head.size} entries, the server hands out ${from}`;
      return { ...bad('log-size', why, from), firstBad: from };
    }
    for (const { place, bytes: base64 } of entries) {
      if (place !== leaves.length) {
        const why = `expected the entry at place ${leaves.length}, the server handed out ${place}`;
        return { ...bad('log-order', why, leaves.length), firstBad: leaves.length };
      }
      const bytes = Buffer.from(base64, 'base64');
      const leaf = leafOf(bytes);
      verifier.add(bytes);
      frontier.append(leaf);
      leaves.push(leaf);
      compareHeld();
    }
  }
  const verdict = verifier.finish(head);
  if (verdict.ok && !forked) return { ok: true, entries: verdict.entries };
  const code = verdict.ok ? 'head-forked' : verdict.code;
  const why = verdict.ok ? 'the log does not continue the tree head that is held' : verdict.why;
  const told = verdict.ok || verdict.where === '' ? [] : [Number(verdict.where)];
  const rootFits = frontier.root().equals(head.root) && !forked;
  const proven = rootFits ? undefined : await firstUnproven(client, leaves, forked && held !== undefined ? held : head);
  const places = proven === undefined ? told : [...told, proven];
  const firstBad = places.length === 0 ? undefined : Math.min(...places);
  return { ...bad(code, why, leaves.length), ...(firstBad === undefined ? {} : { firstBad }) };
}

/** The first entry that isn't in the signed tree: a search by consistency proofs of what we hashed against the head. */
async function firstUnproven(client: Client, leaves: readonly Buffer[], head: TreeHead): Promise<number | undefined> {
  let good = 0;
  let wrong = Math.min(head.size, leaves.length);
  while (wrong - good > 1) {
    const middle = Math.floor((good + wrong) / 2);
    const frontier = Frontier.empty();
    for (let i = 0; i < middle; i++) frontier.append(leaves[i] as Buffer);
    let fits = false;
    try {
      const { proof } = await client.call('logConsistency', { from: middle, to: head.size });
      const hashes = proof.map((hash) => Buffer.from(hash, 'base64'));
      fits = verifyConsistency(middle, frontier.root(), head.size, head.root, hashes);
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      return undefined;
    }
    if (fits) good = middle;
    else wrong = middle;
  }
  return good;
}

function bad(code: string, why: string, entries: number): LogVerification {
  return { ok: false, entries, code, why };
}
