import { z } from 'zod';
import { approval, scope } from './assignment.ts';
import { closedOperation } from './cells.ts';
import { actions, digest, id, instant, name, principalId, releaseRef } from './common.ts';
import { freeze } from './freezes.ts';
import { move } from './moves.ts';
import { objection } from './pins.ts';
import { goingBack } from './plans.ts';
import { standby } from './standbys.ts';
import { recoverability, vault } from './vaults.ts';

export const verdict = z
  .looseObject({
    gate: z.string(),
    verdict: z.enum(['pass', 'fail', 'no-data', 'error', 'pending', 'waived']),
    because: z.string(),
    unblock: z.string(),
    who: z.string(),
  })
  .meta({ id: 'Verdict' });

const undo = z.looseObject({ scope, because: z.string() });

/** What agents took back of a promotion after it had ended: by themselves, while the server was away. */
export const takenBack = z
  .object({
    /** When the last of it was told. */
    at: instant,
    /** In one sentence that follows the result: `then taken back by hand in cell …`. */
    words: z.string(),
    /** The newest of them; `cellCount` says how many there are. */
    cells: z.array(
      z.object({
        cell: name,
        agent: principalId,
        /** Who decided it, by the agent's word alone; `agent`: a condition that was declared. */
        by: z.string(),
        because: z.string(),
        /** It was between the two: the agent had no answer any more, and it told. */
        since: instant,
        at: instant,
        /** What serves its tenants from then on; absent: not known. */
        to: releaseRef.exactOptional(),
        /** How many it brought back, and whether those are all that were moved. */
        tenants: z.int(),
        whole: z.boolean(),
        /** Why it went no further. */
        stopped: z.string().exactOptional(),
        /** Where the plan asks for a reconciliation: whether it was carried out, and what it put before a person. */
        reconciled: z.boolean().exactOptional(),
        asked: z.int().exactOptional(),
      }),
    ),
    cellCount: z.int(),
    /** What isn't done, and what would do it, in sentences. */
    left: z.array(z.string()),
  })
  .meta({ id: 'TakenBack' });

export const promotionPhase = z.enum(['awaiting', 'advancing', 'paused', 'undoing', 'held', 'ended']);

/** A promotion. Which of the last fields there are depends on the phase; `until` is the deadline of whatever it waits for. */
export const promotion = z
  .object({
    id,
    application: name,
    environment: name,
    release: releaseRef,
    /** The plan's blob. */
    plan: digest,
    /** What an approval binds to; the envelope's blob. */
    envelope: digest,
    requester: principalId,
    /** When it was asked for; in lists, and of one that is shown. */
    requestedAt: instant.exactOptional(),
    authors: z.array(z.string()),
    cells: z.array(name),
    waves: z.int(),
    wave: z.int(),
    latestFinish: instant,
    /** Of one that names tenants: the digest of the sorted names that were asked for, and how many tenants it moves. */
    only: z.object({ asked: digest, count: z.int() }).exactOptional(),
    /** The open promotion that it overtakes; the one that overtook it. */
    overtakes: id.exactOptional(),
    overtakenBy: id.exactOptional(),
    approvals: z.array(approval),
    /** The first cell that came to the point of no return, where a gate asks for a go; and who said it. */
    goAsked: z.object({ cell: name, step: z.string(), at: instant }).exactOptional(),
    go: z.object({ by: principalId, reason: z.string(), at: instant }).exactOptional(),
    undo: undo.nullable(),
    phase: promotionPhase,
    reason: z.string().exactOptional(),
    verdicts: z.array(verdict).exactOptional(),
    until: instant.exactOptional(),
    by: z.string().exactOptional(),
    question: z.string().exactOptional(),
    result: z
      .enum(['promoted', 'rolled-back', 'partly-rolled-back', 'superseded', 'rejected', 'expired'])
      .exactOptional(),
    because: z.string().exactOptional(),
    at: instant.exactOptional(),
    /** What was taken back after it had ended: `result` stays what was decided. */
    takenBack: takenBack.exactOptional(),
    /** It waits under a policy that was replaced since, and takes no approval: as of the last look, seconds ago. */
    policyReplaced: z.object({ because: z.string(), unblock: z.string() }).exactOptional(),
    /** The declared freeze that holds over it. */
    frozen: z.object({ name: z.string(), to: instant.nullable(), reason: z.string() }).exactOptional(),
    actions,
  })
  .meta({ id: 'Promotion' });
export type Promotion = z.infer<typeof promotion>;

export const rollout = z
  .looseObject({
    id,
    promotion: id,
    cell: name,
    environment: name,
    cursor: z.int(),
    begun: z.int(),
    attempt: z.int(),
    undo: undo.nullable(),
    phase: z.enum(['waiting', 'offered', 'leased', 'failed', 'asking', 'settled']),
    step: z.string().exactOptional(),
    agent: z.string().exactOptional(),
    reason: z.string().exactOptional(),
    question: z.string().exactOptional(),
    /** Names the question, with `step`: an answer that says it is to this one and to no later one. */
    asked: z.int().exactOptional(),
    code: z.string().exactOptional(),
    why: z.string().exactOptional(),
    result: z.string().exactOptional(),
    until: instant.exactOptional(),
    actions,
  })
  .meta({ id: 'Rollout' });
export type Rollout = z.infer<typeof rollout>;

/**
 * What a promotion would do if it were asked for now; `text` is for people. It has no digests: the latest finish counts from
 * the moment at which it is asked for, and an approval binds to it, so what is approved is there only then.
 */
