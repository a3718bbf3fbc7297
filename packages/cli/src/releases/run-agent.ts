import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Command } from 'commander';
import type { Session } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { agentProgram } from './agent-program.ts';

/** Options that this program takes for itself, wherever they stand, and that the agent's has too. */
interface Shared {
  readonly server?: string;
  readonly tokenFile?: string;
  readonly as?: string;
  readonly json?: boolean;
}

/** Runs a command of the agent's program with what was given, its words and its exit codes. A stop is passed on: it tidies up, and ends. */
export async function runAgent(
  { cwd, env, stop }: Pick<Session, 'cwd' | 'env' | 'stop'>,
  command: string,
  given: readonly string[],
  parsed: Command,
): Promise<number> {
  const { server, tokenFile, as, json } = parsed.optsWithGlobals<Shared>();
  const shared = [
    ...(server === undefined ? [] : ['--server', server]),
    ...(tokenFile === undefined ? [] : ['--token-file', tokenFile]),
    ...(as === undefined ? [] : ['--as', as]),
    ...(json === true ? ['--json'] : []),
  ];
  const args = [agentProgram(command), command, ...given, ...shared];
  const child = spawn(process.execPath, args, { cwd, env, stdio: 'inherit' });
  stop.addEventListener('abort', () => child.kill());
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? EXIT.interrupted;
}
