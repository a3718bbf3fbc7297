/** Small, sound examples of the domain's words; a test names only what it is about. */
import {
  type Action,
  ANALYSIS,
  type ApplicationSpec,
  type CellState,
  type Digest,
  type DrillEvidence,
  type GateFacts,
  type Instant,
  type Migration,
  type Outcome,
  type Plan,
  type PlanRequest,
  type PolicySpec,
  planPromotion,
  REHEARSAL,
  type ReconciledEvidence,
  type ReleaseManifest,
  type ReleaseRef,
  type RestorationEvidence,
  ROLLBACK_REHEARSAL,
  type SeenStandby,
  TEST_RESULT,
} from '@headgate/domain';
import type { RollbackRehearsalEvidence } from '@headgate/domain/rehearsal/rollback';

/** Noon of 5 January 2026, UTC. */
export const NOON: Instant = Date.UTC(2026, 0, 5, 12);
export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

/** A digest that is told apart at a glance: `sha256:` and the text's character codes, padded. */
export function digestOf(text: string): Digest {
  const hex = [...text].map((c) => (c.codePointAt(0) ?? 0).toString(16).padStart(2, '0')).join('');
  return `sha256:${hex.slice(-64).padEnd(64, '0')}`;
}

export function aRelease(version = '1.1.0'): ReleaseRef {
  return { digest: digestOf(`release ${version}`), version };
}

export function aMigration(from: number, more: Partial<Migration> = {}): Migration {
  const file = (name: string) => ({ name, digest: digestOf(name), size: 100 });
  const id = `m${from + 1}`;
  return { id, from, to: from + 1, phase: 'expand', up: file(`${id}.up.sql`), undo: 'keep', ...more };
}

/** `undo: 'down'` with the file that it needs. */
export function aDownMigration(from: number, more: Partial<Migration> = {}): Migration {
  const name = `m${from + 1}.down.sql`;
  return aMigration(from, { undo: 'down', down: { name, digest: digestOf(name), size: 100 }, ...more });
}

export function aManifest(more: Partial<ReleaseManifest> = {}): ReleaseManifest {
  return {
    apiVersion: 'headgate/v1',
    kind: 'Release',
    application: 'psa',
    version: '1.1.0',
    authors: ['usr_author'],
    components: [{ name: 'web', role: 'web', recovery: 'stateless', files: [], command: ['${node}', 'web.js'] }],
    schemaRange: { min: 2, max: 2 },
    migrations: [aMigration(0), aMigration(1)],
    configuration: {},
    rollbackConditions: [],
    notes: '',
    origin: 'built',
    ...more,
  };
}

export function anApplication(more: Partial<ApplicationSpec> = {}): ApplicationSpec {
  return {
    name: 'psa',
    tenancy: 'rows',
    pipeline: ['staging', 'production'],
    rings: [
      { name: 'internal', soakMs: 5 * MINUTE_MS },
      { name: 'pilot', soakMs: 10 * MINUTE_MS },
      { name: 'broad', soakMs: 0 },
    ],
    verification: { name: 'business', digest: digestOf('business') },
    reconciliation: { name: 'ledger', digest: digestOf('ledger') },
    ...more,
  };
}

export function aPolicy(more: Partial<PolicySpec> = {}): PolicySpec {
  return {
    name: 'strict',
    gates: [
      { gate: 'signature', at: 'promotion', params: {} },
      { gate: 'tests-passed', at: 'promotion', params: { minimum: 10 } },
      { gate: 'soaked', at: 'promotion', params: { environment: 'staging', durationMs: HOUR_MS } },
      { gate: 'window', at: 'wave', params: {} },
      { gate: 'approval', at: 'wave', params: { count: 1 } },
      { gate: 'restore-point', at: 'migrate', params: { maxAgeMs: HOUR_MS } },
    ],
    rollbackScope: 'all',
    latestFinishMs: 8 * HOUR_MS,
    approvalMs: 4 * HOUR_MS,
    attempts: 3,
    timeoutsMs: { migrate: 10 * MINUTE_MS },
    defaultTimeoutMs: MINUTE_MS,
    hypercare: [{ name: 'first hour', durationMs: HOUR_MS }],
    ...more,
  };
}

export interface CellShape {
  readonly cell?: string;
  /** Ring by tenant. */
  readonly tenants?: Readonly<Record<string, string>>;
  readonly stores?: readonly string[];
  readonly schemaVersion?: number;
  readonly schemaRange?: { readonly min: number; readonly max: number };
  /** Each tenant lives in a store of its own, of its own name. */
  readonly ownStores?: boolean;
  /** What the green slot holds, if anything. */
  readonly green?: ReleaseRef;
}

