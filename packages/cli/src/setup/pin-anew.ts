import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { Objection } from '@headgate/contract';
import { SERVICE_FILE, serviceAt } from '../releases/service-folder.ts';
import { enrolCommand, stopAgentCommand } from './agent-commands.ts';

/** Where somebody types a command: the server's data folder, if it is here, and the working folder. */
export interface Here {
  readonly folder: string | undefined;
  readonly cwd: string;
}

/** So many folders are looked into for a service's file. */
const MOST_FOLDERS = 200;

/**
 * What mends an agent's objection, as exactly as is known here: the commands of a service that was set up here, else what
 * the server says.
 */
export async function howToMend(here: Here, { agent, code, unblock }: Objection): Promise<string> {
  if (code === 'signed-approvals') return unblock;
  const commands = await commandsToPin(here, agent);
  return commands === undefined ? unblock : `read what changed, and: ${commands.join(' && ')}`;
}

/** The commands that pin at a service's agent what is declared now; undefined: it wasn't set up here. */
async function commandsToPin(here: Here, agent: string): Promise<readonly string[] | undefined> {
  const handed = here.folder === undefined ? undefined : handedTo(here.folder, agent);
  const service = handed && (await serviceOf(here, agent));
  if (handed === undefined || service === undefined) return undefined;
  const at = (path: string): string => relative(here.cwd, path) || '.';
  return [`headgate setup ${at(dirname(service))}`, ...enrolAnew(here.cwd, handed, service)];
}

/** Ends an agent, enrols it with what was handed over, and starts it: only then it holds that. */
function enrolAnew(cwd: string, handed: string, service: string): readonly string[] {
  const config = relative(cwd, join(dirname(handed), 'agent.yaml'));
  return [
    stopAgentCommand(config),
    enrolCommand(relative(cwd, handed), relative(cwd, service)),
    `headgate-agent run --config ${config}`,
  ];
}

/** The command that starts an agent, as exactly as is known here. */
export function runAgentCommand({ folder, cwd }: Here, agent: string): string {
  const handed = folder === undefined ? undefined : handedTo(folder, agent);
  const config = handed === undefined ? 'FILE' : relative(cwd, join(dirname(handed), 'agent.yaml'));
  return `headgate-agent run --config ${config}`;
}

/** What `headgate setup` wrote for this agent. */
function handedTo(folder: string, agent: string): string | undefined {
  if (!existsSync(folder)) return undefined;
  const files = readdirSync(folder)
    .filter((name) => name === 'agent' || name.startsWith('agent-'))
    .map((name) => join(folder, name, 'handed.json'));
  return files.find((file) => nameIn(file) === agent);
}

function nameIn(file: string): unknown {
  try {
    return (JSON.parse(readFileSync(file, 'utf8')) as { name?: unknown }).name;
  } catch {
    return undefined;
  }
}

/** The file of the service whose agent has this name: in the working folder, beside the data folder, or one below. */
async function serviceOf({ folder, cwd }: Here, agent: string): Promise<string | undefined> {
  const places = [...new Set([cwd, ...(folder === undefined ? [] : [dirname(folder)])])];
  const below = places.flatMap((place) =>
    readdirSync(place, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .slice(0, MOST_FOLDERS)
      .map(({ name }) => join(place, name)),
  );
  for (const place of [...places, ...below]) {
    if (!existsSync(join(place, SERVICE_FILE))) continue;
    const found = await serviceAt(place).catch(() => undefined);
    if (found !== undefined && agentOf(found.service.metadata.name) === agent) return found.file;
  }
  return undefined;
}

/** What the agent of a service is called. */
export function agentOf(service: string): string {
  return `agt_${service}`;
}
