import { type Problem, ProblemError, ServerUnreachable } from '@headgate/contract';
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

/** What somebody named isn't there: at the server, or on this machine. */
export function notThere(message: string, unblock = ''): Failure {
  return new Failure(EXIT.notFound, 'not-found', message, unblock);
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
    const refusals = problem.refusals.flatMap(({ code, what, where, why, unblock }) => [
      `${what} ${where === '' ? '' : `(${where}) `}was refused: ${why}`,
      ...unblocked((code === 'not-found' && unblock === NO_COMMAND ? whereListed(where) : undefined) ?? unblock),
    ]);
    return {
      exitCode: exitCodeOf(problem),
      lines: refusals.length > 0 ? refusals : [`${problem.title}: ${problem.detail}`],
      json: { error: problem },
    };
  }
  if (error instanceof ServerUnreachable) {
    const unblock =
      'start it, with the data folder that it had (headgate-server --data DIR; npm start in a clone of Headgate is the demonstration, with a folder of its own), or say where it is: --server URL, or HEADGATE_SERVER';
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

function unblocked(how: string): readonly string[] {
  return how === '' ? [] : [`  to unblock: ${how}`];
}

/** What the server says of whatever isn't there, where it knows nothing better (`result.ts` of control). */
const NO_COMMAND = 'list what there is and name one of these';

/** By what a stream is of: the command that lists all of them. The server knows no commands of ours. */
const LISTS: Readonly<Record<string, string>> = {
  promotion: 'headgate promotion list',
  release: 'headgate release list',
  principal: 'headgate principal list',
  delivery: 'headgate notify list',
  rollout: 'headgate status',
  cell: 'headgate status',
};

/** How what isn't there would be named; undefined: the server says it better. */
function whereListed(where: string): string | undefined {
  const [kind = '', name = ''] = where.split('/');
  const list = Object.hasOwn(LISTS, kind) ? LISTS[kind] : undefined;
  if (list === undefined) return undefined;
  // A release's version, or its digest, in the place of a promotion: what most people have at hand.
  if (kind === 'promotion' && !name.startsWith('prm_'))
    return `promotions go by ids of their own, prm_…: ${list} has them, with the release that each one takes`;
  return `see: ${list}`;
}

/** Refusals that say that what was named isn't there, whatever the status that they come with. */
const NOT_THERE: ReadonlySet<string> = new Set([
  'not-found',
  'missing-document',
  'no-such-environment',
  'no-such-tenant',
]);

function exitCodeOf({ status, refusals }: Problem): number {
  if (status === 404 || NOT_THERE.has(refusals[0]?.code ?? '')) return EXIT.notFound;
  if (status === 401 || status === 403) return EXIT.notPermitted;
  return status === 503 ? EXIT.unreachable : EXIT.refused;
}
