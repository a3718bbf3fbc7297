import { join } from 'node:path';
import { readIfThere, writeDurably } from '@headgate/adapters/machine/durable-file';
import type { Digest, SideSum } from '@headgate/domain';
import { z } from 'zod';

const sums = z.array(
  z.strictObject({ field: z.string(), unit: z.string().exactOptional(), left: z.string(), right: z.string() }),
);
const Stored = z.strictObject({
  /** Those that were begun last, the newest at the end. */
  plans: z.array(z.strictObject({ plan: z.string(), startedAt: z.int(), begun: z.int().min(1), before: sums })),
  /** Signed statements that the server has not taken yet. */
  untold: z.array(z.record(z.string(), z.unknown())),
});

export interface BegunCompensation {
  readonly plan: Digest;
  /** When it was begun first. */
  readonly startedAt: number;
  readonly begun: number;
  /** Both sides' sums before it was begun first. */
  readonly before: readonly SideSum[];
}

type Bundle = Readonly<Record<string, unknown>>;
type Content = z.output<typeof Stored>;

const MOST_PLANS = 100;

/**
 * Which compensation plans were begun here, on disk before anything is changed, so that what a kill interrupted is known
 * with the sums of before; and the statements that the server has not heard.
 */
export class ReconciliationsFile {
  readonly #path: string;
  #content: Content;
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string, content: Content) {
    this.#path = path;
    this.#content = content;
  }

  static async open(dataDir: string): Promise<ReconciliationsFile> {
    const path = join(dataDir, 'reconciliations.json');
    const text = await readIfThere(path);
    return new ReconciliationsFile(
      path,
      text === undefined ? { plans: [], untold: [] } : Stored.parse(JSON.parse(text)),
    );
  }

  get untold(): readonly Bundle[] {
    return this.#content.untold;
  }

  /** Writes down that a plan is begun; again, where it was before: its first sums and time stay. */
  async begins(plan: Digest, before: readonly SideSum[], at: number): Promise<BegunCompensation> {
    const known = this.#content.plans.find((each) => each.plan === plan);
    const begun = known
      ? { ...known, begun: known.begun + 1 }
      : { plan, startedAt: at, begun: 1, before: before.map((sum) => ({ ...sum })) };
    await this.#change(({ plans, untold }) => ({
      plans: [...plans.filter((each) => each.plan !== plan), begun].slice(-MOST_PLANS),
      untold,
    }));
    return begun as BegunCompensation;
  }

  ended(statement: Bundle): Promise<void> {
    return this.#change(({ plans, untold }) => ({ plans, untold: [...untold, { ...statement }] }));
  }

  told(statement: Bundle): Promise<void> {
    return this.#change(({ plans, untold }) => ({ plans, untold: untold.filter((each) => each !== statement) }));
  }

  /** One after the other: a person's command and the telling may come at once. */
  #change(change: (content: Content) => Content): Promise<void> {
    const next = this.#writing.then(async () => {
      const content = change(this.#content);
      await writeDurably(this.#path, `${JSON.stringify(content)}\n`, 0o600);
      this.#content = content;
    });
    this.#writing = next.catch(() => {});
    return next;
  }
}
