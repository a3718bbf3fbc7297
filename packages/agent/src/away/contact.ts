import { uptime } from 'node:os';
import { join } from 'node:path';
import { bootId } from '@headgate/adapters/machine/boot-identity';
import { readIfThere, writeDurably } from '@headgate/adapters/machine/durable-file';
import { z } from 'zod';

const Stored = z.strictObject({ awaySince: z.iso.datetime().nullable() });
const Silence = z.strictObject({ silentSince: z.iso.datetime().nullable() });
/** Of one boot of the machine: how long it had been up as the silence of that time began. */
const Clock = z.object({ silentSince: z.iso.datetime(), boot: z.string(), upMs: z.number().min(0) });

/** `fromMs` is of the monotonic clock: a jump of the machine's is no absence. */
interface Silent {
  readonly since: Date;
  readonly fromMs: number;
}

/** A file of ours that can't be read, and why. */
type Spoiled = (file: string, why: string) => void;

/**
 * Since when the server has not answered this agent, and for how long it has been silent altogether: one that refuses is
 * there, so it isn't. Kept on disk, so that an agent that is started again in the middle of an outage goes on counting. An
 * agent that has asked nobody yet counts as having a server.
 */
export class Contact {
  readonly #dir: string;
  #awaySince: Date | undefined;
  #silent: Silent | undefined;
  #refusal: string | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(dir: string, awaySince: Date | undefined, silent: Silent | undefined) {
    this.#dir = dir;
    this.#awaySince = awaySince;
    this.#silent = silent;
  }

  /** What can't be read is told, and counts from now on: it must not keep an agent from its cells, nor send it back. */
  static async open(dataDir: string, spoiled: Spoiled = () => {}): Promise<Contact> {
    const read = async <T>(name: string, schema: z.ZodType<T>): Promise<T | 'spoiled' | undefined> => {
      const file = join(dataDir, name);
      const text = await readIfThere(file);
      if (text === undefined) return undefined;
      try {
        return schema.parse(JSON.parse(text));
      } catch (error) {
        spoiled(file, error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message);
        return 'spoiled';
      }
    };
    const contact = await read(FILE, Stored);
    const silence = await read(SILENCE, Silence);
    if (contact === undefined || contact === 'spoiled' || contact.awaySince === null)
      return new Contact(dataDir, undefined, undefined);
    const awaySince = new Date(contact.awaySince);
    if (silence === 'spoiled') return new Contact(dataDir, awaySince, silentFrom(new Date()));
    // An agent of before told the two not apart.
    const silentSince = silence === undefined ? contact.awaySince : silence.silentSince;
    if (silentSince === null) return new Contact(dataDir, awaySince, undefined);
    const clock = await read(CLOCK, Clock);
    const since = new Date(silentSince);
    const known = typeof clock === 'object' && clock.silentSince === silentSince && clock.boot === bootId();
    return new Contact(
      dataDir,
      awaySince,
      known ? silentFrom(since, uptime() * 1_000 - clock.upMs) : silentFrom(since),
    );
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
    this.#silent = refusal === undefined ? (this.#silent ?? silentFrom(at)) : undefined;
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

  /**
   * The server answered something that isn't the question for work: that ends every silence. Whom it refuses work, it refuses
   * still; and what it refused here says nothing of work while it isn't silent.
   */
  answered(at: Date, refusal?: string): void {
    if (refusal === undefined) {
      if (this.#refusal === undefined) this.found();
    } else if (this.#silent !== undefined) this.lost(at, refusal);
  }

  /** Settles once the files say what is known. */
  async written(): Promise<void> {
    await this.#turn;
  }

  #write(): void {
    // A disk that is full must not end the agent. What counts is in memory; after a restart the files are what there is.
    this.#turn = this.#turn
      .then(async () => {
        const write = (name: string, told: unknown): Promise<void> =>
          writeDurably(join(this.#dir, name), `${JSON.stringify(told)}\n`, 0o600);
        const silent = this.#silent;
        const awaySince = this.#awaySince?.toISOString() ?? null;
        const silentSince = silent?.since.toISOString() ?? null;
        if (silent !== undefined) {
          const upMs = Math.max(0, uptime() * 1_000 - (performance.now() - silent.fromMs));
          await write(CLOCK, { silentSince, boot: bootId(), upMs });
        }
        await write(SILENCE, { silentSince });
        await write(FILE, { awaySince });
      })
      .catch(() => {});
  }
}

const FILE = 'contact.json';
/** Files of their own: an agent of before refuses fields that it doesn't know. */
const SILENCE = 'silence.json';
const CLOCK = 'silence-clock.json';

/** `lastedMs`: for how long; absent: as the machine’s clock says, which is all there is of the time before this process. */
function silentFrom(since: Date, lastedMs = Date.now() - since.getTime()): Silent {
  return { since, fromMs: performance.now() - Math.max(0, lastedMs) };
}
