import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { Objection } from '@headgate/contract';
import { parseDocuments } from '@headgate/documents';
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
 * the server says. Reading comes first, and commands that would declare something else say so.
 */
export async function howToMend(here: Here, objection: Objection): Promise<string> {
  const { agent, code, environment, unblock, asked, outdated } = objection;
  const known = code === 'signed-approvals' || outdated ? undefined : await setUpHere(here, agent);
  if (known === undefined) return unblock;
  const { config, setup, enrolled, declares } = known;
  const read = howToRead(objection);
  if (asked === undefined || declares.has(asked)) return `${read}; then: ${[setup, ...enrolled].join(' && ')}`;
  const pin = code === 'other-policy' ? `policyDigest: ${asked}` : `${asked} among the documents`;
  const [stop, , run] = enrolled;
  return [
    `${read}; it is not what headgate setup would declare`,
    `to keep it: ${stop}; write ${pin} of ${environment} into ${config}; ${run}`,
    `to take it back: ${[`${setup} --take-back`, ...enrolled].join(' && ')}`,
  ].join('; ');
}

/** How a person sees what an agent should hold and doesn't, before it is pinned there. */
export function howToRead({ held, asked }: Objection): string {
  if (asked === undefined) return 'read what changed';
  return held === undefined
    ? `read it: headgate document show ${asked}`
    : `read what changed: headgate document diff ${held} ${asked}`;
}

interface SetUp {
  /** The agent's configuration. */
  readonly config: string;
  /** The command that declares what the service stands for. */
  readonly setup: string;
  /** The commands that end the agent, pin what was declared, and start it. */
  readonly enrolled: readonly [stop: string, enrol: string, run: string];
  /** What it would declare. */
  readonly declares: ReadonlySet<string>;
}

/** How a service's agent was set up; undefined: not here. */
async function setUpHere(here: Here, agent: string): Promise<SetUp | undefined> {
  const handed = here.folder === undefined ? undefined : handedTo(here.folder, agent);
  if (handed === undefined) return undefined;
  const service = await serviceOf(here, agent);
  if (service === undefined) return undefined;
  const { file, documents } = service;
  const parsed = parseDocuments(documents, { file });
  return {
    config: relative(here.cwd, configBeside(handed)),
    setup: `headgate setup ${relative(here.cwd, dirname(file)) || '.'}`,
    enrolled: enrolAnew(here.cwd, handed, file),
    declares: new Set(parsed.ok ? parsed.documents.map(({ digest }) => digest) : []),
  };
}

/** Ends an agent, enrols it with what was handed over, and starts it: only then it holds that. */
function enrolAnew(cwd: string, handed: string, service: string): SetUp['enrolled'] {
  const config = relative(cwd, configBeside(handed));
  return [
    stopAgentCommand(config),
    enrolCommand(relative(cwd, handed), relative(cwd, service)),
    `headgate-agent run --config ${config}`,
  ];
}

/** The command that starts an agent, as exactly as is known here. */
export function runAgentCommand(here: Here, agent: string): string {
  return `headgate-agent run --config ${configOf(here, agent)}`;
}

/** What lets an agent go on that refuses the log since the control plane was restored: a person compares the heads first. */
export function takeLogUp(here: Here, agent: string, ended: boolean): string {
  const config = configOf(here, agent);
  const stop = ended ? '' : `${stopAgentCommand(config)} && `;
  return `${stop}headgate-agent accept-restored-log --config ${config}, which says what to compare; then ${runAgentCommand(here, agent)}`;
}

function configOf({ folder, cwd }: Here, agent: string): string {
  const handed = folder === undefined ? undefined : handedTo(folder, agent);
  return handed === undefined ? 'FILE' : relative(cwd, configBeside(handed));
}

function configBeside(handed: string): string {
  return join(dirname(handed), 'agent.yaml');
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
async function serviceOf({ folder, cwd }: Here, agent: string) {
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
    if (found !== undefined && agentOf(found.service.metadata.name) === agent) return found;
  }
  return undefined;
}

/** What the agent of a service is called. */
export function agentOf(service: string): string {
  return `agt_${service}`;
}
