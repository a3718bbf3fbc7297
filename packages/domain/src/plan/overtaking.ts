import type { GateSpec } from './plan.ts';

/**
 * The gates of a promotion that overtakes another: all that the policy asks for, and one approval more than usual. Whoever
 * is in a hurry is looked at by more people, never by fewer.
 */
export function gatesToOvertake(gates: readonly GateSpec[]): readonly GateSpec[] {
  if (!gates.some(({ gate }) => gate === 'approval'))
    return [...gates, { gate: 'approval', at: 'wave', params: { count: 1 } }];
  return gates.map((gate) => {
    const { count } = gate.params;
    if (gate.gate !== 'approval' || typeof count !== 'number') return gate;
    return { ...gate, params: { ...gate.params, count: count + 1 } };
  });
}
