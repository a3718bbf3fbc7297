import { join } from 'node:path';
import { readIfThere, writeDurably } from '@headgate/adapters/machine/durable-file';
import { z } from 'zod';

const Stored = z.strictObject({ awaySince: z.iso.datetime().nullable() });
const Silence = z.strictObject({ silentSince: z.iso.datetime().nullable() });

/**
 * Since when the server has not answered this agent, and for how long it has been silent altogether: one that refuses is
 * there, so it isn't. Kept on disk, so that an agent that is started again in the middle of an outage goes on counting. An
 * agent that has asked nobody yet counts as having a server.
 */
export class Contact {
  readonly #dir: string;
  #awaySince: Date | undefined;
  /** `fromMs` is of the monotonic clock: a jump of the machine's is no absence. */
  #silent: { readonly since: Date; readonly fromMs: number } | undefined;
  #refusal: string | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(dir: string, awaySince: Date | undefined, silentSince: Date | undefined) {
    this.#dir = dir;
    this.#awaySince = awaySince;
    if (silentSince === undefined) return;
    // Of the time before this process there is only the machine's clock.
    const beforeMs = Math.max(0, Date.now() - silentSince.getTime());
    this.#silent = { since: silentSince, fromMs: performance.now() - beforeMs };
  }

  static async open(dataDir: string): Promise<Contact> {
    const [contact, silence] = await Promise.all([
      readIfThere(join(dataDir, FILE)),
      readIfThere(join(dataDir, SILENCE)),
    ]);
    const away = contact === undefined ? null : Stored.parse(JSON.parse(contact)).awaySince;
    // An agent of before told the two not apart.
    const silent = silence === undefined ? away : Silence.parse(JSON.parse(silence)).silentSince;
    return new Contact(dataDir, dateOf(away), away === null ? undefined : dateOf(silent));
  }

  /** Undefined while the server answers this agent. */
  get awaySince(): Date | undefined {
    return this.#awaySince;
  }

  /** What it refuses this agent with, while it does. */
  get refusal(): string | undefined {
    return this.#refusal;
  }

  /** How long the server has been silent, by a clock that doesn't jump; undefined: it answers, or refuses. Milliseconds. */
  silentMs(nowMs = performance.now()): number | undefined {
    return this.#silent === undefined ? undefined : nowMs - this.#silent.fromMs;
  }

  /** The server didn't answer; or it did, and refused this agent. */
  lost(at: Date, refusal?: string): void {
    const before = [this.#awaySince, this.#silent];
    this.#awaySince ??= at;
    this.#refusal = refusal;
    this.#silent = refusal === undefined ? (this.#silent ?? { since: at, fromMs: performance.now() }) : undefined;
    if (before[0] !== this.#awaySince || before[1] !== this.#silent) this.#write();
  }

  /** The server answered. */
  found(): void {
    this.#refusal = undefined;
    if (this.#awaySince === undefined) return;
    this.#awaySince = undefined;
    this.#silent = undefined;
    this.#write();
  }

  /** Settles once the files say what is known. */
  async written(): Promise<void> {
    await this.#turn;
  }

  #write(): void {
    // A disk that is full must not end the agent. What counts is in memory; after a restart the files are what there is.
    this.#turn = this.#turn
      .then(async () => {
        const awaySince = this.#awaySince?.toISOString() ?? null;
        const silentSince = this.#silent?.since.toISOString() ?? null;
        await writeDurably(join(this.#dir, SILENCE), `${JSON.stringify({ silentSince })}\n`, 0o600);
        await writeDurably(join(this.#dir, FILE), `${JSON.stringify({ awaySince })}\n`, 0o600);
      })
      .catch(() => {});
  }
}

const FILE = 'contact.json';
/** A file of its own: an agent of before refuses fields that it doesn't know. */
const SILENCE = 'silence.json';

function dateOf(text: string | null): Date | undefined {
  return text === null ? undefined : new Date(text);
}
