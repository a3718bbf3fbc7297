/** What travels between server and agents. Objects that the server sends are loose: an older agent ignores what is new. */
import { z } from 'zod';
import { digest, id, instant, name, principalId, releaseRef } from './common.ts';
import { told as text } from './told.ts';

const names = z.array(name);
const documentRef = z.object({ name, digest });
const file = z.object({ name: z.string(), digest, size: z.int().min(0) });
const migrationRef = z.object({
  id: z.string(),
  from: z.int(),
  to: z.int(),
  phase: z.enum(['expand', 'data', 'contract']),
  file,
});
const version = z.int().min(0);
/** An operation of the application, as its document declares it. */
const operation = z.object({
  name,
  says: z.string(),
  requests: z.array(z.object({ methods: z.array(z.string()), path: z.string() })),
});
const closes = z.array(operation).exactOptional();

/** What a step does: the executor's name and its parameters; no choices. */
export const action = z
  .discriminatedUnion('kind', [
    z.looseObject({ kind: z.literal('restore-point'), store: name }),
    z.looseObject({
      kind: z.literal('migrate'),
      store: name,
      from: version,
      to: version,
      migrations: z.array(migrationRef),
      closes,
    }),
    z.looseObject({
      kind: z.literal('unmigrate'),
      store: name,
      from: version,
      to: version,
      migrations: z.array(migrationRef),
      closes,
    }),
    z.looseObject({ kind: z.literal('restore'), store: name, to: version }),
    z.looseObject({ kind: z.literal('deploy'), slot: name, release: releaseRef }),
    z.looseObject({ kind: z.literal('route'), tenants: names, slot: name }),
    z.looseObject({ kind: z.literal('hold'), tenants: names, reads: z.literal(true).exactOptional() }),
    z.looseObject({ kind: z.literal('open'), tenants: names }),
    z.looseObject({
      kind: z.literal('close-operations'),
      tenants: names,
      operations: z.array(operation),
      slot: name.exactOptional(),
      forMs: z.int().min(1).exactOptional(),
    }),
    z.looseObject({
      kind: z.literal('open-operations'),
      tenants: names,
      operations: names,
      slot: name.exactOptional(),
    }),
    z.looseObject({ kind: z.literal('verify'), tenants: names, verification: documentRef, slot: name }),
    z.looseObject({
      kind: z.literal('soak'),
      tenants: names,
      verification: documentRef,
      slot: name,
      durationMs: z.int().min(0),
    }),
    z.looseObject({ kind: z.literal('reconcile'), store: name, reconciliation: documentRef, tenants: names }),
    z.looseObject({ kind: z.literal('retire'), slot: name }),
  ])
  .meta({ id: 'Action' });

/** An approval of an envelope. `signed` ones name the bundle that proves them. */
export const approval = z
  .looseObject({
    by: principalId,
    envelope: digest,
    at: instant,
    expiresAt: instant,
    proof: z.enum(['signed', 'server-attested']),
    bundle: digest.exactOptional(),
  })
  .meta({ id: 'Approval' });

/** What was decided to go back: which tenants of which cells. */
export const scope = z.looseObject({}).meta({ id: 'Scope' });

/** One step, handed to one agent: everything that it needs to check and carry it out. */
export const assignment = z
  .looseObject({
    rollout: id,
    promotion: id,
    application: name,
    environment: name,
    cell: name,
    step: z.string(),
    action,
    course: z.enum(['forward', 'undo']),
    /** For an undo: what was decided. */
    scope: scope.exactOptional(),
    /** Forward steps that may have had an effect. */
    begun: z.int().min(0),
    fence: z.object({ epoch: z.int(), n: z.int() }),
    idempotencyKey: z.string(),
    plan: digest,
    release: releaseRef,
    envelope: digest,
    approvals: z.array(approval),
    /** Whose approval doesn't count, beside the authors'. */
    requester: principalId.exactOptional(),
    /** Milliseconds from the moment the agent asked, on its own monotonic clock. */
    lifetimeMs: z.int().min(0),
    /** What is left of the step's own deadline, in milliseconds. */
    stepMs: z.int().min(0),
    /** The trace that it belongs to, as the W3C's Trace Context has it. */
    traceparent: z.string().max(100).exactOptional(),
  })
  .meta({ id: 'Assignment' });
export type Assignment = z.infer<typeof assignment>;

