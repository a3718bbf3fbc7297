import { durationText, lastedText } from '../model/duration.ts';
import { type Gate, pass, stop, wholeNumber } from './gate.ts';

/** The same release ended well in the environment before, at least `durationMs` ago. */
export const soaked: Gate = {
  name: 'soaked',
  parameters: {
    type: 'object',
    additionalProperties: false,
    required: ['environment', 'durationMs'],
    properties: { environment: { type: 'string' }, durationMs: { type: 'integer', minimum: 0 } },
  },
  at: 'promotion',
  judge(params, facts) {
    const name = 'soaked';
    const { environment } = params;
    const durationMs = wholeNumber(params, 'durationMs');
    if (typeof environment !== 'string' || durationMs === undefined)
      return stop(
        name,
        'error',
        'the policy gives no environment or duration',
        'set params.environment and params.durationMs in the policy',
        'release manager',
      );
    const there = facts.soaked.filter((s) => s.environment === environment);
    if (there.length === 0)
      return stop(
        name,
        'no-data',
        `this release was not promoted to ${environment}`,
        `promote it to ${environment} first`,
        'release manager',
      );
    const since = Math.min(...there.map((s) => s.promotedAt));
    const readyAt = since + durationMs;
    if (facts.now < readyAt)
      return stop(
        name,
        'pending',
        `in ${environment} for ${lastedText(facts.now - since)} of ${durationText(durationMs)}`,
        'wait',
        'nobody',
        readyAt,
      );
    return pass(name, `in ${environment} for ${lastedText(facts.now - since)}, ${durationText(durationMs)} asked`);
  },
};
