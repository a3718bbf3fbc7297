import type { VerificationContent } from '@headgate/documents/kinds/verification';
import { operationsAsked } from '@headgate/documents/verification/asked-operations';
import {
  type CellState,
  type Digest,
  driftOf,
  type Plan,
  planPromotion,
  type Refusal,
  type ReleaseManifest,
} from '@headgate/domain';
import type { AskedOperation } from '@headgate/domain/plan/activation';
import type { Deps } from '../deps.ts';
import { type Declared, loadDeclared } from '../documents-in-store.ts';
import type { Row } from '../ports/store.ts';
import { type CellRecord, type DocumentRecord, type ReleaseRecord, streams } from '../records.ts';
import { declaredRings } from './declared-rings.ts';
import { type Overtaking, whoStays } from './overtaking.ts';
import { ranAhead } from './ran-ahead.ts';
import { no, notFound, ok, type Result, refuse } from './result.ts';
import { usersElsewhere } from './users-elsewhere.ts';
import { losesGoingBack, removedBy, waysBack } from './ways-back.ts';

export interface PlannedPromotion {
  readonly plan: Plan;
  readonly release: ReleaseRecord;
  readonly declared: Declared;
}

/** What a promotion would do, to these tenants or (without) to all, without touching anything. */
export async function planForPromotion(
  deps: Deps,
  releaseDigest: Digest,
  environment: string,
  tenants?: readonly string[],
  overtaking?: Pick<Overtaking, 'promotion' | 'release' | 'cells'>,
): Promise<Result<PlannedPromotion>> {
  const what = `plan a promotion to ${environment}`;
  const releaseStream = streams.release(releaseDigest);
  const release = (await deps.store.load([releaseStream])).get(releaseStream) as Row<ReleaseRecord> | undefined;
  if (release === undefined) return notFound(what, releaseStream);
  const found = await loadDeclared(deps.store, release.state.application, environment);
  if (!found.ok) return refuse('missing-document', what, found.missing, found.because, found.unblock);
  const { declared } = found;
  const { application } = release.state;
  if (declared.environment.application !== application)
    return refuse(
      'other-application',
      what,
      streams.document('Environment', environment),
      `environment ${environment} is of application ${declared.environment.application}, the release of ${application}`,
      `declare an environment of ${application} under another name, and put its cells there`,
    );
  const cells = await cellsOf(deps, environment, application);
  if (!cells.ok) return no(...cells.refusals);
  const after = new Map(overtaking?.cells.map((cell) => [cell.cell, cell]));
  const states = cells.value.states.map((cell) => after.get(cell.cell) ?? cell);
  const stays = overtaking && whoStays(states, overtaking.release);
  const nobody = overtaking && stays && refuseStaying(states, stays, tenants, overtaking.promotion, what);
  if (nobody?.ok === false) return nobody;
  const planned = planPromotion({
    application: declared.application,
    environment,
    policy: declared.policy,
    policyDigest: declared.policyDigest,
    release: release.state.ref,
    manifest: release.state.manifest,
    cells: states,
    drift: cells.value.drift,
    observed: cells.value.observed,
    declaredRings: await declaredRings(deps, states),
    waysBack: await waysBack(deps, environment, release.state.manifest, overtaking?.promotion),
    removes: removedBy(release.state),
    lossyBack: losesGoingBack(release.state),
    elsewhere: await usersElsewhere(deps.store, declared.application, environment, release.state.manifest),
    ranAhead: await ranAhead(deps, environment, release.state.manifest, declared.policy, states),
    asked: askedBy(declared, release.state.manifest),
    ...(tenants !== undefined && { tenants }),
    ...(stays !== undefined && { staying: stays }),
    ...(overtaking !== undefined && { overtakes: overtaking.promotion }),
    now: await deps.store.now(),
  });
  if (!planned.ok) return no(...planned.refusals);
  return ok({ plan: planned.plan, release: release.state, declared });
}

