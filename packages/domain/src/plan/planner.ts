/**
 * The planner answers a promotion request with a plan, or says all that stands in its way. It chooses nothing that
 * somebody could not foresee: rings in their order, one cell's tenants of a ring together, restore point before
 * migration before code before traffic, and an undo for each.
 */
import type { CellState } from '../model/cell.ts';
import { fits } from '../model/cell.ts';
import type { Digest, Instant } from '../model/identity.ts';
import type { Refusal } from '../model/refusal.ts';
import type { Migration, ReleaseManifest, ReleaseRef } from '../model/release.ts';
import type { ApplicationSpec, PolicySpec } from '../model/specs.ts';
import type { Action, ActionKind, CellPlan, MigrationRef, Plan, RecoveryStep, Step, Undo, Wave } from './plan.ts';
import { riskOf } from './risk.ts';

export interface PlanRequest {
  readonly application: ApplicationSpec;
  readonly environment: string;
  readonly policy: PolicySpec;
  readonly policyDigest: Digest;
  readonly release: ReleaseRef;
  readonly manifest: ReleaseManifest;
  /** The environment's cells as they are now. */
  readonly cells: readonly CellState[];
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
  if (request.cells.length === 0)
    refuse(
      'no-cells',
      `environment/${environment}`,
      'it has no cell whose state is known',
      'declare a cell and adopt what runs there',
    );
  const known = new Set(application.rings.map((ring) => ring.name));
  for (const cell of request.cells) {
    const unknown = Object.entries(cell.tenants).find(([, tenant]) => !known.has(tenant.ring));
    if (unknown !== undefined)
      refuse(
        'no-such-ring',
        `cell/${cell.cell}`,
        `tenant ${unknown[0]} is in ring ${unknown[1].ring}, which the application doesn't list`,
        'add the ring to the application, or correct the tenant',
      );
  }
  if (refusals.length > 0) return { ok: false, refusals };

  const waves: Wave[] = [];
  for (const ring of application.rings) {
    const cells = request.cells
      .filter((cell) => Object.values(cell.tenants).some((t) => t.ring === ring.name))
      .map((c) => c.cell);
    if (cells.length > 0) waves.push({ n: waves.length + 1, ring: ring.name, cells, soakMs: ring.soakMs });
  }
  if (waves.length === 0) refuse('no-tenants', `environment/${environment}`, 'no cell has a tenant', 'declare tenants');

  const cells: CellPlan[] = [];
  for (const cell of request.cells) {
    const planned = planCell(request, cell, waves, (code, why, unblock) =>
      refuse(code, `cell/${cell.cell}`, why, unblock),
    );
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
    waves,
    cells,
    gates: policy.gates,
    rollbackScope: policy.rollbackScope,
    pointOfNoReturn: pointOfNoReturn(cells),
    latestFinish: request.now + policy.latestFinishMs,
    risk: riskOf(manifest, cells),
  };
  return { ok: true, plan };
}

type Refuse = (code: string, why: string, unblock: string) => void;

