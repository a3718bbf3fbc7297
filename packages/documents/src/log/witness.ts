/** What a witness demands of a new tree head, and what an auditor demands of a whole log. Pure: no I/O. */
import type { Refused } from '../refusal.ts';
import { refuse } from '../refusal.ts';
import { leafOf } from './entry.ts';
import { EntryChecks } from './entry-checks.ts';
import { Frontier } from './merkle.ts';
import { verifyConsistency } from './proofs.ts';
import type { TreeHead } from './tree-head.ts';

/**
 * Whether a new head continues the one that is held. `shrunk` and `forked` are alarms: keep both notes, since together
 * they prove what the log's keeper did. Without a held head anything is taken (trust on first use; the keys are pinned).
 */
export function judgeHead(
  held: TreeHead | undefined,
  offered: TreeHead,
  proof: readonly Uint8Array[],
): { readonly ok: true; readonly news: boolean } | Refused<'head-shrunk' | 'head-forked' | 'head-origin'> {
  if (held === undefined) return { ok: true, news: true };
  if (held.origin !== offered.origin) {
    return refuse(
      'head-origin',
      'tree head',
      `the held one is of ${held.origin}, the offered one of ${offered.origin}`,
    );
  }
  if (offered.size < held.size) {
    return refuse(
      'head-shrunk',
      'tree head',
      `the log had ${held.size} entries and now claims ${offered.size}: its tail was cut`,
    );
  }
  if (!verifyConsistency(held.size, held.root, offered.size, offered.root, proof)) {
    return refuse(
      'head-forked',
      'tree head',
      `the log of ${offered.size} entries does not continue the one of ${held.size} entries that was seen before`,
    );
  }
  return { ok: true, news: offered.size > held.size };
}

export type LogVerdict =
  | { readonly ok: true; readonly entries: number; readonly root: Buffer }
  | Refused<'log-entry' | 'log-gap' | 'log-size' | 'log-root'>;

/**
 * Verifies a whole log, fed entry by entry in the order of places, against a head that was opened with pinned keys.
 * Checks each entry's form, that every stream's versions run from 1 without a gap, and finally size and root.
 */
export class LogVerifier {
  readonly #frontier = Frontier.empty();
  readonly #checks = new EntryChecks();
  #refusal: Refused<'log-entry' | 'log-gap'> | undefined;

  /** Takes the next entry's stored bytes. */
  add(bytes: Uint8Array): void {
    const place = this.#frontier.size;
    this.#frontier.append(leafOf(bytes));
    this.#refusal ??= this.#checks.check(bytes, place);
  }

  /** The verdict against a trusted head. A log longer than the head is judged only after `add` was stopped at its size. */
  finish(head: TreeHead): LogVerdict {
    if (this.#refusal !== undefined) return this.#refusal;
    const entries = this.#frontier.size;
    if (entries !== head.size)
      return refuse('log-size', 'log', `the signed tree head names ${head.size} entries, the log holds ${entries}`);
    const root = this.#frontier.root();
    if (!root.equals(head.root)) {
      return refuse(
        'log-root',
        'log',
        `its ${entries} entries hash to ${root.toString('hex')}, the signed tree head says ${head.root.toString('hex')}`,
      );
    }
    return { ok: true, entries, root };
  }
}
