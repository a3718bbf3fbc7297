import { instantText } from '../calendars/window.ts';
import { frozenVerdict } from './freeze.ts';
import { type Gate, pass, stop } from './gate.ts';

/** Every calendar that governs the change is inside a window, and no freeze holds. Freezes win. */
export const window: Gate = {
  name: 'window',
  asks: 'Is every calendar of the environment inside a window, and does no freeze hold?',
  parameters: { type: 'object', additionalProperties: false, properties: {} },
  at: 'wave',
  judge(_params, facts) {
    const name = 'window';
    const freeze = frozenVerdict(name, facts);
    if (freeze !== undefined) return freeze;
    if (facts.windows.length === 0)
      return stop(
        name,
        'no-data',
        'no calendar says when this may change',
        'name a calendar in the environment',
        'release manager',
      );
    const closed = facts.windows.find((w) => !w.open);
    if (closed !== undefined) {
      const next =
        closed.changesAt === undefined ? 'no further window is known' : `it opens ${instantText(closed.changesAt)}`;
      return stop(
        name,
        'pending',
        `calendar ${closed.calendar} is closed; ${next}`,
        'wait for the window',
        'nobody',
        closed.changesAt,
      );
    }
    return pass(name, `inside the windows of ${facts.windows.map((w) => w.calendar).join(', ')}`);
  },
};
