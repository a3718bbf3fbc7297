import { type Blobs, Plans } from '@headgate/control';
import type { Digest, Plan } from '@headgate/domain';
import type { LayeredBlobs } from './layered-blobs.ts';

/** Plans of all runs, by digest: most promotions of a fleet have the same one, and none ever changes. Bounded. */
const parsed = new Map<Digest, Plan>();
const MOST_PLANS = 400;

/** The plans of one run's servers, parsed once for all of them, and at hand without waiting. */
export class KnownPlans extends Plans {
  readonly #blobs: LayeredBlobs;
  /** Those of this run. */
  readonly asked = new Map<Digest, Plan>();

  constructor(blobs: Blobs & LayeredBlobs) {
    super(blobs);
    this.#blobs = blobs;
  }

  override async get(digest: Digest): Promise<Plan> {
    const plan = this.known(digest);
    if (plan === undefined) throw new Error(`plan ${digest} is missing from the blobs`);
    return plan;
  }

  known(digest: Digest): Plan | undefined {
    const held = this.asked.get(digest);
    if (held !== undefined) return held;
    const plan = parsed.get(digest) ?? this.#blobs.planOf(digest);
    if (plan === undefined) return undefined;
    this.asked.set(digest, plan);
    if (parsed.has(digest)) return plan;
    if (parsed.size >= MOST_PLANS) parsed.delete(parsed.keys().next().value as Digest);
    parsed.set(digest, plan);
    return plan;
  }
}
