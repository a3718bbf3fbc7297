/** What the command line's exit codes mean: the one table, which `docs/exit-codes.md` has as well. Scripts may rely on it. */
export const EXIT = {
  ok: 0,
  /** Refused, or it failed: the message says why and what would unblock it. */
  refused: 1,
  /** Wrong usage: unknown command or flag, a value that can't be. */
  usage: 2,
  /** What was named isn't there, at the server (an environment, a release, a promotion …) or on this machine (a file). */
  notFound: 3,
  /** No valid token, or the token's roles don't take this. */
  notPermitted: 4,
  /** No answer, or one that says to try again. Whether the command had an effect isn't known. */
  unreachable: 5,
  /** The log, a signature or a digest doesn't verify. */
  unverified: 6,
  /** It goes on, and wasn't at its end when the time to wait for it was over. */
  waiting: 7,
  interrupted: 130,
} as const;

export const EXIT_HELP = `
Exit codes:
  0  done
  1  refused, or failed
  2  wrong usage
  3  what was named isn't there (an environment, a release, a promotion, a document, a file …)
  4  not permitted (no valid token, or its roles don't take this)
  5  the server can't be reached; whether the command had an effect isn't known
  6  verification failed (log, signature or digest)
  7  not at its end yet when the time to wait was over
  130  interrupted
`;
