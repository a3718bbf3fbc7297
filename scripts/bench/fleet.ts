/**
 * A fleet for measuring: environments with cells, a release, and a promotion of it in each, made by the shipped use cases
 * on whatever store they are given. Every plan comes from the shipped planner.
 */
import {
  type AppliedDocument,
  adoptCell,
  applyDocuments,
  approvePromotion,
  attachEvidence,
  Controllers,
  type Deps,
  observeCell,
  type Result,
  registerRelease,
  requestPromotion,
  type Trust,
} from '@headgate/control';
import { canonicalBytes, digestOf, digestOfJson } from '@headgate/documents';
import {
  type CellState,
  type Digest,
  type DrillEvidence,
  type EvidenceFact,
  type Migration,
  type Principal,
  type Promotion,
  type ReconciledEvidence,
  type ReleaseManifest,
  type RestorationEvidence,
  TEST_RESULT,
} from '@headgate/domain';

const HOUR_MS = 3_600_000;
/** Writes on the way at a time while the fleet is made. */
const SIDE_BY_SIDE = 12;

const RINGS = ['internal', 'pilot', 'broad'] as const;
const ADMIN: Principal = { id: 'usr_bench_admin', roles: ['admin'] };
const DEVELOPER: Principal = { id: 'usr_bench_developer', roles: ['developer'] };
const APPROVER: Principal = { id: 'usr_bench_approver', roles: ['approver'] };

/** Opens what this program itself made. Real trust is measured nowhere here: nothing on these paths asks for it. */
export const BENCH_TRUST: Trust = {
  openRelease: (bytes) => ({
    ok: true,
    keyId: 'bench',
    digest: digestOf(bytes),
    manifest: JSON.parse(Buffer.from(bytes).toString('utf8')) as ReleaseManifest,
  }),
  openEvidence: (fact) => ({ ok: true, fact: fact as EvidenceFact, signed: { bundle: fact, also: [] } }),
  openDrill: (drill) => ({ ok: true, drill: drill as DrillEvidence, signed: { bundle: drill, also: [] } }),
  openReconciled: (reconciled) => ({
    ok: true,
    reconciled: reconciled as ReconciledEvidence,
    signed: { bundle: reconciled, also: [] },
  }),
  openRestoration: (restoration) => ({
    ok: true,
    restoration: restoration as RestorationEvidence,
    signed: { bundle: restoration, also: [] },
  }),
};

export interface Fleet {
  readonly environments: readonly string[];
  /** One in each environment, in the order of the environments. */
  readonly promotions: readonly Promotion[];
}

export function environmentName(i: number): string {
  return `env-${String(i + 1).padStart(3, '0')}`;
}

/** The agent of one environment. */
export function agentOf(environment: string): Principal {
  return { id: `agt_${environment}`, roles: ['agent'], environments: [environment] };
}

/** Declares, adopts, registers and asks for a promotion in every environment; with `approved`, somebody says yes, too. */
export async function seedFleet(
  deps: Deps,
  shape: { readonly environments: number; readonly cellsEach: number; readonly approved: boolean },
): Promise<Fleet> {
  const environments = Array.from({ length: shape.environments }, (_, i) => environmentName(i));
  const baseline = manifest('1.0.0', { min: 1, max: 3 }, [], 'adopted');
  const cells = environments.flatMap((environment) =>
    Array.from({ length: shape.cellsEach }, (_, i) => cell(environment, i, digestOfJson(baseline))),
  );
  const declared = [...documents(environments), ...cells.map(cellDocument)];
  for (let i = 0; i < declared.length; i += 500) await must(applyDocuments(deps, ADMIN, declared.slice(i, i + 500)));
  // The first adoption registers the baseline; the others only name it.
  const [first, ...others] = cells as [CellState, ...CellState[]];
  const take = async (state: CellState): Promise<void> => {
    await must(observeCell(deps, agentOf(state.environment), state));
    await must(adoptCell(deps, ADMIN, state.cell, [baseline]));
  };
  await take(first);
  await sideBySide(others, take);
  const release = await registered(deps);
  const promotions = new Map<string, Promotion>();
  const controllers = new Controllers(deps);
  await sideBySide(environments, async (environment) => {
    const asked = await must(requestPromotion(deps, DEVELOPER, { release, environment }));
    if (shape.approved) await must(approvePromotion(deps, controllers, APPROVER, asked.id, asked.envelope));
    promotions.set(environment, asked);
  });
  return { environments, promotions: environments.map((environment) => promotions.get(environment) as Promotion) };
}

