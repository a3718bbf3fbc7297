import type { Instant } from '../model/identity.ts';

/** Why nothing moves in a cell since the control plane was restored, and until when its agent is waited for. */
export interface Unread {
  readonly why: string;
  readonly until: Instant;
}

const NOT_READ_BACK = 'the cell is not read back';
const ASKS_PERSON = 'the cell asks a person';
/** How a promotion says that cells of it are not known yet. */
export const CELLS_NOT_READ_BACK = 'not read back since the restore';

/** Whether a wait's reason is that it isn't known what was done before a restore, and whether a person is asked already. */
export function unreadReason(reason: string): 'agent' | 'person' | undefined {
  if (reason.startsWith(ASKS_PERSON)) return 'person';
  return [NOT_READ_BACK, CELLS_NOT_READ_BACK].some((start) => reason.startsWith(start)) ? 'agent' : undefined;
}

/** How long after a restore an agent has to tell what it did, before a person is asked. Milliseconds. */
export const TELL_MS = 600_000;

/** What is asked about a cell that was not read back: a finding, or that nobody told of it. */
export function unreadCell(
  asked: { readonly finding: string; readonly why: string } | undefined,
  recovery: { readonly epoch: number; readonly until: Instant },
): Unread {
  const { epoch, until } = recovery;
  const since = `since the restore (epoch ${epoch})`;
  const why =
    asked === undefined
      ? `${NOT_READ_BACK} ${since}: its agent is waited for (there, if it has seen what the log lacks: headgate-agent accept-restored-log --config FILE), and a person after that`
      : `${ASKS_PERSON} ${since}: ${asked.finding}: ${asked.why}`;
  return { why: why.slice(0, 500).toWellFormed(), until };
}
