import { ProblemError, ServerUnreachable } from '@headgate/contract';
import { EXIT } from './exit-codes.ts';

/** A command failed for a reason that its user can do something about. */
export class Failure extends Error {
  readonly exitCode: number;
  readonly code: string;
  /** What would unblock it. */
  readonly unblock: string;
  constructor(exitCode: number, code: string, message: string, unblock = '') {
    super(message);
    this.name = 'Failure';
    this.exitCode = exitCode;
    this.code = code;
    this.unblock = unblock;
  }
}

/** What is told about a failure, and the exit code that goes with it. */
export interface Told {
  readonly exitCode: number;
  /** For people, lines. */
  readonly lines: readonly string[];
  /** For `--json`. */
  readonly json: Readonly<Record<string, unknown>>;
}

/** Turns whatever a command threw into words and an exit code. */
export function tell(error: unknown): Told {
  if (error instanceof ProblemError) {
    const { problem } = error;
    const refusals = problem.refusals.flatMap(({ what, where, why, unblock }) => [
      `${what} ${where === '' ? '' : `(${where}) `}was refused: ${why}`,
      ...(unblock === '' ? [] : [`  to unblock: ${unblock}`]),
    ]);
    return {
      exitCode: exitCodeOf(problem.status),
      lines: refusals.length > 0 ? refusals : [`${problem.title}: ${problem.detail}`],
      json: { error: problem },
    };
  }
  if (error instanceof ServerUnreachable) {
    const unblock =
      'start it (headgate-server; in a clone: npm start), or say where it is: --server URL, or HEADGATE_SERVER';
    return {
      exitCode: EXIT.unreachable,
      lines: [error.message, `  to unblock: ${unblock}`],
      json: { error: { code: 'unreachable', detail: error.message, unblock } },
    };
  }
  if (error instanceof Failure) {
    const { exitCode, code, message, unblock } = error;
    // What is wrong in a file is told one by one.
    const lines = [...message.split('\n'), ...(unblock === '' ? [] : [`  to unblock: ${unblock}`])];
    return { exitCode, lines, json: { error: { code, detail: message, unblock } } };
  }
  const { message } = error as Error;
  return {
    exitCode: EXIT.refused,
    lines: [message],
    json: { error: { code: 'failed', detail: message, unblock: '' } },
  };
}

function exitCodeOf(status: number): number {
  if (status === 404) return EXIT.notFound;
  if (status === 401 || status === 403) return EXIT.notPermitted;
  return status === 503 ? EXIT.unreachable : EXIT.refused;
}