/** A cell whose tenants are all on blue, running 1.0.0. */
export function aCell(shape: CellShape = {}): CellState {
  const { tenants = { ada: 'internal', bob: 'pilot', cyd: 'broad' }, stores = ['main'], schemaVersion = 1 } = shape;
  const schemaRange = shape.schemaRange ?? { min: 1, max: 2 };
  const first = stores[0] ?? 'main';
  return {
    cell: shape.cell ?? 'shared',
    application: 'psa',
    environment: 'production',
    slots: {
      blue: { release: aRelease('1.0.0'), schemaRange },
      green: shape.green === undefined ? {} : { release: shape.green, schemaRange },
    },
    stores: Object.fromEntries(
      (shape.ownStores ? Object.keys(tenants) : stores).map((name) => [name, { schemaVersion }]),
    ),
    tenants: Object.fromEntries(
      Object.entries(tenants).map(([name, ring]) => [
        name,
        { slot: 'blue', store: shape.ownStores ? name : first, ring },
      ]),
    ),
  };
}

export function aRequest(more: Partial<PlanRequest> = {}): PlanRequest {
  return {
    application: anApplication(),
    environment: 'production',
    policy: aPolicy(),
    policyDigest: digestOf('policy'),
    release: aRelease(),
    manifest: aManifest(),
    cells: [aCell()],
    now: NOON,
    ...more,
  };
}

/** A release that upgrades stores of tenants' own: neither code runs on the other's schema, and only a restore goes back. */
export function anUpgrade(more: Partial<PlanRequest> = {}): PlanRequest {
  return aRequest({
    application: anApplication({ tenancy: 'store-per-tenant' }),
    policy: aPolicy({ rollbackScope: 'tenant' }),
    manifest: aManifest({ schemaRange: { min: 2, max: 2 }, migrations: [aMigration(1, { undo: 'restore' })] }),
    cells: [aCell({ ownStores: true, schemaRange: { min: 1, max: 1 } })],
    ...more,
  });
}

/** The plan of a request that is expected to be accepted. */
export function aPlan(more: Partial<PlanRequest> = {}): Plan {
  const planned = planPromotion(aRequest(more));
  if (!planned.ok) throw new Error(planned.refusals.map((r) => `${r.code}: ${r.why}`).join('; '));
  return planned.plan;
}

/** Facts on which every gate passes. */
export function soundFacts(now: Instant = NOON, more: Partial<GateFacts> = {}): GateFacts {
  const { digest } = aRelease();
  const envelope = digestOf('envelope');
  const { id, from, to, phase, up } = aMigration(1);
  const migrating = { id, from, to, phase, file: up };
  return {
    now,
    release: { digest, authors: ['usr_author'], signature: { verified: true, keyId: 'key-1', why: '' } },
    requester: 'usr_manager',
    envelope,
    evidence: [
      {
        digest: digestOf('evidence'),
        predicateType: TEST_RESULT,
        subject: digest,
        verified: true,
        keyId: 'key-1',
        result: { passed: 12, failed: 0, skipped: 1, exitCode: 0 },
      },
      {
        digest: digestOf('rehearsal'),
        predicateType: REHEARSAL,
        subject: digest,
        verified: true,
        keyId: 'key-1',
        rehearsal: {
          ...{
            environment: 'production',
            cell: 'shared',
            store: 'main',
            at: now - MINUTE_MS,
            masked: true,
            runner: 'headgate',
          },
          ...{ ok: true, wayBack: 'equal', longestStallMs: 120, durationMs: 4_000, because: [] },
        },
      },
      {
        digest: digestOf('analysis'),
        predicateType: ANALYSIS,
        subject: digest,
        verified: true,
        keyId: 'key-1',
        analysis: {
          at: now - MINUTE_MS,
          stallMs: 1_000,
          catalogue: {
            of: 'production',
            digest: digestOf('catalogue'),
            server: 15,
            tables: 12,
            readAt: now - MINUTE_MS,
          },
          migrations: [{ id: migrating.id, to: migrating.to, digest: migrating.file.digest }],
          found: [],
          told: [],
        },
      },
      {
        digest: digestOf('rollback rehearsal'),
        predicateType: ROLLBACK_REHEARSAL,
        subject: digest,
        verified: true,
        keyId: 'key-1',
        rollbackRehearsal: soundRollbackRehearsal(now),
      },
    ],
    approvals: [
      { by: 'usr_approver', envelope, at: now - MINUTE_MS, expiresAt: now + HOUR_MS, proof: 'server-attested' },
    ],
    windows: [{ calendar: 'nights', open: true, changesAt: now + HOUR_MS }],
    freezes: [],
    restorePoints: [
      { id: 'rp-1', store: 'main', takenAt: now - MINUTE_MS, manifest: digestOf('rp-1'), bytes: 1_000, verified: true },
    ],
    soaked: [{ environment: 'staging', promotedAt: now - 2 * HOUR_MS }],
    migrating: [migrating],
    verification: { name: 'business', digest: digestOf('business') },
    migrated: [{ cell: 'shared', store: 'main' }],
    drills: [soundDrill(now)],
    standbys: { stores: [{ cell: 'shared', store: 'main' }], seen: [soundStandby(now)] },
    ...more,
  };
}

