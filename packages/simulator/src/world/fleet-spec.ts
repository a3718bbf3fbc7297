/** A generated installation: cells, rings, policy, calendars and releases, as people would have declared them. */
import type { AppliedDocument } from '@headgate/control';
import type {
  CellState,
  Instant,
  Migration,
  PolicySpec,
  Principal,
  ReleaseManifest,
  ReleaseRef,
  RollbackScope,
  SchemaRange,
  WindowSpec,
} from '@headgate/domain';
import type { Random } from '../engine/random.ts';
import { MOVE } from './moves.ts';
import { MAX_LAG_MS } from './standbys.ts';

export const APPLICATION = 'psa';
export const ENVIRONMENT = 'production';
/** The Monday on which every run begins; its hour differs by fleet. */
const MONDAY: Instant = Date.UTC(2026, 2, 2);
const MINUTE = 60_000;
const HOUR = 3_600_000;

/** Who there is. Ids are pseudonyms, as on a real log. */
export const PEOPLE = {
  developer: { id: 'usr_dev', roles: ['developer'] },
  /** An author who is an approver too, and may nonetheless not approve. */
  author: { id: 'usr_author', roles: ['developer', 'approver'] },
  requester: { id: 'usr_request', roles: ['release-manager', 'approver'] },
  rival: { id: 'usr_rival', roles: ['release-manager'] },
  operator: { id: 'usr_ops', roles: ['operator'] },
  auditor: { id: 'usr_audit', roles: ['auditor'] },
  first: { id: 'usr_first', roles: ['approver'] },
  second: { id: 'usr_second', roles: ['approver'] },
  third: { id: 'usr_third', roles: ['approver'] },
  admin: { id: 'usr_admin', roles: ['admin'] },
} as const satisfies Record<string, Principal>;

export const AGENTS: readonly Principal[] = ['agt_one', 'agt_two', 'agt_three'].map((id) => ({
  id,
  roles: ['agent'],
  environments: [ENVIRONMENT],
}));

/** An agent of another environment: it must be able to do nothing here. */
export const STRANGER: Principal = { id: 'agt_lab', roles: ['agent'], environments: ['lab'] };

/** Open at any time; a week in one piece, because evaluating a rule costs by its occurrences. */
export const ALWAYS: AppliedDocument = {
  kind: 'Calendar',
  name: 'always',
  owner: 'platform',
  spec: calendarSpec([{ ...daily('all-week', '00:00', 168 * HOUR), rrule: 'FREQ=WEEKLY' }]),
};

/** The same calendar as somebody changes it in mid-run: open in the small hours alone. */
export const CLOSED: AppliedDocument = { ...ALWAYS, spec: calendarSpec([daily('at-night', '03:00', HOUR)]) };

export interface FleetSpec {
  readonly startsAt: Instant;
  readonly documents: readonly AppliedDocument[];
  readonly policy: PolicySpec;
  readonly rings: readonly string[];
  readonly baselineRange: SchemaRange;
  /** Each tenant lives in a store of their own, on whose schema the other version doesn't run. */
  readonly ownStores: boolean;
  readonly approvals: number;
}

/** What checks ask for: nothing that a release activates. */
const LOOKS = {
  workflowId: 'books',
  steps: [
    {
      stepId: 'look',
      request: { method: 'GET', path: '/invoices' },
      successCriteria: [{ condition: '$statusCode == 200' }],
    },
  ],
};

