import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import type { Install } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';

/** The agent's program, which alone holds databases' credentials. It is started, never loaded: nothing of it is ours. */
const AGENT = '@headgate/agent/main';

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
      act(async ({ out, cwd, env, stop }, given: string[]) => {
        const args = [agentProgram(), 'mask', ...given, ...(out.json ? ['--json'] : [])];
        const child = spawn(process.execPath, args, { cwd, env, stdio: 'inherit' });
        stop.addEventListener('abort', () => child.kill());
        const [code] = (await once(child, 'exit')) as [number | null];
        return code ?? EXIT.interrupted;
      }),
    );
};

function agentProgram(): string {
  try {
    return createRequire(import.meta.url).resolve(AGENT);
  } catch {
    const unblock = 'install headgate whole, or run headgate-agent mask where the agent is';
    throw new Failure(EXIT.refused, 'no-agent', 'the agent’s program isn’t installed here', unblock);
  }
}
