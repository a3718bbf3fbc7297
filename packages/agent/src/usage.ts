/** What somebody typed that can't be: said with the word that is wrong, and where the right ones stand. */
import { didYouMean } from '@headgate/documents/schema/nearest';

/** Every command, in the order of the help. */
export const COMMANDS: readonly string[] = [
  'run',
  'enrol',
  'take-up',
  'stop',
  'leave',
  'status',
  'rollback',
  'accept-restored-log',
  'mask',
  'synthesize',
  'restore-points',
  'drill',
  'recover',
  'recover-tenant',
  'recover-store',
  'dr',
  'backup',
  'reconcile',
  'compare',
  'rehearse',
  'check',
];

/** The exit code of a command that isn't there: `headgate` answers the same. */
export const UNKNOWN_COMMAND = 2;

/** A command that isn't there, with the nearest one and all of them. */
export function unknownCommand(command: string | undefined): string {
  const list = `commands: ${COMMANDS.join(', ')} (see headgate-agent --help)`;
  if (command === undefined) return `a command is needed\n${list}`;
  return `there is no command ${command}${didYouMean(command, COMMANDS)}\n${list}`;
}

/** Whether an error is what `parseArgs` throws for words that can't be. */
export function isMisuse(error: unknown): error is Error {
  return String((error as { code?: unknown }).code).startsWith('ERR_PARSE_ARGS');
}

/** What `parseArgs` found wrong, in a line that names it. */
export function usageTrouble(error: Error, command: string): string {
  const see = `(see headgate-agent${COMMANDS.includes(command) ? ` ${command}` : ''} --help)`;
  const word = /'([^']*)'/.exec(error.message)?.[1] ?? '';
  switch ((error as { code?: string }).code) {
    case 'ERR_PARSE_ARGS_UNKNOWN_OPTION':
      return `${command}: there is no option ${word} ${see}`;
    case 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL':
      return `${command}: takes no further word, and was given ${word} ${see}`;
    default:
      // The first sentence; what follows is about writing programs.
      return `${command}: ${error.message.split(/[.\n]/)[0]} ${see}`;
  }
}
