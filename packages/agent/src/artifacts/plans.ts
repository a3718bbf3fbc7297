import { action } from '@headgate/contract/schemas/assignment';
import { digest, name, releaseRef } from '@headgate/contract/schemas/common';
import type { Digest, Plan, Refusal } from '@headgate/domain';
import { z } from 'zod';
import type { BlobCache } from './blob-cache.ts';

const acting = z.looseObject({ id: z.string(), action, timeoutMs: z.int(), attempts: z.int() });
const undo = z.union([
  z.looseObject({ kind: z.literal('keep') }),
  z.looseObject({ kind: z.literal('act'), action, timeoutMs: z.int(), attempts: z.int() }),
]);

/** As much of a plan's form as the checks stand on. Its meaning is proved by its digest, not by its form. */
const PlanForm = z.looseObject({
  v: z.literal(1),
  application: name,
  environment: name,
  release: releaseRef,
  schemaRange: z.looseObject({ min: z.int(), max: z.int() }),
  policyDigest: digest,
  latestFinish: z.int(),
  gates: z.array(z.looseObject({ gate: z.string(), at: z.string(), params: z.record(z.string(), z.unknown()) })),
  waves: z.array(z.looseObject({ n: z.int() })),
  cells: z.array(
    z.looseObject({
      cell: name,
      slot: z.looseObject({ from: name, to: name }),
      steps: z.array(acting.extend({ wave: z.int(), undo })),
      recovery: z.array(acting),
    }),
  ),
});

/** A few plans are at work at a time. */
const MOST_PLANS = 4;

/** Plans by digest, parsed once. */
export class Plans {
  readonly #blobs: BlobCache;
  readonly #held = new Map<Digest, Plan>();

  constructor(blobs: BlobCache) {
    this.#blobs = blobs;
  }

  /** The plan whose bytes have this digest, or why they are none. */
  async get(
    wanted: Digest,
    signal: AbortSignal,
  ): Promise<{ readonly ok: true; readonly plan: Plan } | { readonly ok: false; readonly refusal: Refusal }> {
    const held = this.#held.get(wanted);
    if (held !== undefined) return { ok: true, plan: held };
    const bytes = await this.#blobs.get(wanted, signal);
    const why = 'this agent can’t read it';
    const refusal = {
      code: 'plan-malformed',
      what: `take up the plan ${wanted}`,
      where: '',
      why,
      unblock: 'update it',
    };
    let value: unknown;
    try {
      value = JSON.parse(Buffer.from(bytes).toString('utf8'));
    } catch {
      return { ok: false, refusal };
    }
    const form = PlanForm.safeParse(value);
    if (!form.success) {
      const issue = form.error.issues[0];
      return { ok: false, refusal: { ...refusal, where: (issue?.path ?? []).join('.'), why: issue?.message ?? why } };
    }
    const plan = value as Plan;
    if (this.#held.size >= MOST_PLANS) this.#held.delete(this.#held.keys().next().value as Digest);
    this.#held.set(wanted, plan);
    return { ok: true, plan };
  }
}
