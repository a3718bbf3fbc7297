import { z } from 'zod';
import { digest, id, instant, name, releaseRef } from './common.ts';
import { recoverability } from './vaults.ts';

/** Going back as two decisions: the application's, which is taken at once, and the data's, store by store. */
export const goingBack = z
  .object({
    /** When the release itself says that it is to go back. */
    conditions: z.array(z.string()),
    application: z.array(
      z.object({
        cells: z.array(name),
        from: z.string(),
        to: z.string(),
        /** The version that serves again. */
        serves: z.string(),
        /** From this step on it goes back only with the data, by the data's yes; absent: always by itself. */
        withDataFrom: z.string().exactOptional(),
        because: z.string(),
      }),
    ),
    data: z.array(
      z.object({
        cells: z.array(name),
        stores: z.array(z.string()),
        /** The migrating step; `*` stands for each tenant. */
        step: z.string(),
        ways: z.array(
          z.object({
            way: z.enum(['keep-schema', 'undo-migration', 'restore', 'forward-fix', 'point-in-time']),
            /** `planned`: a rollback comes to it; `instead`: a person may take it in its place. */
            stands: z.enum(['planned', 'instead', 'none']),
            because: z.string(),
            from: z.string().exactOptional(),
            /** `not-known` counts as a loss. */
            loses: z.enum(['nothing', 'what-it-took', 'written-since', 'not-known']),
            losesFrom: z.string().exactOptional(),
            /** The role that must agree from there on. */
            approver: z.string().exactOptional(),
          }),
        ),
      }),
    ),
  })
  .meta({ id: 'GoingBack' });
export type GoingBack = z.infer<typeof goingBack>;

/** A promotion's plan without its steps, which are listed by cell. */
export const planOutline = z
  .object({
    promotion: id,
    plan: digest,
    envelope: digest,
    application: name,
    environment: name,
    release: releaseRef,
    latestFinish: instant,
    risk: z.object({ level: z.enum(['low', 'medium', 'high']), because: z.array(z.string()) }),
    /** From this step on, going back loses something; null when it never does. */
    pointOfNoReturn: z.object({ cell: name, step: z.string(), because: z.string() }).nullable(),
    /** The same in words, where there is none, too. Older servers don't tell it. */
    noReturn: z.string().exactOptional(),
    /** What a failure brings back, in words. */
    rollback: z.string(),
    /** Older servers don't tell it. */
    goingBack: goingBack.exactOptional(),
    /** What could be brought back of the stores that it touches, as of now. Older servers don't tell it. */
    recoverability: recoverability.exactOptional(),
    gates: z.array(z.object({ gate: z.string(), stands: z.string() })),
    /** What stays closed on the release until everybody is on it. Absent: nothing. */
    activates: z
      .array(z.object({ operation: name, because: z.string(), writes: z.array(z.string()).exactOptional() }))
      .exactOptional(),
    waves: z.array(
      z.object({
        n: z.int(),
        ring: z.string(),
        soakMs: z.int(),
        /** Nobody moves in it: what the release brings is activated. */
        activates: z.literal(true).exactOptional(),
        cells: z.array(
          z.object({ cell: name, from: z.string(), to: z.string(), tenants: z.int(), who: z.string(), steps: z.int() }),
        ),
      }),
    ),
  })
  .meta({ id: 'PlanOutline' });
export type PlanOutline = z.infer<typeof planOutline>;

/** One step in words, and where it stands. `left`: it ended, or the way back began, before its turn. */
export const planStep = z
  .object({
    id: z.string(),
    course: z.enum(['forward', 'undo']),
    wave: z.int().nullable(),
    text: z.string(),
    undo: z.string().exactOptional(),
    kept: z.string().exactOptional(),
    approver: z.string().exactOptional(),
    stands: z.enum(['done', 'at-hand', 'begun', 'ahead', 'left']),
  })
  .meta({ id: 'PlanStep' });
export type PlanStep = z.infer<typeof planStep>;

/** What the migrations of one cell took, and what the newest rehearsal before them promised. Durations in milliseconds. */
export const migrationTimes = z
  .object({
    cell: name,
    migrations: z.array(
      z.object({
        step: z.string(),
        store: z.string(),
        migration: z.string(),
        /** `unknown`: it was rehearsed, and how long that took nobody wrote down. */
        verdict: z.enum(['kept', 'slower', 'faster', 'not-rehearsed', 'not-measured', 'unknown']),
        promisedMs: z.number().exactOptional(),
        measuredMs: z.number().exactOptional(),
        /** 2 is twice as long as promised. */
        ratio: z.number().exactOptional(),
        /** The store that was copied for the rehearsal: `cell/store`. */
        of: z.string().exactOptional(),
        words: z.string(),
      }),
    ),
    /** Restore points that were taken before a program took a store's schema back, and stay until a person lets them go. */
    kept: z
      .array(z.object({ step: z.string(), store: z.string(), restorePoint: z.string(), words: z.string() }))
      .exactOptional(),
    /** So many more are left out, those that tell least. */
    left: z.int(),
    /** The cell has more entries than are read: of its later steps nothing is said. */
    cut: z.boolean(),
  })
  .meta({ id: 'MigrationTimes' });
export type MigrationTimes = z.infer<typeof migrationTimes>;

/** What a rollback of everything would do if it were asked for now. */
export const wayBack = z
  .object({
    promotion: id,
    /** What the action itself says: whether it is possible, and what it comes to. */
    because: z.string(),
    allowed: z.boolean(),
    cells: z.array(
      z.object({
        cell: name,
        tenants: z.int(),
        who: z.string(),
        /** Steps in all; `first` names the first of them. */
        steps: z.int(),
        first: z.array(z.object({ id: z.string(), text: z.string(), approver: z.string().exactOptional() })),
        /** What is lost, in words. */
        loses: z.array(z.string()),
        /** What no way back undoes: what customers did by what was activated. Older servers don't tell it. */
        stays: z.array(z.string()).exactOptional(),
        /** What becomes of each store that a begun step migrated. Older servers don't tell it. */
        data: z
          .array(
            z.object({
              store: z.string(),
              way: z.enum(['keep-schema', 'undo-migration', 'restore']),
              words: z.string(),
              /** The step before which it waits for a yes of its own, and whose. */
              asks: z.object({ step: z.string(), approver: z.string() }).exactOptional(),
            }),
          )
          .exactOptional(),
      }),
    ),
    /** Whether a list above was cut at its bound. */
    truncated: z.boolean(),
  })
  .meta({ id: 'WayBack' });
export type WayBack = z.infer<typeof wayBack>;