export const planned = z
  .object({
    plan: z.looseObject({
      v: z.literal(1),
      application: name,
      environment: name,
      release: releaseRef,
      latestFinish: instant,
    }),
    text: z.string(),
    verdicts: z.array(verdict),
    /** How the application would go back, and how the data. Older servers don't tell it. */
    goingBack: goingBack.exactOptional(),
    /** What could be brought back of the stores that it touches, as of now. Older servers don't tell it. */
    recoverability: recoverability.exactOptional(),
    /** What agents would refuse it for at its first step; an older server doesn't say. */
    objections: z.array(objection).exactOptional(),
    /** So many more are left out, those that tell least; all of them, a page at a time: `/v1/pins`. */
    objectionsLeft: z.int().exactOptional(),
  })
  .meta({ id: 'Planned' });

/** One thing that is waited for: why, until when, what comes after, and what would end it by whom. */
export const wait = z
  .object({
    /** `promotion/<id>` or `rollout/<id>`. */
    where: z.string(),
    cell: z.string().exactOptional(),
    step: z.string().exactOptional(),
    why: z.string(),
    until: instant,
    after: z.string(),
    overdue: z.boolean(),
    /** `who` are roles, or the thing that does it: `agent`, `time`, `headgate`. */
    unblock: z.array(z.object({ what: z.string(), who: z.array(z.string()), at: instant.exactOptional() })),
  })
  .meta({ id: 'Wait' });
export type Wait = z.infer<typeof wait>;

/** Why a promotion stands where it stands, and what would move it; gates are judged at the moment of asking. */
export const explanation = z
  .object({
    promotion: id,
    phase: z.string(),
    summary: z.string(),
    waits: z.array(wait),
    /** So many more are left out, those that tell least; every cell’s, a page at a time: `/v1/promotions/{promotion}/rollouts`. */
    waitsLeft: z.int().exactOptional(),
    gates: z.array(verdict),
    /** What agents would refuse it for at their next step; an older server doesn't say. */
    objections: z.array(objection).exactOptional(),
    /** So many more are left out, those that tell least; all of them, a page at a time: `/v1/pins`. */
    objectionsLeft: z.int().exactOptional(),
    /** Who said no to losing data, in which cell and why: it stands there as it stood then. */
    declined: z
      .array(z.object({ cell: name, step: z.string(), by: z.string(), because: z.string(), at: instant }))
      .exactOptional(),
    /** What can be done where something was declined, with commands between backticks. */
    next: z.array(z.string()).exactOptional(),
    /** What was taken back after it had ended; `summary` says it, too. */
    takenBack: takenBack.exactOptional(),
    /** Of one that waits to begin: what could be brought back of the stores that it touches. Older servers don't tell it. */
    recoverability: recoverability.exactOptional(),
    actions,
  })
  .meta({ id: 'Explanation' });
export type Explanation = z.infer<typeof explanation>;

export const status = z
  .object({
    at: instant,
    /** What runs where. */
    cells: z.array(
      z.object({
        name,
        environment: z.string(),
        application: z.string(),
        adopted: z.boolean(),
        uncertain: z.boolean(),
        observedAt: instant.nullable(),
        /** Whose word that is, and when it was heard; `ended`: by its own word it has. An older server doesn't say. */
        agent: z
          .object({
            id,
            heardAt: instant.nullable(),
            ended: z.object({ at: instant, how: z.enum(['ended', 'stopped']) }).exactOptional(),
          })
          .exactOptional(),
        /** Tenants by the version that serves them, as observed if it was, else as desired. */
        versions: z.record(z.string(), z.int()),
        stores: z.record(z.string(), z.int()),
        /** Stores that somebody changed by hand, and how; as observed. */
        drift: z.array(z.object({ store: name, why: z.string() })),
        /** Operations that its router refuses, as observed; absent: none, or an older server doesn't say. */
        closed: z.array(closedOperation).exactOptional(),
        /** Code that serves with a store that lost something since it was built; absent: none, or an older server doesn't say. */
        olderCode: z
          .array(z.object({ store: name, release: z.string(), tenants: z.int(), why: z.string(), unblock: z.string() }))
          .exactOptional(),
      }),
    ),
    /** What moves: promotions that have not ended, with their rollouts. */
    promotions: z.array(z.object({ promotion, rollouts: z.array(rollout) })),
    hypercare: z.array(
      z.object({ environment: name, phase: z.string(), promotion: z.string(), until: instant.nullable() }),
    ),
    /** What agents took back of promotions that had ended, and is so still; an older server doesn't say. */
    takenBack: z
      .array(
        takenBack.extend({
          promotion: id,
          application: name,
          environment: name,
          release: releaseRef,
          result: z.string(),
        }),
      )
      .exactOptional(),
    /** What was seen last of standbys, first those that somebody should look at; an older server doesn't say. */
    standbys: z.array(standby).exactOptional(),
    /** How data stands that is being moved, what differs first; an older server doesn't say. */
    moves: z.array(move).exactOptional(),
    /** What could be brought back of stores, first those that somebody should look at; an older server doesn't say. */
    vaults: z.array(vault).exactOptional(),
    freezes: z.array(freeze),
    /** What waits, for whom, and until when. */
    waits: z.array(wait),
    /** Whether any list above was cut at its bound. */
    truncated: z.boolean(),
  })
  .meta({ id: 'Status' });
export type Status = z.infer<typeof status>;