function documents(environments: readonly string[]): readonly AppliedDocument[] {
  const document = (kind: string, name: string, spec: unknown): AppliedDocument => ({
    kind,
    name,
    owner: 'bench',
    spec,
  });
  const gates = [
    { gate: 'signature', at: 'promotion', params: {} },
    { gate: 'tests-passed', at: 'promotion', params: { minimum: 20 } },
    { gate: 'window', at: 'wave', params: {} },
    { gate: 'approval', at: 'wave', params: { count: 1 } },
    { gate: 'restore-point', at: 'migrate', params: { maxAgeMs: HOUR_MS } },
  ];
  return [
    document('Application', 'psa', {
      tenancy: 'rows',
      pipeline: environments,
      rings: RINGS.map((name) => ({ name, soakMs: 1_000 })),
      verification: 'business',
      reconciliation: 'ledgers',
    }),
    ...environments.map((name) =>
      document('Environment', name, { application: 'psa', policy: 'strict', calendars: ['always'] }),
    ),
    document('Policy', 'strict', {
      gates,
      rollbackScope: 'cell',
      latestFinishMs: 8 * HOUR_MS,
      approvalMs: 8 * HOUR_MS,
      attempts: 3,
      timeoutsMs: {},
      defaultTimeoutMs: 60_000,
      hypercare: [],
    }),
    document('Verification', 'business', {}),
    document('Reconciliation', 'ledgers', {}),
    document('Calendar', 'always', {
      timezone: 'Europe/Berlin',
      windows: [{ name: 'all-day', start: '2026-01-01T00:00:00', rrule: 'FREQ=DAILY', durationMs: 24 * HOUR_MS }],
      freezes: [],
    }),
  ];
}

function cellDocument({ cell: name, environment }: CellState): AppliedDocument {
  return { kind: 'Cell', name, owner: 'bench', spec: { application: 'psa', environment } };
}

/** Two tenants in each ring, one store, all on the blue slot. */
function cell(environment: string, i: number, baseline: Digest): CellState {
  const name = `${environment}-${String(i + 1).padStart(2, '0')}`;
  const tenants = RINGS.flatMap((ring) =>
    [1, 2].map((n) => [`${name}-${ring}-${n}`, { slot: 'blue', store: 'main', ring }] as const),
  );
  const blue = { release: { digest: baseline, version: '1.0.0' }, schemaRange: { min: 1, max: 3 } };
  return {
    cell: name,
    application: 'psa',
    environment,
    slots: { blue, green: {} },
    stores: { main: { schemaVersion: 1 } },
    tenants: Object.fromEntries(tenants),
  };
}

function manifest(
  version: string,
  schemaRange: ReleaseManifest['schemaRange'],
  migrations: readonly Migration[],
  origin: ReleaseManifest['origin'],
): ReleaseManifest {
  return {
    apiVersion: 'headgate/v1',
    kind: 'Release',
    application: 'psa',
    version,
    authors: [DEVELOPER.id],
    components: [],
    schemaRange,
    migrations,
    configuration: {},
    rollbackConditions: [],
    notes: '',
    origin,
  };
}

async function registered(deps: Deps): Promise<Digest> {
  const bytes = Buffer.from('select 1');
  const file = { name: 'm2.sql', digest: await deps.blobs.put(bytes), size: bytes.length };
  const migration: Migration = { id: 'm2', from: 1, to: 2, phase: 'expand', up: file, undo: 'keep' };
  const release = manifest('1.1.0', { min: 1, max: 3 }, [migration], 'built');
  const { ref } = await must(registerRelease(deps, DEVELOPER, { manifest: canonicalBytes(release), bundle: {} }));
  const evidence: EvidenceFact = {
    digest: digestOfJson([ref.digest, 'tests']),
    predicateType: TEST_RESULT,
    subject: ref.digest,
    verified: true,
    keyId: 'bench',
    result: { passed: 40, failed: 0, skipped: 0, exitCode: 0 },
  };
  await must(attachEvidence(deps, DEVELOPER, evidence));
  return ref.digest;
}

async function sideBySide<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const worker = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker));
}

async function must<T>(result: Promise<Result<T>>): Promise<T> {
  const answer = await result;
  if (answer.ok) return answer.value;
  throw new Error(`the bench's fleet can't be made: ${answer.refusals.map((r) => `${r.where}: ${r.why}`).join('; ')}`);
}
