/** The command line as a whole: reads arguments, runs one command, answers with an exit code. */
import { readFileSync } from 'node:fs';
import { type Client, ProblemError, ServerUnreachable, visibleJson } from '@headgate/contract';
import { Command, CommanderError } from 'commander';
import { COMMANDS } from './catalog.ts';
import type { Act, Session } from './command.ts';
import { addressHint, connect, type Surroundings, serverAddress, tokenFileOf } from './connect.ts';
import { EXIT, EXIT_HELP } from './exit-codes.ts';
import { Failure, tell } from './failure.ts';
import { output, printable, printableLines } from './output.ts';

export interface Terminal {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  readonly stop: AbortSignal;
}

interface GlobalOptions {
  readonly server?: string;
  readonly tokenFile?: string;
  readonly as?: string;
  readonly json?: boolean;
}

/** Runs one command line. */
export async function runCommandLine(args: readonly string[], terminal: Terminal): Promise<number> {
  const { env, cwd, stdin, stdout, stderr, stop } = terminal;
  // Alone, because several commands have a --version of their own: a release's.
  if (args.length === 1 && args[0] === '--version') {
    stdout.write(`headgate ${ownVersion()}\n`);
    return EXIT.ok;
  }
  let exitCode: number = EXIT.ok;
  const program = new Command('headgate')
    .description('the release control plane for business-critical systems')
    .option('--server <url>', 'where the server is (env HEADGATE_SERVER; else .headgate/server.json here or above)')
    .option('--token-file <file>', 'whose token (env HEADGATE_TOKEN_FILE; else .headgate/secrets/admin.token)')
    .option('--as <role>', 'act as this local user of the data folder: developer, approver …')
    .option('--json', 'the answer as one line of JSON')
    .addHelpText('after', `\nheadgate --version says which one this is.\n${EXIT_HELP}`)
    .showHelpAfterError(seeHelp('headgate'))
    .configureHelp({
      optionDescription: ({ description, mandatory }) => (mandatory ? `${description} (required)` : description),
    })
    .exitOverride()
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: (text) => stderr.write(text) });

  const globals = () => program.opts<GlobalOptions>();
  let running: Command | undefined;
  const act: Act =
    (work) =>
    async (...given) => {
      // What an action is given last is its command.
      running = given.at(-1) as Command;
      const { server, tokenFile, as, json } = globals();
      let client: Client | undefined;
      const session: Session = {
        // Made when a command asks for it: what works offline needs neither server nor token.
        get client() {
          client ??= connect({ server, tokenFile, as }, { env, cwd });
          return client;
        },
        get server() {
          return serverAddress({ server, tokenFile, as }, { env, cwd });
        },
        get tokenFile() {
          return tokenFileOf({ server, tokenFile, as }, { env, cwd });
        },
        out: output(json === true, stdout),
        env,
        cwd,
        stdin,
        stop,
      };
      exitCode = await work(session, ...given);
    };
  for (const install of COMMANDS) install(program, act);
  shareSettings(program);

  try {
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (stop.aborted) return EXIT.interrupted;
    const told = tell(error);
    const misused = error instanceof Failure && error.code === 'usage' && running !== undefined;
    const lines = misused
      ? [...told.lines, seeHelp(nameOf(running as Command))]
      : [
          ...told.lines,
          ...tokenHint(error, globals(), { env, cwd }),
          ...(error instanceof ServerUnreachable ? addressHint(globals(), { env, cwd }) : []),
        ];
    // What a refusal quotes may come from anywhere: a tenant's database, somebody else's server.
    // What is to be typed or put into a file keeps its lines, set in from ours.
    const said = lines.map((line) => (line.startsWith('  to unblock: ') ? printableLines(line) : printable(line)));
    stderr.write(`${said.join('\n')}\n`);
    if (globals().json === true) stdout.write(`${visibleJson(told.json)}\n`);
    return told.exitCode;
  }
}

/** Which token it was that the server didn't take: there may be several on a machine. */
function tokenHint(error: unknown, options: GlobalOptions, surroundings: Surroundings): readonly string[] {
  if (!(error instanceof ProblemError) || error.status !== 401) return [];
  return [`  the token was read from ${tokenFileOf(options, surroundings)}`];
}

/** Of the package that this program came in. */
function ownVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

function seeHelp(name: string): string {
  return `(see ${name} --help)`;
}

/** A command with all that stands before it: `headgate log verify`. */
function nameOf(command: Command): string {
  return command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;
}

/** Commands below inherit how errors are thrown, take the options for all behind their own name, too, and point to their own help. */
function shareSettings(parent: Command): void {
  for (const child of parent.commands) {
    child.copyInheritedSettings(parent).showHelpAfterError(seeHelp(nameOf(child)));
    shareSettings(child);
  }
}
