/**
 * The planner answers a promotion request with a plan, or says all that stands in its way. It chooses nothing that
 * somebody could not foresee: rings in their order, one cell's tenants of a ring together, restore point before
 * migration before code before traffic, and an undo for each.
 */
import { misplaced } from '../gates/catalog.ts';
import type { CellState, driftOf } from '../model/cell.ts';
import type { Digest, Instant } from '../model/identity.ts';
import type { Refusal } from '../model/refusal.ts';
import type { ReleaseManifest, ReleaseRef } from '../model/release.ts';
import type { ApplicationSpec, PolicySpec } from '../model/specs.ts';
import {
  type Activating,
  type AskedOperation,
  activatedBy,
  activateRing,
  activationWaves,
  closeUntilActivated,
  losesFrom,
  onRelease,
  refuseAskedTooEarly,
} from './activation.ts';
import { askedIn, leftOut, refuseUnknown } from './asked-tenants.ts';
import { comesTooEarly, type WayBackUser } from './contract-users.ts';
import { refuseDrifted, refuseUnmasked } from './drifted-stores.ts';
import { type DeclaredRings, refuseUnknownRings } from './known-rings.ts';
import { migrate, migrationsOf, undoMigration } from './migrations.ts';
import { noReturnOf } from './no-return.ts';
import { isTooOld, type RanAhead, rangesAreDerived } from './older-code.ts';
import { gatesToOvertake } from './overtaking.ts';
import { upgradeOwnStores } from './own-stores.ts';
import type { Action, CellPlan, Plan, RecoveryStep, Step, Wave } from './plan.ts';
import { closedBy, inWindow } from './read-only-window.ts';
import { riskOf } from './risk.ts';
import { chooseMove, type Move, type Refuse } from './slots.ts';
import { does, keep, type MakeStep, stepMaker, timeoutOf } from './step-maker.ts';
import type { UserElsewhere } from './users-elsewhere.ts';

export interface PlanRequest {
  readonly application: ApplicationSpec;
  readonly environment: string;
  readonly policy: PolicySpec;
  readonly policyDigest: Digest;
  readonly release: ReleaseRef;
  readonly manifest: ReleaseManifest;
  /** The environment's cells as they are now. */
  readonly cells: readonly CellState[];
  /** The only tenants that are asked for; absent: everybody who isn't on the release yet. */
  readonly tenants?: readonly string[];
  /** Whom it leaves alone whoever is asked for, by cell: a tenant's name says who it is within its cell only. */
  readonly staying?: ReadonlyMap<string, ReadonlySet<string>>;
  /** The open promotion that it overtakes: then one approval more is asked for. */
  readonly overtakes?: string;
  /** Stores that were seen to have been changed by hand, by cell. */
  readonly drift?: Readonly<Record<string, ReturnType<typeof driftOf>>>;
  /** The cells as their agents last saw them, where they did. */
  readonly observed?: ReadonlyMap<string, CellState>;
  /** Rings as Tenant documents say. */
  readonly declaredRings?: DeclaredRings;
  /** What an open undo or watch would bring back. Only asked where something is removed. */
  readonly waysBack?: readonly WayBackUser[];
  /** What an analysis says that a migration removes, by the version that it leads to: for words. */
  readonly removes?: ReadonlyMap<number, readonly string[]>;
  /** A verified rehearsal of the release says that its ways back lose data. */
  readonly lossyBack?: boolean;
  /** What serves in the application's other environments. Only asked where something is removed. */
  readonly elsewhere?: readonly UserElsewhere[];
  /** What the checks of the application's verification ask for, of its operations. Only asked where something is activated. */
  readonly asked?: readonly AskedOperation[];
  /** What was run in stores beyond what the release was built for. Only asked where its range is derived. */
  readonly ranAhead?: RanAhead;
  readonly now: Instant;
}

export type Planned =
  | { readonly ok: true; readonly plan: Plan }
  | { readonly ok: false; readonly refusals: readonly Refusal[] };

