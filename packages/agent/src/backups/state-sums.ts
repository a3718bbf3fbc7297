/**
 * What each state in a vault holds, as a sum that tells the same content again, so that another one under the serial of before
 * is found. It stands beside how the backup stands, in the agent's own folder and nowhere else: a sum over secrets that somebody
 * can guess tells them that they are right. So it is keyed, too, by what only this file knows. Lost, nothing is known of what
 * was taken before, and serials and counts alone tell.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readIfThere, writeDurably } from '@headgate/adapters/machine/durable-file';
import { z } from 'zod';
import { backupFolder } from './standing-file.ts';

const FILE = 'state-sums.json';
const hex = z.string().regex(/^[0-9a-f]{64}$/);
const Kept = z.strictObject({ v: z.literal(1), key: hex, sums: z.record(z.string().max(100), hex) });

/** The sums of one backup's states. */
export class StateSums {
  readonly #path: string;
  readonly #dir: string;
  readonly #key: string;
  #sums: Readonly<Record<string, string>>;

  private constructor(dir: string, { key, sums }: Pick<z.output<typeof Kept>, 'key' | 'sums'>) {
    this.#dir = dir;
    this.#path = join(dir, FILE);
    this.#key = key;
    this.#sums = sums;
  }

  /** As they were written down; what can't be read is as if nothing had been. */
  static async read(dataDir: string, name: string): Promise<StateSums> {
    const dir = backupFolder(dataDir, name);
    const text = await readIfThere(join(dir, FILE));
    return new StateSums(dir, kept(text) ?? { key: randomBytes(32).toString('hex'), sums: {} });
  }

  /** By backup. */
  get all(): Readonly<Record<string, string>> {
    return this.#sums;
  }

  /** Whether a state of that sum is what this backup holds; undefined: nobody knows. */
  isOf(id: string, sum: string): boolean | undefined {
    const known = this.#sums[id];
    return known === undefined ? undefined : known === this.#keyed(sum);
  }

  /** One was taken. */
  add(id: string, sum: string): Promise<void> {
    return this.#write({ ...this.#sums, [id]: this.#keyed(sum) });
  }

  /** Forgets those of backups that aren't there any more. */
  async keepOnly(ids: readonly string[]): Promise<void> {
    const there = new Set(ids);
    const left = Object.entries(this.#sums).filter(([id]) => there.has(id));
    if (left.length < Object.keys(this.#sums).length) await this.#write(Object.fromEntries(left));
  }

  #keyed(sum: string): string {
    return createHmac('sha256', Buffer.from(this.#key, 'hex')).update(sum).digest('hex');
  }

  async #write(sums: Readonly<Record<string, string>>): Promise<void> {
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    await writeDurably(this.#path, `${JSON.stringify({ v: 1, key: this.#key, sums })}\n`, 0o600);
    this.#sums = sums;
  }
}

function kept(text: string | undefined): z.output<typeof Kept> | undefined {
  try {
    const parsed = Kept.safeParse(JSON.parse(text ?? ''));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