export function fleetSpec(random: Random, ownStores: boolean, readsFirst: boolean): FleetSpec {
  const startsAt = MONDAY + random.pick([9, 12, 20]) * HOUR;
  const rings = ['internal', 'pilot', 'broad', 'late'].slice(0, random.chance(0.75) ? 3 : 4);
  const approvals = random.chance(0.6) ? 1 : 2;
  const policy: PolicySpec = {
    name: 'strict',
    gates: [
      { gate: 'signature', at: 'promotion', params: {} },
      { gate: 'tests-passed', at: 'promotion', params: { minimum: 20 } },
      { gate: 'migrations-analysed', at: 'promotion', params: { maxAgeMs: 30 * 24 * HOUR, longestStallMs: 1_000 } },
      { gate: 'rehearsed', at: 'promotion', params: { from: 'main', maxAgeMs: 30 * 24 * HOUR, longestStallMs: 500 } },
      {
        gate: 'rollback-rehearsed',
        at: 'promotion',
        params: { environment: 'staging', maxAgeMs: 30 * 24 * HOUR, longestOutageMs: 1_000 },
      },
      {
        gate: 'soaked',
        at: 'promotion',
        params: { environment: 'staging', durationMs: random.pick([0, 30_000, 5 * MINUTE]) },
      },
      // Some have none: a freeze holds all the same.
      ...(startsAt === MONDAY + 12 * HOUR
        ? []
        : ([
            { gate: 'window', at: 'wave', params: {} },
            { gate: 'standby-ready', at: 'wave', params: { maxLagMs: MAX_LAG_MS } },
            { gate: 'moved-data-agrees', at: 'wave', params: { moves: [MOVE] } },
          ] as const)),
      { gate: 'approval', at: 'wave', params: { count: approvals } },
      { gate: 'restore-point', at: 'migrate', params: { maxAgeMs: random.pick([30_000, 2 * MINUTE, HOUR]) } },
      // Where two approve, one of them says go at the point of no return.
      ...(approvals === 2 ? [{ gate: 'go-no-go', at: 'no-return', params: {} } as const] : []),
    ],
    rollbackScope: random.pick<RollbackScope>(['tenant', 'ring', 'cell', 'all']),
    latestFinishMs: random.pick([HOUR, 3 * HOUR, 6 * HOUR]),
    approvalMs: random.pick([MINUTE, 20 * MINUTE, 8 * HOUR, 8 * HOUR]),
    attempts: random.int(2, 4),
    timeoutsMs: { migrate: 120_000, 'restore-point': 120_000 },
    defaultTimeoutMs: 30_000,
    ...(readsFirst && { maintenance: 'reads-first' as const }),
    hypercare: [
      { name: 'first-minute', durationMs: MINUTE },
      { name: 'first-hour', durationMs: HOUR / 2 },
    ],
  };
  const calendars = random.chance(0.7) ? ['always'] : ['always', 'nights'];
  const document = (kind: string, name: string, spec: unknown): AppliedDocument => ({
    kind,
    name,
    owner: 'platform',
    spec,
  });
  const documents = [
    document('Application', APPLICATION, {
      tenancy: ownStores ? 'store-per-tenant' : 'rows',
      pipeline: ['staging', ENVIRONMENT, 'lab'],
      rings: rings.map((name, i) => ({ name, soakMs: i === rings.length - 1 ? 0 : random.pick([0, 1_500, 4_000]) })),
      verification: 'business',
      reconciliation: 'ledgers',
      operations: [
        { name: 'post-invoice', says: 'Not now.', requests: [{ methods: ['POST'], path: '/invoices/*/post' }] },
        { name: 'file-return', says: 'Not yet.', requests: [{ methods: ['POST'], path: '/returns' }] },
      ],
    }),
    document('Environment', ENVIRONMENT, { application: APPLICATION, policy: 'strict', calendars }),
    document('Environment', 'lab', { application: APPLICATION, policy: 'strict', calendars: ['always'] }),
    document('Policy', 'strict', without(policy, 'name')),
    document('Verification', 'business', { requestTimeoutMs: 1_000, workflows: [LOOKS] }),
    document('Reconciliation', 'ledgers', {}),
    ALWAYS,
    document('Calendar', 'nights', calendarSpec([daily('from-eight', '08:00', 16 * HOUR)])),
  ];
  const baselineRange = { min: 1, max: ownStores ? 1 : 5 };
  return { startsAt, documents, policy, rings, baselineRange, ownStores, approvals };
}

function calendarSpec(windows: readonly WindowSpec[]): unknown {
  return { timezone: 'Europe/Berlin', windows, freezes: [] };
}

function daily(name: string, from: string, durationMs: number): WindowSpec {
  return { name, start: `2026-01-01T${from}:00`, rrule: 'FREQ=DAILY', durationMs };
}

