/**
 * A channel that fails again and again is left alone for a while, so that a thousand messages don't each wait for the
 * same dead receiver. Each server learns it by itself: losing it in a restart costs a few attempts.
 */
import type { Instant } from '../model/identity.ts';

export interface Circuit {
  /** Failures in a row. */
  readonly failures: number;
  /** Nothing is sent before. */
  readonly openUntil: Instant;
}

export const CLOSED: Circuit = { failures: 0, openUntil: 0 };

const PATIENCE = 5;
const SHORTEST_MS = 5_000;
const LONGEST_MS = 600_000;

/** What is known of a channel after a call. One success closes the circuit. */
export function afterCall(circuit: Circuit, ok: boolean, now: Instant): Circuit {
  if (ok) return CLOSED;
  const failures = circuit.failures + 1;
  if (failures < PATIENCE) return { failures, openUntil: 0 };
  return { failures, openUntil: now + Math.min(SHORTEST_MS * 2 ** (failures - PATIENCE), LONGEST_MS) };
}

/**
 * Whether a call may be made; if not, when to look again. After the pause one call is let through to try, and the others
 * wait for what comes of it.
 */
export function mayCall(
  circuit: Circuit,
  now: Instant,
): { readonly may: true; readonly circuit: Circuit } | { readonly may: false; readonly lookAt: Instant } {
  if (circuit.failures < PATIENCE) return { may: true, circuit };
  if (now < circuit.openUntil) return { may: false, lookAt: circuit.openUntil };
  return { may: true, circuit: { ...circuit, openUntil: now + SHORTEST_MS } };
}
