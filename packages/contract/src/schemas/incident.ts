import { z } from 'zod';
import { actions, instant, name, releaseRef } from './common.ts';
import { freeze } from './freezes.ts';
import { promotion } from './promotions.ts';
import { standby } from './standbys.ts';
import { vault } from './vaults.ts';

export const affectedTenant = z
  .object({
    cell: name,
    tenant: name,
    environment: z.string(),
    application: z.string(),
    ring: z.string(),
    store: z.string(),
    /** As its document says; null: it says none. */
    serviceLevel: z.string().nullable(),
    /** Null: not known, since nobody has looked lately. */
    held: z.boolean().nullable(),
    /** The version that serves it, as it was seen; null: not known. */
    release: z.string().nullable(),
    seenAt: instant.nullable(),
    /** When the last step ended that moved, held or opened it; null: not known. */
    since: instant.nullable(),
    /** Keys of the matters that reach it. */
    matters: z.array(z.string()),
  })
  .meta({ id: 'AffectedTenant' });
export type AffectedTenant = z.infer<typeof affectedTenant>;

export const call = z
  .object({
    name: z.string(),
    role: z.string(),
    phone: z.string().exactOptional(),
    email: z.string().exactOptional(),
    chat: z.string().exactOptional(),
    hours: z.string().exactOptional(),
    /** The document that declares it. */
    of: z.string(),
    because: z.string(),
  })
  .meta({ id: 'Call' });
export type Call = z.infer<typeof call>;

const told = z.object({
  at: instant,
  by: z.string(),
  stream: z.string(),
  type: z.string(),
  words: z.string(),
});

const transactions = z.object({
  lines: z.array(
    z.object({
      at: instant,
      cell: name,
      step: z.string(),
      kind: z.enum(['checked', 'reconciled']),
      sound: z.boolean(),
      words: z.string(),
      tenant: z.string().exactOptional(),
      check: z.string().exactOptional(),
      /** A blob. */
      report: z.string().exactOptional(),
    }),
  ),
  checks: z.object({ passed: z.int(), failed: z.int() }),
  reconciled: z.object({
    compared: z.int(),
    replayed: z.int(),
    acknowledged: z.int(),
    asked: z.int(),
    /** The classes of what was caught, in words. */
    caught: z.string().exactOptional(),
  }),
  unknown: z.array(z.string()),
});

/** What can be done now, and who must agree. */
const possible = z.object({
  action: z.string(),
  allowed: z.boolean(),
  because: z.string(),
  /** Roles that may. */
  who: z.array(z.string()),
  /** What it comes to beyond `because`: whom it brings back, what is lost. */
  consequence: z.string(),
  command: z.string(),
});

const changed = z.object({
  promotion,
  notes: z.string(),
  /** The steps at hand, cell by cell. */
  steps: z.array(z.object({ cell: name, step: z.string(), text: z.string(), stands: z.string() })),
  transactions,
  can: z.array(possible),
  runbooks: z.array(z.object({ title: z.string(), url: z.string().exactOptional(), text: z.string().exactOptional() })),
});

export const matter = z
  .object({
    key: z.string(),
    kind: z.enum(['promotion', 'held', 'drifted', 'uncertain', 'alarmed', 'unobserved', 'ended']),
    environment: z.string(),
    application: z.string(),
    why: z.string(),
    /** Null: not known. */
    since: instant.nullable(),
    tenants: z.int(),
    held: z.int(),
    /** The first of them; `cellCount` says how many there are. */
    cells: z.array(z.object({ cell: name, why: z.string(), seenAt: instant.nullable() })),
    cellCount: z.int(),
    /** Of a promotion; null for what is none, or for more than one look tells. */
    promotion: changed.nullable(),
    /** What was logged last of it, newest first. */
    entries: z.array(told),
  })
  .meta({ id: 'Matter' });
export type Matter = z.infer<typeof matter>;

export const incident = z
  .object({
    at: instant,
    /** What ended before is left out. */
    since: instant,
    /** In one sentence. */
    summary: z.string(),
    counts: z.object({ matters: z.int(), tenants: z.int(), held: z.int(), cells: z.int() }),
    /** The most urgent first. */
    matters: z.array(matter),
    /** The first page of the tenants that are reached; `listIncidentTenants` has the others. */
    tenants: z.object({ items: z.array(affectedTenant), next: z.string().nullable() }),
    /** In the order in which to call. */
    calls: z.array(call),
    /** Promotions that have begun and not ended: the likeliest cause of anything. */
    underWay: z.array(
      z.object({
        promotion: z.string(),
        application: name,
        environment: name,
        release: releaseRef,
        words: z.string(),
      }),
    ),
    /** Promotions that ended in this time, the newest first: what changed just before. */
    changes: z.array(
      z.object({
        promotion: z.string(),
        application: name,
        environment: name,
        release: releaseRef,
        result: z.string(),
        at: instant,
      }),
    ),
    /** Compensation plans that people had carried out in this time, the last of each store; absent: an older server. */
    reconciled: z
      .array(
        z.object({
          environment: name,
          cell: name,
          store: name,
          at: instant,
          by: z.string(),
          agrees: z.boolean(),
          words: z.string(),
        }),
      )
      .exactOptional(),
    /** What was brought back in this time, what isn't done first; absent: an older server. */
    restored: z
      .array(
        z.object({
          environment: name,
          cell: name,
          at: instant,
          by: z.string().exactOptional(),
          done: z.boolean(),
          words: z.string(),
        }),
      )
      .exactOptional(),
    /** The standbys that one could fail over to, as they were seen last; absent: an older server. */
    standbys: z.array(standby).exactOptional(),
    /** Stores of which nothing could be brought back, or not up to now, or nobody knows; absent: an older server. */
    vaults: z.array(vault).exactOptional(),
    freezes: z.array(freeze),
    /** What isn't known, in sentences. Never empty while something wasn't looked at. */
    unknown: z.array(z.string()),
    actions,
    truncated: z.boolean(),
  })
  .meta({ id: 'Incident' });
export type Incident = z.infer<typeof incident>;