export function planPromotion(request: PlanRequest): Planned {
  const { application, environment, manifest, policy } = request;
  const refusals: Refusal[] = [];
  const refuse = (code: string, where: string, why: string, unblock: string): void => {
    refusals.push({
      code,
      what: `plan ${manifest.application} ${manifest.version} for ${environment}`,
      where,
      why,
      unblock,
    });
  };
  if (manifest.application !== application.name)
    refuse(
      'other-application',
      `release/${request.release.digest}`,
      `the release is of ${manifest.application}, not of ${application.name}`,
      'name a release of this application',
    );
  if (!application.pipeline.includes(environment))
    refuse(
      'no-such-environment',
      `application/${application.name}`,
      `its pipeline is ${application.pipeline.join(' → ')}`,
      'name an environment of the pipeline',
    );
  for (const cell of request.cells.filter((each) => each.application !== application.name))
    refuse(
      'other-application',
      `cell/${cell.cell}`,
      `${cell.application} runs there, not ${application.name}`,
      'name an environment of this application',
    );
  for (const spec of policy.gates) {
    const why = misplaced(spec);
    if (why !== undefined)
      refuse('gate-place', `policy of ${environment}`, why, `leave out \`at\` of ${spec.gate} in the policy`);
  }
  if (request.cells.length === 0)
    refuse(
      'no-cells',
      `environment/${environment}`,
      'it has no cell whose state is known',
      'declare a cell and adopt what runs there',
    );
  const only = request.tenants === undefined ? undefined : new Set(request.tenants);
  const whom = new Map(request.cells.map((cell) => [cell, askedIn(cell, only, request.staying?.get(cell.cell))]));
  const asked = request.cells.filter((cell) => whom.get(cell)?.size !== 0);
  if (only !== undefined) refuseUnknown(only, request.cells, environment, refuse);
  refuseUnknownRings(request, asked, refuse);
  for (const cell of asked) {
    const held = Object.entries(cell.tenants).find(([, tenant]) => tenant.held);
    if (held !== undefined)
      refuse(
        'tenant-held',
        `cell/${cell.cell}`,
        `tenant ${held[0]} is held, and nobody is served there`,
        'see which rollout holds it, and end that first',
      );
  }
  if (refusals.length > 0) return { ok: false, refusals };

  const isForAll = [...whom.values()].every((names) => names === undefined);
  const moves = new Map<CellState, Move>();
  for (const cell of asked) {
    const refuseCell: Refuse = (code, why, unblock) => refuse(code, `cell/${cell.cell}`, why, unblock);
    const move = chooseMove(cell, request.release.digest, whom.get(cell), refuseCell);
    // A cell that has the release, say because a promotion was kept there, has nothing to do with this one.
    if (move !== 'there' && move !== undefined) moves.set(cell, move);
  }
  if (moves.size === 0 && refusals.length === 0)
    refuse(
      'already-there',
      `environment/${environment}`,
      isForAll ? 'all tenants of all its cells are on this release' : 'the tenants that were named are on this release',
      'nothing: it is promoted; where a gate soaked of a later environment doesn’t know of that, since a restore of Headgate forgot it, make the same release under another version (`headgate release create FOLDER --key KEY`) and promote that one',
    );

  const waves: Wave[] = [];
  for (const { name, soakMs } of application.rings) {
    const cells = [...moves].filter(([cell, move]) => inRing(cell, move, name).length > 0).map(([cell]) => cell.cell);
    if (cells.length > 0) waves.push({ n: waves.length + 1, ring: name, cells, soakMs });
  }

  const operations = activatedBy(request, refuse) ?? [];
  refuseAskedTooEarly(request, refuse);
  const all = operations.length === 0 ? waves : [...waves, ...activationWaves(request, moves, whom, waves.length)];

  const cells: CellPlan[] = [];
  for (const [cell, move] of moves) {
    const refuseCell: Refuse = (code, why, unblock) => refuse(code, `cell/${cell.cell}`, why, unblock);
    refuseDrifted(request, cell, move, refuseCell);
    refuseUnmasked(request, cell, move, refuseCell);
    const planned = planCell({ ...request, activating: operations }, cell, move, all, whom.get(cell), refuseCell);
    if (planned !== undefined) cells.push(planned);
  }
  if (refusals.length > 0) return { ok: false, refusals };

  const plan: Plan = {
    v: 1,
    application: application.name,
    environment,
    release: request.release,
    schemaRange: manifest.schemaRange,
    policyDigest: request.policyDigest,
    waves: all,
    cells,
    gates: request.overtakes === undefined ? policy.gates : gatesToOvertake(policy.gates),
    rollbackScope: policy.rollbackScope,
    ...(manifest.rollbackConditions.length > 0 && { rollbackConditions: manifest.rollbackConditions }),
    ...(operations.length > 0 && { activates: manifest.activates ?? [] }),
    pointOfNoReturn: cells.map(noReturnOf).find((point) => point !== undefined) ?? null,
    latestFinish: request.now + policy.latestFinishMs,
    risk: riskOf(manifest, cells, {
      environment,
      users: request.elsewhere ?? [],
      removes: request.removes,
      derived: rangesAreDerived(policy.gates),
    }),
    ...(request.overtakes !== undefined && { overtakes: request.overtakes }),
  };
  // Whoever names everybody who is left asks for the whole.
  const left = leftOut(request.cells, request.release.digest, moves);
  if (isForAll || left.size === 0) return { ok: true, plan };
  const movers = [...moves].flatMap(([{ cell }, { tenants }]) =>
    tenants.map((name) => (left.has(name) ? `${cell}/${name}` : name)),
  );
  return { ok: true, plan: { ...plan, tenants: movers.sort() } };
}