function planCell(request: PlanRequest, cell: CellState, waves: readonly Wave[], refuse: Refuse): CellPlan | undefined {
  const slot = chooseSlots(request, cell, refuse);
  if (slot === undefined) return undefined;
  const steps: Step[] = [];
  const make = stepMaker(request.policy, steps);
  const old = cell.slots[slot.from];
  for (const wave of waves) {
    const tenants = Object.keys(cell.tenants)
      .filter((t) => cell.tenants[t]?.ring === wave.ring)
      .sort();
    if (tenants.length === 0) continue;
    if (steps.length === 0) {
      if (cell.slots[slot.to]?.release !== undefined) {
        make(wave.n, 'clear', { kind: 'retire', slot: slot.to }, keep('no tenant is routed to what ran there'));
      }
      for (const [store, { schemaVersion }] of Object.entries(cell.stores).sort(([a], [b]) => (a < b ? -1 : 1))) {
        const chain = migrationChain(request.manifest, schemaVersion, store, refuse);
        if (chain === undefined) return undefined;
        const to = chain.at(-1)?.to ?? schemaVersion;
        if (!fits(request.manifest.schemaRange, to)) {
          refuse(
            'schema-range',
            `store ${store} would be at schema ${to}, the release runs on ${span(request.manifest.schemaRange)}`,
            'add the migrations that are missing, or take an earlier release first',
          );
          return undefined;
        }
        const inTheWay = chain.find((m) => m.phase === 'contract');
        if (inTheWay !== undefined) {
          refuse(
            'contract-with-code',
            `migration ${inTheWay.id} removes what running code may use`,
            'promote it on its own, once nothing uses what it removes',
          );
          return undefined;
        }
        if (old?.schemaRange !== undefined && !fits(old.schemaRange, to)) {
          refuse(
            'schema-range',
            `store ${store} would be at schema ${to}, but ${old.release?.version ?? 'what runs'} in slot ${slot.from} runs on ${span(old.schemaRange)}`,
            'promote a version between the two first',
          );
          return undefined;
        }
        if (chain.length === 0) continue;
        const point = make(
          wave.n,
          `restore-point.${store}`,
          { kind: 'restore-point', store },
          keep('a restore point changes nothing'),
        );
        make(
          wave.n,
          `migrate.${store}`,
          { kind: 'migrate', store, from: schemaVersion, to, migrations: chain.map((m) => ref(m, m.up)) },
          undoMigration(request.policy, chain, store, schemaVersion),
          [point],
        );
      }
      const needs = steps.filter((s) => s.action.kind === 'migrate' || s.action.kind === 'retire').map((s) => s.id);
      make(
        wave.n,
        'deploy',
        { kind: 'deploy', slot: slot.to, release: request.release },
        does(request.policy, { kind: 'retire', slot: slot.to }),
        needs,
      );
    }
    const deploy = steps.find((s) => s.action.kind === 'deploy');
    const route = make(
      wave.n,
      'route',
      { kind: 'route', tenants, slot: slot.to },
      does(request.policy, { kind: 'route', tenants, slot: slot.from }),
      deploy === undefined ? [] : [deploy.id],
    );
    const { verification } = request.application;
    const verify = make(
      wave.n,
      'verify',
      { kind: 'verify', tenants, verification, slot: slot.to },
      keep('it only looks'),
      [route],
    );
    if (wave.soakMs > 0)
      make(
        wave.n,
        'soak',
        { kind: 'soak', tenants, verification, slot: slot.to, durationMs: wave.soakMs },
        keep('it only looks'),
        [verify],
        wave.soakMs,
      );
  }
  return { cell: cell.cell, base: cell, slot, steps, recovery: recoveryOf(request, cell, slot.from) };
}

/** Traffic goes from the one slot that serves all tenants to the first one that serves none. */
function chooseSlots(request: PlanRequest, cell: CellState, refuse: Refuse): { from: string; to: string } | undefined {
  const serving = [...new Set(Object.values(cell.tenants).map((t) => t.slot))].sort();
  const [from] = serving;
  if (from === undefined) {
    refuse('no-tenants', 'the cell has no tenant', 'declare its tenants, or leave the cell out');
    return undefined;
  }
  if (serving.length > 1) {
    refuse(
      'mixed-slots',
      `its tenants are on slots ${serving.join(' and ')}`,
      'finish or roll back what left them there',
    );
    return undefined;
  }
  if (cell.slots[from]?.release?.digest === request.release.digest) {
    refuse('already-there', `slot ${from} serves all tenants with this release`, 'nothing: it is promoted');
    return undefined;
  }
  const to = Object.keys(cell.slots)
    .sort()
    .find((name) => name !== from);
  if (to === undefined) {
    refuse('no-free-slot', `slot ${from} is its only one`, 'give the cell a second slot');
    return undefined;
  }
  return { from, to };
}

