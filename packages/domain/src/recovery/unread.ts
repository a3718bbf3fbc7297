import type { Instant } from '../model/identity.ts';

/** Why nothing moves in a cell since the control plane was restored, and until when its agent is waited for. */
export interface Unread {
  readonly why: string;
  readonly until: Instant;
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
      ? `the cell is not read back ${since}: its agent is waited for (there, if it has seen what the log lacks: headgate-agent accept-restored-log), and a person after that`
      : `the cell asks a person ${since}: ${asked.finding}: ${asked.why}`;
  return { why: why.slice(0, 500).toWellFormed(), until };
}
