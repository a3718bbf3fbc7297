/** Agents whose configuration is on this machine, and which server each of them asks: a server that moved leaves them behind. */
import { existsSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { stopAgentCommand } from '../setup/agent-commands.ts';
import { agentFile } from './agent-file.ts';

/** An agent that asks another address than people do. */
export interface Astray {
  readonly agent: string;
  /** The address in its configuration. */
  readonly asks: string;
  /** Its configuration, as it is typed here. */
  readonly config: string;
}

/** The agents of a data folder that ask another server than `server`, by the files that `headgate-agent enrol` wrote there. */
export function agentsAstray(
  { folder, cwd }: { readonly folder: string | undefined; readonly cwd: string },
  server: string,
): readonly Astray[] {
  if (folder === undefined || !existsSync(folder)) return [];
  const folders = readdirSync(folder).filter((name) => name === 'agent' || name.startsWith('agent-'));
  return folders.flatMap((name) => {
    const file = join(folder, name, 'agent.yaml');
    const { name: agent, server: asks } = agentFile(file);
    if (typeof agent !== 'string' || typeof asks !== 'string' || sameAddress(asks, server)) return [];
    return [{ agent, asks, config: relative(cwd, file) }];
  });
}

/** Which address an agent asks, and which one people do. */
export function astrayText({ agent, asks, config }: Astray, server: string): string {
  return `${agent} asks ${asks} (server: in ${config}), and this command asks ${server}`;
}

/** How the agent gets to the server that people ask. */
export function backOnTrack({ config }: Astray, server: string): string {
  return `if the server is at ${server} now: write server: ${server} into ${config}, then: ${stopAgentCommand(config)} && headgate-agent run --config ${config}`;
}

/** Whether two addresses are one: the names of this machine are. */
function sameAddress(one: string, other: string): boolean {
  if (!URL.canParse(one) || !URL.canParse(other)) return one === other;
  const [a, b] = [new URL(one), new URL(other)];
  const here = ({ hostname }: URL) => (/^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname) ? 'here' : hostname);
  return a.protocol === b.protocol && a.port === b.port && here(a) === here(b);
}
