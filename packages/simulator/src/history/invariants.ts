/** The design's invariants by name: what a violation says. Each is checked by small functions beside this file. */
export const INVARIANTS = {
  'one-active-rollout': 'One active rollout per cell.',
  'inside-window': 'No forward step outside its window, in a freeze, or after the latest finish.',
  'after-gates': 'No forward step before its gates.',
  'covered-by-approvals': 'No forward step without approvals that cover it.',
  'go-before-no-return':
    'Nothing that loses data when it is taken back begins without a go of somebody who may say it, where a gate asks for one.',
  'no-author-approves': 'No author approves, and nobody does what the roles do not allow.',
  'schema-in-range': 'The schema range of whatever runs contains the version of its store.',
  'held-while-upgraded': 'A store that serves one tenant alone is changed only while that tenant is held.',
  'held-briefly':
    'Nobody is held behind a closed gate, behind a question about somebody else, or once their rollout is settled.',
  'closed-meanwhile': 'No request of an operation runs beside a migration that closes it.',
  'activated-last':
    'What a release brings that can’t be undone is served to nobody before everybody is on it, and the plan activates it.',
  'opened-again': 'Nothing that was closed stays so once its rollout is settled.',
  'served-by-code': 'Every tenant is routed to a slot in which a release runs.',
  'restore-point-first': 'No migration without the fresh, verified restore point that policy asks for.',
  'effect-once': "No step's effect twice.",
  'known-digest': 'No digest running that no approved plan or adoption names.',
  'undo-possible': 'Undo stays possible until the stated point, goes in its order, and nothing blocks it.',
  'back-on-stable': 'After a rollback all traffic in scope is on the stable version.',
  'named-tenants': "No tenant's route changes without a decision that names it.",
  'data-not-missing': 'No verdict passes on missing data.',
  'on-the-log-once': 'Every change of state is on the log, once, and the row is the fold of its entries.',
  'ends-or-waits': 'Everything ends, or says what it waits for, and until when.',
  'plan-order':
    'Steps go in the order of the plan, each in a wave that was opened, from the base that was planned for.',
  'holder-settles': 'Only the holder of the current assignment settles it.',
  'done-is-done': 'A step that counts as done has had its effect.',
  'no-forgotten-past': 'What a forgotten epoch still sends changes nothing.',
  'read-back':
    'What agents tell after a restore of the control plane explains itself, and what counts as done by it has had its effect.',
  'large-enough':
    'In the simulator a plan has at least 3 waves, 8 cells and 40 steps, and whoever completes has carried out as many; what finishes a kept promotion is counted with it.',
} as const;

export type Invariant = keyof typeof INVARIANTS;
