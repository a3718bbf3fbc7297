import { ageText, durationText } from '../model/duration.ts';
import { type Gate, pass, stop, wholeNumber } from './gate.ts';

/** How far the database's clock may step back, as a standby takes over, before a date in the future is an error. Milliseconds. */
const CLOCK_STEP_MS = 60_000;

/** A verified restore point of the store, taken for this rollout and not older than `maxAgeMs`, stands before a migration. */
export const restorePoint: Gate = {
  name: 'restore-point',
  asks: 'Is there a verified restore point of the store, taken for this promotion and young enough?',
  parameters: {
    type: 'object',
    additionalProperties: false,
    required: ['maxAgeMs'],
    properties: { maxAgeMs: { type: 'integer', minimum: 1, description: 'How old it may be' } },
  },
  at: 'migrate',
  judge(params, facts, subject) {
    const name = 'restore-point';
    const maxAgeMs = wholeNumber(params, 'maxAgeMs');
    if (maxAgeMs === undefined || maxAgeMs < 1)
      return stop(
        name,
        'error',
        'the policy gives no greatest age',
        'set params.maxAgeMs in the policy',
        'release manager',
      );
    if (subject.kind !== 'step' || !('store' in subject.action))
      return stop(
        name,
        'error',
        'it stands before something that has no store',
        'set `at: migrate` in the policy',
        'release manager',
      );
    const { store } = subject.action;
    const points = facts.restorePoints.filter((p) => p.store === store);
    if (points.length === 0) return stop(name, 'no-data', `no restore point of store ${store}`, 'take one', 'operator');
    const verified = points.filter((p) => p.verified);
    if (verified.length === 0)
      return stop(
        name,
        'fail',
        `no restore point of store ${store} was read back and found whole`,
        'take and verify a new one',
        'operator',
      );
    const takenAt = Math.max(...verified.map((p) => p.takenAt));
    const ageMs = facts.now - takenAt;
    if (ageMs < -CLOCK_STEP_MS)
      return stop(
        name,
        'error',
        `the newest restore point of store ${store} is dated ${ageText(-ageMs)} ahead of now`,
        'set the clocks right and take a new one',
        'operator',
      );
    if (ageMs > maxAgeMs)
      return stop(
        name,
        'fail',
        `the newest restore point of store ${store} is ${ageText(ageMs)} old, ${durationText(maxAgeMs)} are allowed`,
        'take a new one',
        'operator',
      );
    return pass(name, `verified restore point of store ${store}, ${ageText(Math.max(0, ageMs))} old`);
  },
};
