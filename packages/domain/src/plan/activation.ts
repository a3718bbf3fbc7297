/**
 * Phased activation of what can't be undone. Operations that a release brings, and whose use nothing takes back, are closed on its
 * slot before anybody is served there, without an end of their own. Once everybody has moved and was watched they are opened, ring
 * by ring in the order of the rings. Until then a rollback loses nothing of theirs.
 */
import type { CellState } from '../model/cell.ts';
import { didYouMean } from '../model/nearest.ts';
import type { Operation } from '../model/operation.ts';
import type { Migration } from '../model/release.ts';
import type { Action, CellPlan, Step, Wave } from './plan.ts';
import type { PlanRequest } from './planner.ts';
import { named } from './render-words.ts';
import type { Move } from './slots.ts';
import { does, keep, type MakeStep } from './step-maker.ts';

type Slot = CellPlan['slot'];
type Opening = Extract<Action, { kind: 'open-operations' }>;
type Closing = Extract<Action, { kind: 'close-operations' }>;

/** A request with the operations that its release activates, as the application declares them. */
export interface Activating extends PlanRequest {
  readonly activating: readonly Operation[];
}

/** The operations that a release activates, in the application's order; undefined: one isn't declared, and it was told. */
export function activatedBy(
  { application, manifest, release }: Pick<PlanRequest, 'application' | 'manifest' | 'release'>,
  refuse: (code: string, where: string, why: string, unblock: string) => void,
): readonly Operation[] | undefined {
  const declared = application.operations ?? [];
  const names = declared.map(({ name }) => name);
  const wanted = new Set((manifest.activates ?? []).map(({ operation }) => operation));
  const unknown = [...wanted].find((name) => !names.includes(name));
  if (unknown === undefined) return declared.filter(({ name }) => wanted.has(name));
  refuse(
    'no-such-operation',
    `release/${release.digest}`,
    `${manifest.version} activates the operation ${unknown}${didYouMean(unknown, names)}${names.length === 0 ? `, and application ${application.name} declares none` : ` (${named(names)} ${names.length === 1 ? 'is' : 'are'} declared)`}`,
    `declare it below operations of application ${application.name} (\`headgate apply -f FILE\`), or make the release again with the operation’s name`,
  );
  return undefined;
}

/** An operation that a check of the application's verification asks for; checks are named `workflow/step`. */
export interface AskedOperation {
  readonly check: string;
  readonly operation: string;
}

/** Tells checks that ask for what isn't activated yet: the router would refuse them in the rings, and the release go back. */
export function refuseAskedTooEarly(
  { application, manifest, asked = [] }: Pick<PlanRequest, 'application' | 'manifest' | 'asked'>,
  refuse: (code: string, where: string, why: string, unblock: string) => void,
): void {
  for (const { operation } of manifest.activates ?? []) {
    const checks = asked.filter((each) => each.operation === operation).map(({ check }) => check);
    if (checks.length === 0) continue;
    refuse(
      'asks-too-early',
      `verification/${application.verification.name}`,
      `its ${checks.length === 1 ? 'check' : 'checks'} ${named(checks)} would fail in the first ring, and the release go back: ${checks.length === 1 ? 'it asks' : 'they ask'} for ${operation}, which is closed on the release until everybody is on it`,
      `leave that out of the verification until ${manifest.version} is promoted (\`headgate apply -f FILE\`), or make the release again without activating ${operation}`,
    );
  }
}

/** Whom a plan activates for in a ring of a cell: whoever moves in it, and whoever was left on the release before. Sorted. */
export function onRelease(
  cell: CellState,
  { tenants, slot, running }: Move,
  ring: string,
  asked: ReadonlySet<string> | undefined,
): readonly string[] {
  const moving = new Set(tenants);
  return Object.keys(cell.tenants)
    .filter((name) => {
      const tenant = cell.tenants[name];
      if (tenant?.ring !== ring) return false;
      return moving.has(name) || (running && tenant.slot === slot.to && (asked === undefined || asked.has(name)));
    })
    .sort();
}

/** The waves in which nobody moves: the same rings in the same order, behind the last one. */
export function activationWaves(
  { application }: Pick<PlanRequest, 'application'>,
  moves: ReadonlyMap<CellState, Move>,
  whom: ReadonlyMap<CellState, ReadonlySet<string> | undefined>,
  before: number,
): readonly Wave[] {
  const waves: Wave[] = [];
  for (const { name, soakMs } of application.rings) {
    const cells = [...moves]
      .filter(([cell, move]) => onRelease(cell, move, name, whom.get(cell)).length > 0)
      .map(([{ cell }]) => cell);
    if (cells.length > 0) waves.push({ n: before + waves.length + 1, ring: name, cells, soakMs, activates: true });
  }
  return waves;
}

