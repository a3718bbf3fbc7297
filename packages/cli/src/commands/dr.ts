import type { Command } from 'commander';
import type { Install } from '../command.ts';
import { runAgent } from '../releases/run-agent.ts';

const FORMS = `
  headgate dr plan --config FILE [--cell CELL] [--token-file FILE]
  headgate dr runbook --config FILE [--cell CELL] [--token-file FILE] [--out FILE]
  headgate dr exercise --config FILE [--cell CELL] [--token-file FILE] [--verification FILE] [--require-verification] [--rto SECONDS] [--rpo SECONDS]
  headgate dr rebuild --config FILE [--cell CELL] [--token-file FILE] --as ID --because "…" [--step STEP]

It runs as headgate-agent dr, on the machine on which the cell is to come back, and headgate-agent dr --help says more.
`;

/** Disaster recovery, by the agent's program, which alone may open the vault: with its options, its words and its exit codes. */
export const dr: Install = (program, act) => {
  program
    .command('dr [arguments...]')
    .description('rebuild a lost cell in another place: plan, runbook, exercise, rebuild')
    .allowUnknownOption()
    .addHelpText('after', FORMS)
    .action(
      act((session, given: string[], _options: object, command: Command) => runAgent(session, 'dr', given, command)),
    );
};
