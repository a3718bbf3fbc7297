import { join } from 'node:path';
import { readIfThere, writeDurably } from '@headgate/adapters/machine/durable-file';
import { z } from 'zod';

const Stored = z.strictObject({ awaySince: z.iso.datetime().nullable() });

/**
 * Since when the server has not answered. Kept on disk, so that an agent that is started again in the middle of an outage
 * goes on counting. An agent that has asked nobody yet counts as having a server.
 */
export class Contact {
  readonly #path: string;
  #awaySince: Date | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(path: string, awaySince: Date | undefined) {
    this.#path = path;
    this.#awaySince = awaySince;
  }

  static async open(dataDir: string): Promise<Contact> {
    const path = join(dataDir, 'contact.json');
    const text = await readIfThere(path);
    const since = text === undefined ? null : Stored.parse(JSON.parse(text)).awaySince;
    return new Contact(path, since === null ? undefined : new Date(since));
  }

  /** Undefined while the server answers. */
  get awaySince(): Date | undefined {
    return this.#awaySince;
  }

  /** The server didn't answer. */
  lost(at: Date): void {
    if (this.#awaySince !== undefined) return;
    this.#awaySince = at;
    this.#write();
  }

  /** The server answered. */
  found(): void {
    if (this.#awaySince === undefined) return;
    this.#awaySince = undefined;
    this.#write();
  }

  /** Settles once the file says what is known. */
  async written(): Promise<void> {
    await this.#turn;
  }

  #write(): void {
    // A disk that is full must not end the agent; what it says is only told, never acted on.
    this.#turn = this.#turn
      .then(() => {
        const awaySince = this.#awaySince?.toISOString() ?? null;
        return writeDurably(this.#path, `${JSON.stringify({ awaySince })}\n`, 0o600);
      })
      .catch(() => {});
  }
}
