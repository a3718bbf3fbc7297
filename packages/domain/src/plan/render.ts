/**
 * A plan as text for a person, in 100 columns: what will happen, in which order, what undoes it, what must hold before,
 * and what becomes of whom if a wave fails. It tells nothing that isn't in the plan, and leaves out no step.
 */

import { instantText } from '../calendars/window.ts';
import { gateNamed } from '../gates/catalog.ts';
import { durationText } from '../model/duration.ts';
import { reachedBy } from './activation.ts';
import { askedBefore } from './no-return.ts';
import type { Action, GateSpec, Plan, Step, Wave } from './plan.ts';
import { backText } from './render-back.ts';
import { actionText, column, counted, indented, named } from './render-words.ts';
import { type Scope, undoSteps } from './undo.ts';

/** The plan as text, lines of at most 100 columns, ending with a newline. */
export function renderPlan(plan: Plan): string {
  const { release, application, environment } = plan;
  const sections = [
    [`Promote ${application} ${release.version} to ${environment}`, ...indented(2, [release.digest])],
    facts(plan),
    gates(plan),
    ...plan.waves.map((wave) => waveText(plan, wave)),
    backText(plan),
    failures(plan),
  ];
  return `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function facts(plan: Plan): readonly string[] {
  const { risk, schemaRange, rollbackScope, latestFinish, policyDigest } = plan;
  const tenants = new Set(plan.cells.flatMap((c) => c.steps.flatMap(reachedBy).map((t) => `${c.cell}/${t}`)));
  const steps = plan.cells.reduce((sum, c) => sum + c.steps.length, 0);
  const sizes = [
    counted(plan.waves.length, 'wave'),
    counted(plan.cells.length, 'cell'),
    counted(tenants.size, 'tenant'),
    counted(steps, 'step'),
  ];
  return [
    ...column('Risk', `${risk.level}: ${risk.because.join('; ')}`),
    ...column('Size', sizes.join(', ')),
    ...(plan.tenants === undefined
      ? []
      : column('Only for', `${named(plan.tenants)}; everybody else stays where they are, on what serves them now`)),
    ...(plan.overtakes === undefined
      ? []
      : column(
          'Overtakes',
          `${plan.overtakes}, which ends superseded: cells wholly on its release keep it, those half way go back first; one approval more is asked for`,
        )),
    ...column('Schema', `the release runs on schema ${schemaRange.min} to ${schemaRange.max}`),
    ...column('Latest finish', `${instantText(latestFinish)}: no step forward starts after it`),
    ...column('Rollback', SCOPES[rollbackScope]),
    ...column('No return', noReturnText(plan)),
    ...(plan.activates ?? []).flatMap(({ operation, because }) =>
      column('Activates', `${operation}, closed on the release until everybody is on it: ${because}`),
    ),
    ...column('Policy', policyDigest),
  ];
}

/**
 * From where on going back loses something. What a migration takes away its phase doesn't prove, and the plan holds no more of
 * it: so nothing is promised of what a migration does.
 */
export function noReturnText({ pointOfNoReturn: point, cells }: Plan): string {
  if (point !== null) return `after ${point.step} of cell ${point.cell}: ${point.because}`;
  return cells.some(({ steps }) => steps.some(({ action }) => action.kind === 'migrate'))
    ? 'none, as its migrations are declared: customers and code go back from every step; what a migration drops or changes comes back only from a restore point'
    : 'none: every step can be undone without losing what was written since';
}

/** Why what a step did stays. Of a migration it is known from its declaration alone. */
export function keptText(action: Action, because: string): string {
  return action.kind === 'migrate' ? `as it is declared, ${because}` : because;
}

/** What a failure brings back, by the scope that the policy chose. */
export const SCOPES: Readonly<Record<Plan['rollbackScope'], string>> = {
  tenant: 'a failure brings back the tenant that it names; the others wait for a decision',
  ring: 'a failure brings back the ring of its wave, in all cells; the others wait for a decision',
  cell: 'a failure brings back its cell; the others wait for a decision',
  all: 'a failure brings back every tenant that was moved',
};

function gates(plan: Plan): readonly string[] {
  const width = Math.max(16, ...plan.gates.map(({ gate }) => gate.length + 2));
  const lines = plan.gates.flatMap((gate) => {
    const params = Object.entries(gate.params).map(([key, value]) => paramText(key, value));
    return column(gate.gate, [standsText(gate, plan), ...params].join('; '), 2, width);
  });
  return ['Gates', ...(lines.length > 0 ? lines : ['  none'])];
}

/** So many cells are named where a gate stands. */
const MOST_ASKED = 3;

/** Before what a gate stands. */
export function standsText({ gate, at }: GateSpec, { cells }: Pick<Plan, 'cells'>): string {
  if (at === 'no-return') {
    const asked = cells.flatMap((cell) =>
      askedBefore(cell) === undefined ? [] : [`${askedBefore(cell)?.id} of cell ${cell.cell}`],
    );
    if (asked.length === 0) return 'before nothing: no step of this plan is declared to lose data when it goes back';
    return `before ${asked.slice(0, MOST_ASKED).join(', ')}${asked.length > MOST_ASKED ? ` and ${asked.length - MOST_ASKED} more` : ''}`;
  }
  if (at !== 'promotion' && at !== 'wave') return `before each ${at} step`;
  const once = gateNamed(gate)?.consumedByWave === true;
  return once ? 'before each wave' : 'before each wave, and before each step that changes something';
}

function paramText(key: string, value: unknown): string {
  if (key.endsWith('Ms') && typeof value === 'number') return `${key.slice(0, -2)} ${durationText(value)}`;
  if (Array.isArray(value) && value.every(isRecord)) return `${key}: ${value.map(recordText).join(' / ')}`;
  return `${key} ${typeof value === 'string' ? value : JSON.stringify(value)}`;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function recordText(value: Readonly<Record<string, unknown>>): string {
  return Object.entries(value)
    .map(([key, each]) => paramText(key, each))
    .join(', ');
}

function waveText(plan: Plan, wave: Wave): readonly string[] {
  const soak = wave.soakMs > 0 ? `, watched for ${durationText(wave.soakMs)}` : '';
  const what = wave.activates ? `activation for ring ${wave.ring}` : `ring ${wave.ring}`;
  const lines = [`Wave ${wave.n}: ${what}${soak}`];
  for (const cell of plan.cells) {
    const steps = cell.steps.filter((step) => step.wave === wave.n);
    if (steps.length === 0) continue;
    lines.push(
      ...indented(2, [`cell ${cell.cell}, ${cell.slot.from} to ${cell.slot.to}: ${named(steps.flatMap(reachedBy))}`]),
    );
    const width = Math.max(...steps.map((s) => s.id.length)) + 2;
    for (const step of steps) lines.push(...stepText(step, width));
  }
  return lines;
}

function stepText(step: Step, width: number): readonly string[] {
  const { undo } = step;
  const what = column(step.id, actionText(step.action), 4, width);
  if (undo.kind === 'keep')
    return LOOKS.has(step.action.kind)
      ? what
      : [...what, ...under(width, `kept: ${keptText(step.action, undo.because)}`)];
  const from = undo.losesFrom === undefined ? '' : `, once ${undo.losesFrom} has begun`;
  const asks = undo.approver === undefined ? '' : `, if ${undo.approver} agrees${from}`;
  return [...what, ...under(width, `undo: ${actionText(undo.action)}${asks}`)];
}

/** What only looks has nothing to undo, which needs no saying. */
export const LOOKS: ReadonlySet<string> = new Set(['verify', 'soak', 'restore-point']);

function under(width: number, text: string): readonly string[] {
  return column('', text, 4, width);
}

function failures(plan: Plan): readonly string[] {
  const lines = ['If it fails'];
  for (const wave of plan.waves) {
    for (const scope of scopesOf(plan, wave)) {
      lines.push(`  in wave ${wave.n}${scope.kind === 'cell' ? `, in cell ${scope.cell}` : ''}:`);
      for (const cell of plan.cells) {
        const begun = cell.steps.filter((s) => s.wave <= wave.n).length;
        const steps = undoSteps(cell, scope, begun);
        if (steps.length === 0) {
          if (begun > 0) lines.push(...indented(4, [`cell ${cell.cell} stays as it is, and waits for a decision`]));
          continue;
        }
        lines.push(...indented(4, [`cell ${cell.cell}`]));
        const width = Math.max(...steps.map((s) => s.id.length)) + 2;
        for (const { id, action, approver } of steps)
          lines.push(
            ...column(id, `${actionText(action)}${approver === undefined ? '' : `, if ${approver} agrees`}`, 6, width),
          );
      }
    }
  }
  return lines;
}

/** The rollbacks that a failure of a wave can lead to. Whose tenant fails is not known before, so one cell's stand for it. */
function scopesOf(plan: Plan, wave: Wave): readonly Scope[] {
  switch (plan.rollbackScope) {
    case 'all':
    case 'ring':
      return [{ kind: plan.rollbackScope, wave: wave.n }];
    case 'cell':
      return wave.cells.map((cell) => ({ kind: 'cell', wave: wave.n, cell }));
    case 'tenant':
      return wave.cells.slice(0, 1).map((cell) => {
        const steps = plan.cells.find((c) => c.cell === cell)?.steps.filter((s) => s.wave === wave.n) ?? [];
        return { kind: 'tenant', wave: wave.n, cell, tenants: steps.flatMap(reachedBy).slice(0, 1) };
      });
  }
}