/** What the application's checks ask for, of its operations; read only where the release activates some. */
function askedBy({ application, rows }: Declared, { activates = [] }: ReleaseManifest): readonly AskedOperation[] {
  if (activates.length === 0) return [];
  const stream = streams.document('Verification', application.verification.name);
  const row = rows.find((each) => each.stream === stream) as Row<DocumentRecord<VerificationContent['spec']>>;
  return operationsAsked(row.state.spec, application.operations ?? []);
}

/** A hotfix leaves those alone who stay on the release that it overtakes: refused where that is whoever it would be for. */
function refuseStaying(
  states: readonly CellState[],
  stays: ReadonlyMap<string, ReadonlySet<string>>,
  asked: readonly string[] | undefined,
  promotion: string,
  what: string,
): Result<undefined> {
  const where = streams.promotion(promotion);
  const moving = new Set<string>();
  const staying = new Set<string>();
  for (const { cell, tenants } of states)
    for (const name of Object.keys(tenants)) (stays.get(cell)?.has(name) ? staying : moving).add(name);
  const newer = asked?.find((name) => staying.has(name) && !moving.has(name));
  if (newer !== undefined)
    return refuse('on-newer-release', what, where, `${newer} stays on its release`, 'name who is not on it');
  if (moving.size === 0)
    return refuse('on-newer-release', what, where, 'everybody is on its release already', 'promote without overtaking');
  return ok(undefined);
}

/**
 * The environment's declared cells as they are. A cell that is declared but not adopted stands in the way, by name. Where
 * another application runs, in an environment that changed hands, nothing of ours goes.
 */
async function cellsOf(
  deps: Deps,
  environment: string,
  application: string,
): Promise<
  Result<{
    readonly states: readonly CellState[];
    readonly drift: Record<string, ReturnType<typeof driftOf>>;
    readonly observed: ReadonlyMap<string, CellState>;
  }>
> {
  const names = await declaredCells(deps, environment);
  const rows = await deps.store.load(names.map(streams.cell));
  const refusals: Refusal[] = [];
  const states: CellState[] = [];
  const drift: Record<string, ReturnType<typeof driftOf>> = {};
  const observed = new Map<string, CellState>();
  for (const name of names) {
    const record = rows.get(streams.cell(name))?.state as CellRecord | undefined;
    const where = streams.cell(name);
    const runs = (record?.desired ?? record?.observed?.state)?.application;
    if (runs !== undefined && runs !== application) continue;
    if (record?.desired === undefined)
      refusals.push({
        code: 'not-adopted',
        what: `plan for ${environment}`,
        where,
        why: 'the cell is declared but not adopted',
        unblock: `headgate adopt ${name}`,
      });
    else if (record.uncertain)
      refusals.push({
        code: 'uncertain',
        what: `plan for ${environment}`,
        where,
        why: 'a rollout ended with a step whose effect nobody has confirmed',
        unblock: 'wait for the next observation by its agent',
      });
    else {
      states.push(record.desired);
      if (record.observed === undefined) continue;
      drift[name] = driftOf(record.observed.state);
      observed.set(name, record.observed.state);
    }
  }
  return refusals.length > 0 ? no(...refusals) : ok({ states, drift, observed });
}

/** The names of an environment's cells, adopted or not. */
export async function declaredCells(deps: Pick<Deps, 'store'>, environment: string): Promise<readonly string[]> {
  const names: string[] = [];
  let after: string | undefined;
  for (;;) {
    const page = await deps.store.list('document', {
      limit: 1_000,
      ...(after === undefined ? { after: 'document/Cell/' } : { after }),
    });
    for (const row of page) {
      const record = row.state as DocumentRecord<{ environment: string }>;
      if (record.kind !== 'Cell') return names;
      if (record.spec.environment === environment) names.push(record.name);
    }
    if (page.length < 1_000) return names;
    after = page.at(-1)?.stream;
  }
}
