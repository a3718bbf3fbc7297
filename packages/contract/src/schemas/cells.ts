import { z } from 'zod';
import { actions, digest, instant, name, principalId, releaseRef } from './common.ts';
import { agentPins } from './pins.ts';
import { told } from './told.ts';
import { vault } from './vaults.ts';

const range = z.strictObject({ min: z.int().min(0), max: z.int().min(0) });
const named = <T extends z.ZodType>(value: T, most: number) =>
  z.record(name, value).refine((r) => Object.keys(r).length <= most, `expected at most ${most} names`);

/** An operation that a cell's router refuses, since when, and until when if it opens by itself. */
export const closedOperation = z
  .strictObject({
    operation: name,
    tenants: z.int().min(1),
    slot: name.exactOptional(),
    since: instant,
    until: instant.exactOptional(),
  })
  .meta({ id: 'ClosedOperation' });
export type ClosedOperation = z.infer<typeof closedOperation>;

/** One running copy of an application: its slots, stores and tenants, as desired or as observed. */
export const cellState = z
  .strictObject({
    cell: name,
    application: name,
    environment: name,
    slots: named(
      z.strictObject({ release: releaseRef.strict().exactOptional(), schemaRange: range.exactOptional() }),
      100,
    ),
    stores: named(
      z.strictObject({
        schemaVersion: z.int().min(0),
        /** Observed only: in what the store differs from everything that a release leaves. */
        drift: z.array(told(500).min(1)).max(20).exactOptional(),
        /** Observed only: the mark of a copy. */
        copy: z
          .strictObject({
            of: told(500),
            maskedBy: digest.exactOptional(),
            leaks: z.int().min(0).exactOptional(),
          })
          .exactOptional(),
      }),
      10_000,
    ),
    tenants: named(
      z.strictObject({ slot: name, store: name, ring: name, held: z.literal(true).exactOptional() }),
      10_000,
    ),
    /** Observed only: operations that its router refuses. Absent: none. */
    closed: z.array(closedOperation).max(100).exactOptional(),
  })
  .meta({ id: 'CellState' });
export type CellState = z.infer<typeof cellState>;

export const cell = z
  .object({
    name,
    /** What the cell should be; null until it is adopted. */
    desired: cellState.nullable(),
    /** A rollout ended with a step whose effect nobody confirmed. */
    uncertain: z.boolean(),
    /** `pins`: what the agent said that it holds for the environment; an older one doesn't say. */
    observed: z.object({ state: cellState, at: instant, by: principalId, pins: agentPins.exactOptional() }).nullable(),
    /** Set while it isn't known what was done there before a restore of the control plane: the epoch that asks. */
    unread: z.object({ epoch: z.int(), asked: z.boolean() }).exactOptional(),
    /** What could be brought back of its stores, where one cell is asked for; absent: an older server. */
    vaults: z.array(vault).exactOptional(),
    actions,
  })
  .meta({ id: 'Cell' });
export type Cell = z.infer<typeof cell>;

export const hypercare = z
  .object({
    promotion: z.string(),
    environment: name,
    release: digest,
    cells: z.array(name),
    stages: z.array(z.object({ name: z.string(), durationMs: z.int() })),
    stage: z.int(),
    phase: z.enum(['watching', 'alarmed', 'ended']),
    why: z.string().exactOptional(),
    result: z.string().exactOptional(),
    until: instant.exactOptional(),
  })
  .meta({ id: 'Hypercare' });