function inRing(cell: CellState, move: Move, ring: string): readonly string[] {
  return move.tenants.filter((name) => cell.tenants[name]?.ring === ring);
}

function planCell(
  request: Activating,
  cell: CellState,
  move: Move,
  waves: readonly Wave[],
  asked: ReadonlySet<string> | undefined,
  refuse: Refuse,
): CellPlan | undefined {
  const { slot } = move;
  const steps: Step[] = [];
  const make = stepMaker(request.policy, steps);
  let prepared: readonly string[] | undefined;
  for (const wave of waves) {
    if (wave.activates) {
      const tenants = onRelease(cell, move, wave.ring, asked);
      if (tenants.length === 0) continue;
      const { look } = activateRing(request, slot, wave.n, tenants, steps, make);
      soakTenants(request, slot, wave, tenants, [look], make);
      continue;
    }
    const tenants = inRing(cell, move, wave.ring);
    if (tenants.length === 0) continue;
    prepared ??= prepare(request, cell, move, wave.n, waves, make, refuse);
    if (prepared === undefined) return undefined;
    const needs = closeUntilActivated(request, slot, wave.n, tenants, prepared, make);
    if (request.application.tenancy !== 'store-per-tenant') moveTenants(request, slot, wave, tenants, needs, make);
    else {
      const upgraded = upgradeOwnStores({ request, cell, slot, wave, tenants, needs, make, refuse });
      if (upgraded === undefined) return undefined;
      if (upgraded.rest.length > 0) moveTenants(request, slot, wave, upgraded.rest, needs, make, upgraded.opened);
      else soakTenants(request, slot, wave, tenants, upgraded.opened, make);
    }
  }
  return { cell: cell.cell, base: cell, slot, steps, recovery: recoveryOf(request, cell, move) };
}

