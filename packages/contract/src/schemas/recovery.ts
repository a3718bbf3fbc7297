/** What happens after the control plane was restored from a backup. */
import { z } from 'zod';
import { restorePoint } from './assignment.ts';
import { cellState } from './cells.ts';
import { digest, id, instant, name, reason } from './common.ts';

const count = z.int().min(0);
const fence = z.strictObject({ epoch: count, n: count });

/** What an agent did in a cell, by its own marks, and what stands there now. */
export const cellAccount = z
  .strictObject({
    fence: fence.nullable(),
    /** Plans that it acted on, the newest last. */
    plans: z
      .array(
        z.strictObject({
          plan: digest,
          begun: count.describe('forward steps that may have had an effect'),
          undone: z.literal(true).exactOptional().describe('it was being taken back'),
          undoing: z.string().max(300).exactOptional().describe('the undo step that was begun last'),
        }),
      )
      .max(50),
    state: cellState,
    restorePoints: z.array(z.strictObject({ rollout: id, point: restorePoint })).max(1_000),
  })
  .meta({ id: 'CellAccount' });
export type CellAccount = z.infer<typeof cellAccount>;

const finding = z.enum(['unknown-plan', 'differs', 'unreadable']);

/** A cell of which it isn't known yet what was done there in what the backup lacks. */
export const unreadCell = z
  .object({
    cell: name,
    environment: z.string(),
    /** Null while its agent is waited for, and when that has told nothing in time. */
    asked: z.object({ finding, why: z.string(), at: instant }).nullable(),
    /** The promotion whose rollout holds the cell. */
    promotion: z.string().nullable(),
    /** What is waited for, who unblocks it, and what may be answered now. */
    why: z.string(),
    until: instant,
    /** Tenants that nobody serves there, as last seen. */
    held: z.array(z.string()),
    answers: z.array(z.enum(['as-remembered', 'as-seen', 'go-back'])),
  })
  .meta({ id: 'UnreadCell' });
export type UnreadCell = z.infer<typeof unreadCell>;

const head = z.object({ size: count, root: z.string() });

/** What is known of a restore: what was kept and what is gone. */
export const recovery = z
  .object({
    epoch: count,
    at: instant,
    until: instant,
    kept: head,
    /** The newest signed head of the log before that anybody remembers; null: nobody remembers one. */
    lost: head.extend({ note: z.string(), from: z.string() }).nullable(),
    /** In words: which entries are gone. */
    gap: z.string(),
    by: z.string(),
    because: z.string(),
    refuseTokens: z.boolean(),
    /** What the gap swallowed besides and nobody can read back. */
    beware: z.array(z.string()),
  })
  .meta({ id: 'Recovery' });

export const recoveryShown = z.object({
  epoch: count,
  /** Null: never restored. */
  recovery: recovery.nullable(),
  /** In the order of their names; the first so many. */
  unread: z.array(unreadCell),
  /** There are more than are shown. */
  truncated: z.boolean(),
});
export type RecoveryShown = z.infer<typeof recoveryShown>;

export const cellAnswer = z.strictObject({
  answer: z
    .enum(['as-remembered', 'as-seen', 'go-back'])
    .describe('the cell is as the restored rows have it; as its agent sees it now; or its promotion goes back'),
  reason,
});