/** Closes on the new slot what isn't activated yet, before a ring's tenants come there. Returns what their steps need. */
export function closeUntilActivated(
  { activating, policy }: Activating,
  slot: Slot,
  wave: number,
  tenants: readonly string[],
  needs: readonly string[],
  make: MakeStep,
): readonly string[] {
  if (activating.length === 0) return needs;
  const operations = activating.map(({ name }) => name);
  const close: Action = { kind: 'close-operations', tenants, operations: activating, slot: slot.to };
  const open: Action = { kind: 'open-operations', tenants, operations, slot: slot.to };
  return [...needs, make(wave, 'close', close, does(policy, open), { needs })];
}

/** Opens it for a ring, and checks them once more. Everything before it is done by then. Returns the step that checks. */
export function activateRing(
  { activating, application }: Activating,
  slot: Slot,
  wave: number,
  tenants: readonly string[],
  before: readonly Step[],
  make: MakeStep,
): { readonly look: string } {
  const needs = before.filter(({ action: { kind } }) => kind === 'verify' || kind === 'soak').map(({ id }) => id);
  const open: Action = {
    ...{ kind: 'open-operations', tenants, slot: slot.to },
    operations: activating.map(({ name }) => name),
  };
  const stays = keep('whoever goes back is served by code that doesn’t have it; what was done by it stays done');
  const opened = make(wave, 'activate', open, stays, { needs });
  const look: Action = { kind: 'verify', tenants, verification: application.verification, slot: slot.to };
  return { look: make(wave, 'verify', look, keep('it only looks'), { needs: [opened] }) };
}

/**
 * The step from which on taking back a chain of a shared store loses something: the start of the new code, or, where nothing but
 * what is activated writes into all of what it takes away, the first activation of the cell.
 */
export function losesFrom(
  { activating, manifest }: Activating,
  cell: CellState,
  chain: readonly Migration[],
  wave: number,
  waves: readonly Wave[],
): string {
  const written = new Set((manifest.activates ?? []).flatMap(({ writes }) => writes ?? []));
  const first = waves.find((each) => each.activates && each.cells.includes(cell.cell));
  if (activating.length > 0 && first !== undefined && chain.every(({ id }) => written.has(id)))
    return `w${first.n}.activate`;
  return `w${wave}.deploy`;
}

/** Whether a forward step activates what its release brings. */
export function isActivation<S extends Pick<Step, 'action'>>(step: S): step is S & { readonly action: Opening } {
  return step.action.kind === 'open-operations' && step.action.slot !== undefined;
}

/** Whether a forward step closes on a slot what isn't activated yet. */
export function isClosedUntil<S extends Pick<Step, 'action'>>(step: S): step is S & { readonly action: Closing } {
  return step.action.kind === 'close-operations' && step.action.slot !== undefined;
}

/** Whether a step is about operations on one slot alone. */
export function isSlotOperation(step: Pick<Step, 'action'>): boolean {
  return isActivation(step) || isClosedUntil(step);
}

/** Whom a forward step routes, or activates something for. */
export function reachedBy({ action }: Pick<Step, 'action'>): readonly string[] {
  const reaches = action.kind === 'route' || (action.kind === 'open-operations' && action.slot !== undefined);
  return reaches ? action.tenants : [];
}

/** What opens what begun steps closed on a slot, but for those who stay there; undefined: nothing is. */
export function closedBehind(
  begun: readonly Step[],
  staying: ReadonlySet<string>,
): Pick<Extract<Step['undo'], { kind: 'act' }>, 'action' | 'timeoutMs' | 'attempts'> | undefined {
  const closing = begun.filter(isClosedUntil);
  const { undo } = closing[0] ?? {};
  const tenants = closing.flatMap(({ action }) => action.tenants).filter((tenant) => !staying.has(tenant));
  if (undo?.kind !== 'act' || undo.action.kind !== 'open-operations' || tenants.length === 0) return undefined;
  const { action, timeoutMs, attempts } = undo;
  return { action: { ...action, tenants }, timeoutMs, attempts };
}

/** What is closed at this moment until a later step, in words; undefined: nothing, or all of it is open. */
export function closedUntil({ steps }: Pick<CellPlan, 'steps'>, begun: number): string | undefined {
  const closing = steps.slice(0, begun).find(isClosedUntil);
  const next = steps.slice(begun).find(isActivation);
  if (closing === undefined || next === undefined) return undefined;
  const names = closing.action.operations.map(({ name }) => name);
  return `${named(names)} ${names.length === 1 ? 'is' : 'are'} closed on slot ${closing.action.slot} until activated, which begins with ${next.id} here`;
}
