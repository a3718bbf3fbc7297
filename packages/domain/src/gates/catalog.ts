import { changesSomething, type GateSpec } from '../plan/plan.ts';
import { isWindow } from '../plan/read-only-window.ts';
import { approval } from './approval.ts';
import { frozenVerdict } from './freeze.ts';
import { type Gate, type GateFacts, type Subject, stop, type Verdict } from './gate.ts';
import { goNoGo } from './go-no-go.ts';
import { migrationsAnalysed } from './migrations-analysed.ts';
import { movedDataAgrees } from './moved-data-agrees.ts';
import { rehearsed } from './rehearsed.ts';
import { replacedVerdict } from './replaced-policy.ts';
import { restoreDrilled } from './restore-drilled.ts';
import { restorePoint } from './restore-point.ts';
import { rollbackRehearsed } from './rollback-rehearsed.ts';
import { signature } from './signature.ts';
import { soaked } from './soaked.ts';
import { standbyReady } from './standby-ready.ts';
import { testsPassed } from './tests-passed.ts';
import { unknownParameters } from './unknown-parameters.ts';
import { window } from './window.ts';

/** The gates that are known, in the order in which people read them. Adding one: a file, and a line here. */
export const GATES: readonly Gate[] = [
  signature,
  testsPassed,
  migrationsAnalysed,
  rehearsed,
  rollbackRehearsed,
  restoreDrilled,
  standbyReady,
  movedDataAgrees,
  soaked,
  window,
  approval,
  restorePoint,
  goNoGo,
];

const BY_NAME: ReadonlyMap<string, Gate> = new Map(GATES.map((gate) => [gate.name, gate]));

export function gateNamed(name: string): Gate | undefined {
  return BY_NAME.get(name);
}

/**
 * Judges all gates that the plan puts before a subject. A gate that nobody knows is an error, never a pass, and so is one
 * with a parameter that nobody knows. A freeze stands there whether the policy has the window gate or not.
 */
export function judgeGates(specs: readonly GateSpec[], facts: GateFacts, subject: Subject): readonly Verdict[] {
  const replaced = replacedVerdict(facts, subject);
  const verdicts: Verdict[] = replaced === undefined ? [] : [replaced];
  for (const spec of specs) {
    if (!standsBefore(spec, subject)) continue;
    const gate = BY_NAME.get(spec.gate);
    verdicts.push(
      gate === undefined
        ? stop(spec.gate, 'error', `no gate is named ${spec.gate}`, 'correct the policy', 'release manager')
        : (misplacedVerdict(gate, spec) ??
            unknownParameters(gate, spec.params) ??
            gate.judge(spec.params, facts, subject)),
    );
  }
  const judged = verdicts.some(({ gate }) => gate === window.name);
  const frozen = judged || !goesForward(subject) ? undefined : frozenVerdict('freeze', facts);
  return frozen === undefined ? verdicts : [frozen, ...verdicts];
}

/** Why a gate can't stand where a policy puts it; undefined: it can. */
export function misplaced({ gate: name, at }: Pick<GateSpec, 'gate' | 'at'>): string | undefined {
  const gate = BY_NAME.get(name);
  if (gate?.stays !== true || gate.at === at) return undefined;
  return `${name} stands at: ${at}, where nobody is asked and nobody can answer`;
}

function misplacedVerdict({ name, at }: Gate, spec: GateSpec): Verdict | undefined {
  const why = misplaced(spec);
  return why === undefined
    ? undefined
    : stop(name, 'error', why, `leave out \`at\` in the policy, or say \`at: ${at}\``, 'release manager');
}

/**
 * Gates of the promotion and of waves are asked before each wave, and again before each step that changes something
 * (facts go stale: a freeze may have begun, evidence turned red), unless the wave consumed them. Steps that only look
 * are never held back: a wave whose window closes must still be able to learn whether it is sound. Neither is opening
 * whoever is held: their checks passed, and behind a closed gate they would go on being served by nobody.
 */
function standsBefore(spec: GateSpec, subject: Subject): boolean {
  switch (subject.kind) {
    case 'promotion':
      return spec.at === 'promotion';
    case 'wave':
      return spec.at === 'promotion' || spec.at === 'wave';
    case 'step': {
      if (spec.at === subject.action.kind) return true;
      if (spec.at === 'no-return') return subject.noReturn === true;
      if (spec.at !== 'promotion' && spec.at !== 'wave') return false;
      return goesForward(subject) && BY_NAME.get(spec.gate)?.consumedByWave !== true;
    }
  }
}

/** A restore point waits for the window of the migration that it is for: taken early, it would be too old by then. */
function goesForward(subject: Subject): boolean {
  if (subject.kind !== 'step') return true;
  const { action } = subject;
  // Nobody is kept out behind a gate: a read-only window ends, whatever closed meanwhile.
  if (action.kind === 'open' || isWindow(subject, 'open-operations')) return false;
  return changesSomething(action) || action.kind === 'restore-point';
}
