import { durationText, lastedText } from '../model/duration.ts';
import { type Gate, pass, stop, wholeNumber } from './gate.ts';
import { soakedMs, soaksIn } from './soaking.ts';

/** Everybody of the environment before was on the same release for at least `durationMs` in all. */
export const soaked: Gate = {
  name: 'soaked',
  asks: 'Was everybody of an environment before on this release for long enough?',
  parameters: {
    type: 'object',
    additionalProperties: false,
    required: ['environment', 'durationMs'],
    properties: {
      environment: { type: 'string', description: 'Which environment: one that releases pass before' },
      durationMs: { type: 'integer', minimum: 0, description: 'For how long in all' },
    },
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
        `this release has not finished a promotion to ${environment}`,
        `promote it there, or wait for the promotion that is on its way; where it serves there already, and a restore of Headgate forgot its promotion, make the same release under another version (\`headgate release create FOLDER --key KEY\`) and promote that one there first`,
        'release manager',
      );
    const lasted = soakedMs(there, environment, facts.now);
    const told = `${lastedText(lasted)} of ${durationText(durationMs)}`;
    if (!soaksIn(there, environment)) {
      if (lasted >= durationMs)
        return pass(name, `was in ${environment} for ${lastedText(lasted)}, ${durationText(durationMs)} asked`);
      const ended = there.findLast((s) => s.ended !== undefined)?.ended;
      return stop(
        name,
        'fail',
        `was in ${environment} for ${told}, and no longer is${ended === undefined ? '' : `: ${ended}`}`,
        `promote it to ${environment} again`,
        'release manager',
      );
    }
    const readyAt = facts.now + durationMs - lasted;
    if (facts.now < readyAt) return stop(name, 'pending', `in ${environment} for ${told}`, 'wait', 'nobody', readyAt);
    return pass(name, `in ${environment} for ${lastedText(lasted)}, ${durationText(durationMs)} asked`);
  },
};