/** The migrations that take a store from its version as far as the release goes, without a gap. */
function migrationChain(
  manifest: ReleaseManifest,
  schemaVersion: number,
  store: string,
  refuse: Refuse,
): readonly Migration[] | undefined {
  const ahead = manifest.migrations.filter((m) => m.from >= schemaVersion).sort((a, b) => a.from - b.from);
  let at = schemaVersion;
  for (const migration of ahead) {
    if (migration.from !== at) {
      refuse(
        'migration-gap',
        `store ${store} is at schema ${at}, the next migration starts at ${migration.from}`,
        'take the release between them first',
      );
      return undefined;
    }
    at = migration.to;
  }
  return ahead;
}

function undoMigration(policy: PolicySpec, chain: readonly Migration[], store: string, from: number): Undo {
  if (chain.every((m) => m.undo === 'keep'))
    return keep(
      'the schema is only expanded: the code before runs on it, and other tenants may have written meanwhile',
    );
  const to = chain.at(-1)?.to ?? from;
  if (chain.some((m) => m.undo === 'restore'))
    return { ...does(policy, { kind: 'restore', store, to: from }), approver: 'approver' };
  const down = chain.flatMap((m) => (m.undo === 'down' && m.down !== undefined ? [ref(m, m.down)] : [])).reverse();
  return does(policy, { kind: 'unmigrate', store, from: to, to: from, migrations: down });
}

function recoveryOf(request: PlanRequest, cell: CellState, slot: string): readonly RecoveryStep[] {
  const { application, policy } = request;
  const tenants = Object.keys(cell.tenants).sort();
  const steps: RecoveryStep[] = [];
  if (application.reconciliation !== undefined) {
    for (const store of Object.keys(cell.stores).sort()) {
      const action: Action = { kind: 'reconcile', store, reconciliation: application.reconciliation, tenants };
      steps.push({
        id: `recover.reconcile.${store}`,
        action,
        timeoutMs: timeoutOf(policy, 'reconcile'),
        attempts: policy.attempts,
      });
    }
  }
  const verify: Action = { kind: 'verify', tenants, verification: application.verification, slot };
  steps.push({
    id: 'recover.verify',
    action: verify,
    timeoutMs: timeoutOf(policy, 'verify'),
    attempts: policy.attempts,
  });
  return steps;
}

/** Where undo stops being possible without losing what was written since: the first restore in the plan. */
function pointOfNoReturn(cells: readonly CellPlan[]): Plan['pointOfNoReturn'] {
  for (const { cell, steps } of cells) {
    const restored = steps.find((s) => s.undo.kind === 'act' && s.undo.action.kind === 'restore');
    const route = restored && steps.find((s) => s.action.kind === 'route');
    if (route !== undefined)
      return {
        cell,
        step: route.id,
        because: 'from the first write on, going back restores the store and loses what was written since',
      };
  }
  return null;
}

function stepMaker(policy: PolicySpec, steps: Step[]) {
  return (
    wave: number,
    name: string,
    action: Action,
    undo: Undo,
    needs: readonly string[] = [],
    extraMs = 0,
  ): string => {
    const id = `w${wave}.${name}`;
    steps.push({
      id,
      wave,
      action,
      needs,
      undo,
      timeoutMs: timeoutOf(policy, action.kind) + extraMs,
      attempts: policy.attempts,
    });
    return id;
  };
}

function does(policy: PolicySpec, action: Action): Extract<Undo, { kind: 'act' }> {
  return { kind: 'act', action, timeoutMs: timeoutOf(policy, action.kind), attempts: policy.attempts };
}

function keep(because: string): Undo {
  return { kind: 'keep', because };
}

function ref(migration: Migration, file: Migration['up']): MigrationRef {
  const { id, from, to, phase } = migration;
  return { id, from, to, phase, file };
}

function timeoutOf(policy: PolicySpec, kind: ActionKind): number {
  return policy.timeoutsMs[kind] ?? policy.defaultTimeoutMs;
}

function span(range: { min: number; max: number }): string {
  return `schema ${range.min} to ${range.max}`;
}
