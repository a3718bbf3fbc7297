import type { Command } from 'commander';
import type { Install } from '../command.ts';
import { runAgent } from '../releases/run-agent.ts';

const FORMS = `
  headgate mask --database-env VAR --rules FILE [--plan] [--statement FILE [--key FILE]] [--connections N] [--json]
  headgate mask scan --database-env VAR [--name NAME] [--out FILE]
  headgate mask status --database-env VAR [--json]
  headgate mask mark-copy --database-env VAR --of WHAT --database NAME

It runs as headgate-agent mask, and headgate-agent mask --help says more. No password stands on a command line: VAR is an
environment variable with the database's URL.
`;

/** Masking, by the agent's program: with its options, its words and its exit codes. */
export const mask: Install = (program, act) => {
  program
    .command('mask [arguments...]')
    .description('make up people’s data in a restored copy of a database')
    .allowUnknownOption()
    .addHelpText('after', FORMS)
    .action(
      act((session, given: string[], _options: object, command: Command) => runAgent(session, 'mask', given, command)),
    );
};