/** What a cell needs before its first tenant moves: room, restore points, migrations, code. Returns what routes need. */
function prepare(
  request: Activating,
  cell: CellState,
  { slot, running, staying }: Move,
  wave: number,
  waves: readonly Wave[],
  make: MakeStep,
  refuse: Refuse,
): readonly string[] | undefined {
  const { policy, manifest } = request;
  const needs: string[] = [];
  if (!running && cell.slots[slot.to]?.release !== undefined)
    needs.push(make(wave, 'clear', { kind: 'retire', slot: slot.to }, keep('no tenant is routed to what ran there')));
  const shared = request.application.tenancy === 'store-per-tenant' ? {} : cell.stores;
  for (const [store, { schemaVersion }] of Object.entries(shared).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const old = { slot: slot.from, state: cell.slots[slot.from] };
    const chain = migrationsOf(manifest, store, schemaVersion, old, refuse);
    if (chain === undefined || isTooOld(request, cell, store, refuse)) return undefined;
    if (chain.length === 0) continue;
    if (comesTooEarly(request, cell, slot, chain, refuse)) return undefined;
    const other = staying.find((name) => cell.tenants[name]?.store === store);
    if (other !== undefined) {
      refuse(
        'shared-store',
        `the release migrates store ${store}, in which ${other} lives too, who isn't named`,
        'name every tenant of the store, or promote the release to all',
      );
      return undefined;
    }
    const operations = closedBy(request, chain, refuse);
    if (operations === undefined) return undefined;
    const action: Action = { kind: 'restore-point', store };
    const point = make(wave, `restore-point.${store}`, action, keep('a restore point changes nothing'));
    const name = `migrate.${store}`;
    // New code writes from its start on; where it serves already, from the migration on.
    const newCode = running ? `w${wave}.${name}` : losesFrom(request, cell, chain, wave, waves);
    const undo = undoMigration(request, chain, store, schemaVersion, newCode, operations);
    const migrating = migrate(store, schemaVersion, chain, operations);
    const window = { request, cell, store, wave, operations, needs: [point] };
    needs.push(inWindow(window, make, (needed) => make(wave, name, migrating, undo, { needs: needed })));
  }
  // Code that serves tenants already is neither deployed again nor ever retired by an undo of this plan.
  if (running) return needs;
  const undo = does(policy, { kind: 'retire', slot: slot.to });
  return [make(wave, 'deploy', { kind: 'deploy', slot: slot.to, release: request.release }, undo, { needs })];
}

/** Moves a ring's tenants of a cell, checks them, and watches them for as long as the ring soaks. */
function moveTenants(
  request: PlanRequest,
  slot: CellPlan['slot'],
  wave: Wave,
  tenants: readonly string[],
  needs: readonly string[],
  make: MakeStep,
  opened: readonly string[] = [],
): void {
  const { verification } = request.application;
  const back = does(request.policy, { kind: 'route', tenants, slot: slot.from });
  const route = make(wave.n, 'route', { kind: 'route', tenants, slot: slot.to }, back, { needs });
  const look: Action = { kind: 'verify', tenants, verification, slot: slot.to };
  const verify = make(wave.n, 'verify', look, keep('it only looks'), { needs: [route] });
  soakTenants(request, slot, wave, tenants, [...opened, verify], make);
}

/** Watches a ring's tenants for as long as it soaks. */
function soakTenants(
  request: PlanRequest,
  slot: CellPlan['slot'],
  wave: Wave,
  tenants: readonly string[],
  needs: readonly string[],
  make: MakeStep,
): void {
  if (wave.soakMs === 0) return;
  const { verification } = request.application;
  const soak: Action = { kind: 'soak', tenants, verification, slot: slot.to, durationMs: wave.soakMs };
  make(wave.n, 'soak', soak, keep('it only looks'), { needs, extraMs: wave.soakMs });
}

function recoveryOf(request: PlanRequest, cell: CellState, { slot, tenants }: Move): readonly RecoveryStep[] {
  const { application, policy } = request;
  const steps: RecoveryStep[] = [];
  if (application.reconciliation !== undefined) {
    for (const store of Object.keys(cell.stores).sort()) {
      const living = tenants.filter((name) => cell.tenants[name]?.store === store);
      if (living.length === 0) continue;
      const { reconciliation } = application;
      const action: Action = { kind: 'reconcile', store, reconciliation, tenants: living };
      steps.push({
        id: `recover.reconcile.${store}`,
        action,
        timeoutMs: timeoutOf(policy, 'reconcile'),
        attempts: policy.attempts,
      });
    }
  }
  const verify: Action = { kind: 'verify', tenants, verification: application.verification, slot: slot.from };
  steps.push({
    id: 'recover.verify',
    action: verify,
    timeoutMs: timeoutOf(policy, 'verify'),
    attempts: policy.attempts,
  });
  return steps;
}