/** Cells with slots, stores and tenants, every ring somewhere. */
export function cellStates(random: Random, spec: FleetSpec, running: ReleaseRef): readonly CellState[] {
  const count = random.int(8, 9);
  return Array.from({ length: count }, (_, i) => {
    const cell = `c${i + 1}`;
    const stores = random.chance(0.9) ? ['main'] : ['main', 'side'];
    // Wave 1 has every third cell; the later rings are everywhere, so that each wave is worth its name.
    const rings = spec.rings.filter((_ring, r) => r > 0 || i % 3 === 0 || random.chance(0.3));
    const tenants: [string, CellState['tenants'][string]][] = [];
    for (const ring of rings)
      for (let t = random.int(1, 2); t > 0; t--)
        tenants.push([`${cell}-${ring}-${t}`, { slot: 'blue', store: random.pick(stores), ring }]);
    const own = spec.ownStores ? tenants.map(([name]) => name) : undefined;
    return {
      cell,
      application: APPLICATION,
      environment: ENVIRONMENT,
      slots: { blue: { release: running, schemaRange: spec.baselineRange }, green: {} },
      stores: Object.fromEntries((own ?? stores).map((store) => [store, { schemaVersion: 1 }])),
      tenants: Object.fromEntries(tenants.map(([name, t]) => [name, own === undefined ? t : { ...t, store: name }])),
    };
  });
}

/** Schema versions from which a migration leads on that closes an operation. */
const CLOSING: ReadonlySet<number> = new Set([1, 4]);

export type ReleaseKind =
  | 'next'
  | 'sequel'
  | 'new-range-trap'
  | 'old-range-trap'
  | 'contract-trap'
  | 'untested'
  | 'unsoaked';

/** The releases of a fleet, as drafts: digests are theirs once they are canonical. */
export function manifestOf(
  kind: ReleaseKind,
  random: Random,
  file: Migration['up'],
  ownStores: boolean,
  activates: boolean,
): ReleaseManifest {
  // Where the code before runs on nothing else, only a restore goes back; a trap is that somebody forgot to say so.
  const forgotten = kind === 'old-range-trap' || kind === 'contract-trap';
  const undos: readonly Migration['undo'][] = !ownStores
    ? ['keep', 'keep', 'down', 'restore']
    : [forgotten ? 'keep' : 'restore'];
  const migration = (from: number, phase: Migration['phase'] = 'expand'): Migration => ({
    id: `m${from + 1}`,
    from,
    to: from + 1,
    phase,
    up: file,
    down: file,
    undo: random.pick(undos),
    ...(CLOSING.has(from) && { closes: ['post-invoice'] }),
  });
  const chains: Record<ReleaseKind, readonly [version: string, range: SchemaRange, migrations: readonly Migration[]]> =
    {
      next: ['1.1.0', { min: 2, max: 5 }, random.chance(0.7) ? [migration(1)] : [migration(1), migration(2, 'data')]],
      sequel: ['1.2.0', { min: 1, max: 6 }, [migration(1), migration(2), migration(3)]],
      'new-range-trap': ['1.3.0', { min: 3, max: 5 }, [migration(1)]],
      'old-range-trap': ['1.4.0', { min: 1, max: 7 }, [1, 2, 3, 4, 5].map((from) => migration(from))],
      // What it removes, the code before still uses: that runs on schemas up to 5.
      'contract-trap': [
        '1.5.0',
        { min: 1, max: 7 },
        [...[1, 2, 3, 4].map((from) => migration(from)), migration(5, 'contract')],
      ],
      untested: ['1.6.0', { min: 1, max: 5 }, [migration(1)]],
      unsoaked: ['1.7.0', { min: 1, max: 5 }, [migration(1)]],
    };
  const [version, schemaRange, migrations] = chains[kind];
  const built = manifest(version, schemaRange, migrations, 'built');
  if (kind === 'sequel' || !activates) return built;
  return { ...built, activates: [{ operation: 'file-return', because: 'the office has it' }] };
}

export function manifest(
  version: string,
  schemaRange: SchemaRange,
  migrations: readonly Migration[],
  origin: ReleaseManifest['origin'],
): ReleaseManifest {
  return {
    apiVersion: 'headgate/v1',
    kind: 'Release',
    application: APPLICATION,
    version,
    authors: [PEOPLE.author.id],
    components: [],
    schemaRange,
    migrations,
    configuration: {},
    rollbackConditions: [],
    notes: '',
    origin,
  };
}

function without<T extends object, K extends keyof T>(value: T, key: K): Omit<T, K> {
  const { [key]: _left, ...rest } = value;
  return rest;
}
