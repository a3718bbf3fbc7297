/** `headgate-agent status`: how things stand here, whether the server is there or not. */
import { knock } from '../away/knock.ts';
import { exitOf, STATUS_EXIT, statusText } from '../away/status.ts';
import type { AgentConfig } from '../config.ts';

/** Prints it, and answers the exit code. `file` is the configuration’s. */
export async function showStatus({ dataDir, name }: AgentConfig, file: string, json: boolean): Promise<number> {
  const running = await knock(dataDir);
  if (running === undefined) {
    const why = `${name} does not run: nothing here is kept or watched; start it with \`headgate-agent run --config ${file}\``;
    process.stdout.write(json ? `${JSON.stringify({ agent: name, running: false })}\n` : `${why}\n`);
    return STATUS_EXIT.notRunning;
  }
  const status = await running.status();
  process.stdout.write(json ? `${JSON.stringify(status)}\n` : statusText(status));
  return exitOf(status);
}
