import { join } from 'node:path';
import { readIfThere, writeDurably } from '@headgate/adapters/machine/durable-file';
import type { Digest, MendedCounts, SideSum } from '@headgate/domain';
import { z } from 'zod';

const sums = z.array(
  z.strictObject({ field: z.string(), unit: z.string().exactOptional(), left: z.string(), right: z.string() }),
);
const count = z.int().min(0);
const counts = z.strictObject({ replayed: count, acknowledged: count, cancelled: count, posted: count });
const Stored = z.strictObject({
  /** Those that were begun last, the newest at the end. */
  plans: z.array(
    z.strictObject({
      plan: z.string(),
      startedAt: z.int(),
      begun: z.int().min(1),
      before: sums,
      /** What was changed, and no statement says yet. */
      did: counts.exactOptional(),
    }),
  ),
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
  /** What it changed, and no statement says yet; absent: nothing. */
  readonly did?: MendedCounts;
}

type Bundle = Readonly<Record<string, unknown>>;
type Content = z.output<typeof Stored>;

const MOST_PLANS = 100;
const NOTHING: MendedCounts = { replayed: 0, acknowledged: 0, cancelled: 0, posted: 0 };

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

  /** Writes down what a plan changed; answers that with what it changed before, and no statement says. */
  async did(plan: Digest, done: MendedCounts): Promise<MendedCounts> {
    const before = this.#content.plans.find((each) => each.plan === plan)?.did ?? NOTHING;
    const did = {
      replayed: before.replayed + done.replayed,
      acknowledged: before.acknowledged + done.acknowledged,
      cancelled: before.cancelled + done.cancelled,
      posted: before.posted + done.posted,
    };
    await this.#change(({ plans, untold }) => ({
      plans: plans.map((each) => (each.plan === plan ? { ...each, did } : each)),
      untold,
    }));
    return did;
  }

  /** Keeps a plan's statement until the server has it: it says all that was done. */
  ended(plan: Digest, statement: Bundle): Promise<void> {
    return this.#change(({ plans, untold }) => ({
      plans: plans.map(({ did, ...each }) => (did === undefined || each.plan === plan ? each : { ...each, did })),
      untold: [...untold, { ...statement }],
    }));
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