/** A name or an id: what would change how others read it has no place there. */
const line = (max: number) =>
  z
    .string()
    .max(max)
    .refine((said) => said.isWellFormed() && !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(said), {
      error: 'expected a text of one line, without control characters',
    });
export const restorePoint = z.strictObject({
  id: line(200),
  store: name,
  takenAt: instant,
  manifest: digest,
  bytes: z.int().min(0),
  verified: z.boolean(),
});
/** Sums of them stay numbers that everybody reads alike. */
const count = z.int().min(0).max(1_000_000_000);
const checks = z.strictObject({
  passed: count,
  failed: count,
  firstFailure: z
    .strictObject({
      check: line(200),
      tenant: line(100),
      why: text(500),
      /** When its first look failed; absent where nobody said. */
      since: instant.exactOptional(),
      /** When it was judged as failed. */
      at: instant,
    })
    .exactOptional(),
});
const decimal = z.string().regex(/^-?\d{1,60}(\.\d{1,60})?$/);
const reconciliation = z
  .strictObject({
    compared: count,
    replayed: count,
    acknowledged: count,
    asked: count,
    cancelled: count.exactOptional(),
    posted: count.exactOptional(),
    /** What was mended or put before a person. */
    classes: z
      .strictObject({
        'never-happened': count.exactOptional(),
        'half-done': count.exactOptional(),
        'one-side-only': count.exactOptional(),
        doubled: count.exactOptional(),
        'in-doubt': count.exactOptional(),
      })
      .exactOptional(),
    /** Of each compared number, on both sides, as exact decimals. */
    sums: z
      .array(
        z.strictObject({
          field: text(63),
          unit: text(20).exactOptional(),
          left: decimal,
          right: decimal,
        }),
      )
      .max(50)
      .exactOptional(),
    agrees: z.boolean(),
    report: digest.exactOptional(),
  })
  .refine(
    ({ agrees, asked, sums = [] }) => !agrees || (asked === 0 && sums.every(({ left, right }) => left === right)),
    { error: 'expected no agreement where somebody is asked, or where sums differ' },
  );
/** A week is longer than any step may take. */
const migrationTime = z.strictObject({ migration: line(100), durationMs: z.int().min(0).max(604_800_000) });
export const stepResult = z
  .strictObject({
    restorePoint: restorePoint.exactOptional(),
    keptBefore: restorePoint.exactOptional(),
    schemaVersion: z.int().min(0).exactOptional(),
    migrations: z.array(migrationTime).max(100).exactOptional(),
    routed: z.int().min(0).exactOptional(),
    checks: checks.exactOptional(),
    reconciliation: reconciliation.exactOptional(),
    observedAt: instant.exactOptional(),
  })
  .meta({ id: 'StepResult' });

/** One outcome, one signal. Small: what is large goes to a blob and is named by its digest. */
export const outcome = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('done'), result: stepResult }),
    z.strictObject({ kind: z.literal('waiting'), reason: text(500), untilMs: z.int().min(0) }),
    z.strictObject({
      kind: z.literal('failed'),
      code: z.enum(['transient', 'rejected', 'check-failed', 'fenced', 'expired', 'unknown']),
      why: text(2_000),
      result: stepResult.exactOptional(),
    }),
  ])
  .meta({ id: 'Outcome' });
export type Outcome = z.infer<typeof outcome>;

/** No cell is ever given so many steps; what is near the end of the numbers would leave none for the next. */
const MOST_TOKENS = 1_000_000_000_000;

/** What an agent undid by itself while the server was away: it has happened, and is taken up as a fact. */
export const undoneAway = z
  .strictObject({
    plan: digest,
    scope: z.strictObject({
      kind: z.enum(['tenant', 'ring', 'cell', 'all']),
      wave: z.int().min(0).max(10_000),
      cell: name.exactOptional(),
      tenants: z.array(name).max(10_000).exactOptional(),
    }),
    /** Forward steps that it had begun. */
    begun: z.int().min(0),
    /** The undo steps that it carried out, in their order. */
    steps: z.array(z.strictObject({ id: line(300), result: stepResult })).max(50_000),
    /** The highest number of its own tokens. */
    n: z.int().min(0).max(MOST_TOKENS),
    /** A person, as they named themselves at the agent’s machine, or `agent`. */
    by: principalId,
    because: text(500),
    since: instant,
    stopped: text(1_000).exactOptional(),
  })
  .meta({ id: 'UndoneAway' });