/** The release went to staging and back, a minute ago, under requests. */
export function soundRollbackRehearsal(
  now: Instant = NOON,
  more: Partial<RollbackRehearsalEvidence> = {},
): RollbackRehearsalEvidence {
  return {
    ...{ environment: 'staging', promotion: 'prm_staging', at: now - MINUTE_MS, ok: true, because: [], missing: [] },
    ...{ forwardMs: 40_000, backMs: 9_000, longestOutageMs: 400, traffic: { requests: 300, failed: 1 } },
    migrated: [aMigration(1).up.digest],
    ...more,
  };
}

/** The last drill of the shared cell's store, a minute ago. */
export function soundDrill(now: Instant = NOON, more: Partial<DrillEvidence> = {}): DrillEvidence {
  return {
    ...{ environment: 'production', cell: 'shared', store: 'main', at: now - MINUTE_MS },
    ...{ point: 'rp-1', takenAt: now - 2 * MINUTE_MS, ok: true, because: [], missing: [] },
    ...{ rtoMs: 12_000, rtoUntil: 'last-comparison', rpoMs: 60_000 },
    ...{ evidence: digestOf('drill'), keyId: 'key-1' },
    ...more,
  };
}

/** The standby of the shared cell's store, a moment behind, seen four seconds ago. */
export function soundStandby(now: Instant = NOON, more: Partial<SeenStandby> = {}): SeenStandby {
  return {
    ...{ cell: 'shared', store: 'main', name: 'second', at: now - 4_000 },
    ...{ standing: 'following', receiving: true, lagBytes: 4_096, lagMs: 300 },
    ...more,
  };
}

/** A compensation plan that was carried out in the shared cell's store, a minute ago. */
export function reconciledWell(now: Instant = NOON, more: Partial<ReconciledEvidence> = {}): ReconciledEvidence {
  const sum = { field: 'total', unit: 'EUR', left: '11900' };
  return {
    ...{ environment: 'production', cell: 'shared', store: 'main', reconciliation: 'invoices', risk: 'medium' },
    ...{ document: digestOf('document'), plan: digestOf('compensation'), by: 'usr_run', begun: 1 },
    approvals: [{ by: 'usr_ann', digest: digestOf('yes') }],
    ...{ startedAt: now - 2 * MINUTE_MS, at: now - MINUTE_MS, compared: 9, classes: {}, agrees: true },
    done: { replayed: 1, acknowledged: 0, cancelled: 0, posted: 0 },
    lines: { planned: 1, covered: 1, gone: 0, leftAlone: 0, asked: 0 },
    ...{ before: [{ ...sum, right: '0' }], after: [{ ...sum, right: '11900' }] },
    ...{ evidence: digestOf('reconciled'), keyId: 'key-1' },
    ...more,
  };
}

/** The statement of a store that was brought back in place, with its one tenant. */
export function restoredWell(now: Instant = NOON, more: Partial<RestorationEvidence> = {}): RestorationEvidence {
  return {
    ...{
      kind: 'in-place',
      environment: 'production',
      cell: 'shared',
      moment: 'just before prm_1.shared migrated the store',
    },
    ...{ stores: [{ store: 'main', point: 'rp-1', schemaVersion: 1 }], tenants: ['ada'], tenantCount: 1 },
    ...{ subject: digestOf('proposal'), by: 'usr_run', because: 'invoices were lost' },
    approvals: [{ by: 'usr_ann', digest: digestOf('yes') }],
    ...{ startedAt: now - 2 * MINUTE_MS, at: now - MINUTE_MS, rows: { back: 1, away: 2, changed: 0 }, result: 'done' },
    ...{ evidence: digestOf('restored'), keyId: 'key-1' },
    ...more,
  };
}

/** What an agent brings back from a step that went well. */
export function soundOutcome(action: Action, now: Instant): Outcome {
  switch (action.kind) {
    case 'restore-point': {
      const { store } = action;
      const id = `rp-${store}-${now}`;
      return {
        kind: 'done',
        result: { restorePoint: { id, store, takenAt: now, manifest: digestOf(id), bytes: 1_000, verified: true } },
      };
    }
    case 'migrate':
    case 'unmigrate':
    case 'restore':
      return { kind: 'done', result: { schemaVersion: action.to } };
    case 'route':
    case 'hold':
    case 'open':
      return { kind: 'done', result: { routed: action.tenants.length } };
    case 'verify':
    case 'soak':
      return { kind: 'done', result: { checks: { passed: action.tenants.length, failed: 0 } } };
    case 'reconcile':
      return {
        kind: 'done',
        result: {
          reconciliation: {
            compared: 3,
            replayed: 1,
            acknowledged: 1,
            asked: 0,
            classes: { 'half-done': 2 },
            sums: [{ field: 'total', unit: 'EUR', left: '35700', right: '35700' }],
            agrees: true,
          },
        },
      };
    case 'deploy':
    case 'retire':
      return { kind: 'done', result: {} };
  }
}

/** A verification that found a tenant's business transaction broken. */
export function brokenChecks(tenant: string, now: Instant): Outcome {
  return {
    kind: 'done',
    result: {
      checks: {
        passed: 2,
        failed: 1,
        firstFailure: { check: 'invoice is posted', tenant, why: 'no entry in the ledger', at: now },
      },
    },
  };
}
