/** Exit codes of `headgate-agent reconcile`. */
export const RECONCILE_EXIT = { agree: 0, differ: 1, usage: 64, unreadable: 69, refused: 77, config: 78 } as const;
