import { join } from 'node:path';
import { readIfThere, writeDurably } from '@headgate/adapters/machine/durable-file';
import {
  cosignTreeHead,
  judgeHead,
  type NoteSigner,
  openTreeHead,
  type TreeHead,
  type Trust,
} from '@headgate/documents';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import type { Logger } from '../log.ts';
import { ForkAlarm, type LogTrouble } from './alarm.ts';

/** How long the log may take to show that a step was handed out. The sequencer places entries within a second. Milliseconds. */
const MOST_LAG_MS = 60_000;

interface Held {
  readonly note: string;
  readonly head: TreeHead;
}

export interface WitnessParts {
  readonly dataDir: string;
  readonly trust: Pick<Trust, 'log'>;
  readonly plane: Pick<ControlPlane, 'head' | 'consistency'>;
  readonly key: NoteSigner;
  readonly log: Logger;
}

/**
 * Witnesses the log: takes a signed head only when it continues the one that is held, keeps it, co-signs it, and raises
 * the alarm when it doesn't. What is held here is what an audit compares the log with, out of the server's reach.
 */
export class TreeHeadWitness {
  readonly alarm: ForkAlarm;
  readonly #parts: WitnessParts;
  readonly #path: string;
  #held: Held | undefined;
  /** When the server handed out a step, by the monotonic clock, that no head has shown yet. */
  #owedSince: number | undefined;

  private constructor(parts: WitnessParts, held: Held | undefined) {
    this.#parts = parts;
    this.#path = join(parts.dataDir, 'tree-head.note');
    this.#held = held;
    this.alarm = new ForkAlarm(parts.dataDir, parts.log);
  }

  /** Takes up the head that is held. One that the pinned keys don't verify throws: somebody wrote to our folder. */
  static async open(parts: WitnessParts): Promise<TreeHeadWitness> {
    const path = join(parts.dataDir, 'tree-head.note');
    const note = await readIfThere(path);
    if (note === undefined) return new TreeHeadWitness(parts, undefined);
    const opened = openTreeHead(note, ownTrust(parts.trust));
    if (!opened.ok)
      throw new Error(
        `The tree head in ${path} does not verify with the pinned trust file (${opened.why}). If the log's key was changed, keep the old one in the trust file beside the new one; else find out who wrote that file`,
      );
    const witness = new TreeHeadWitness(parts, { note, head: opened.head });
    await witness.#cosign(note);
    return witness;
  }

  get held(): TreeHead | undefined {
    return this.#held?.head;
  }

  /** The server handed out a step, which the log must come to hold. `at`: by `performance.now()`. */
  owes(at = performance.now()): void {
    this.#owedSince ??= at;
  }

  /**
   * Why the head that we are shown can't be the log's newest; undefined when it may be. A server that shows us an old head
   * for ever could rewrite all that came after it.
   */
  standsStill(now = performance.now()): LogTrouble | undefined {
    if (this.#owedSince === undefined || now - this.#owedSince <= MOST_LAG_MS) return undefined;
    const since = Math.round((now - this.#owedSince) / 1_000);
    return {
      why: `the log has stood at ${this.#held?.head.size ?? 0} entries for ${since} s, although the server has handed out a step since`,
      unblock: 'see why the server shows no newer head: its sequencer places entries within a second',
    };
  }

  /** One look at the log's head. Throws only when the server is away. */
  async look(signal: AbortSignal): Promise<void> {
    const { plane, trust, log } = this.#parts;
    const askedAt = performance.now();
    const note = await plane.head(signal);
    const held = this.#held;
    if (note === undefined) {
      if (held !== undefined && held.head.size > 0)
        await this.#contradicted('head-shrunk', `the log had ${held.head.size} entries and now has no head`, '');
      return;
    }
    if (note === held?.note) return;
    const opened = openTreeHead(note, ownTrust(trust));
    if (!opened.ok) {
      // Not the log's word: neither taken up nor held against the log.
      log.error(
        { code: opened.code, why: opened.why },
        'the server offered a tree head that the pinned keys do not verify',
      );
      return;
    }
    const { head } = opened;
    const grows = held !== undefined && held.head.size > 0 && head.size > held.head.size;
    const proof = grows ? await plane.consistency(held.head.size, head.size, signal) : [];
    const judged = judgeHead(held?.head, head, proof);
    if (!judged.ok) return this.#contradicted(judged.code, judged.why, note);
    if (!judged.news && held !== undefined) return;
    await writeDurably(this.#path, note, 0o600);
    this.#held = { note, head };
    // What was owed before we asked may be in it; what came later may not.
    if (this.#owedSince !== undefined && this.#owedSince <= askedAt) this.#owedSince = undefined;
    await this.#cosign(note);
    log.debug({ size: head.size }, 'tree head witnessed');
  }

  async #cosign(note: string): Promise<void> {
    const { dataDir, key } = this.#parts;
    await writeDurably(join(dataDir, 'tree-head.cosigned.note'), cosignTreeHead(note, key, Date.now()), 0o600);
  }

  async #contradicted(code: string, why: string, offered: string): Promise<void> {
    await this.alarm.raise({ code, why, held: this.#held?.note ?? '', offered }, new Date());
  }
}

/** A witness believes the log's keys alone: other witnesses' cosignatures come later than what it witnesses. */
function ownTrust({ log: { origin, logKeys } }: Pick<Trust, 'log'>): Trust['log'] {
  return { origin, logKeys };
}
