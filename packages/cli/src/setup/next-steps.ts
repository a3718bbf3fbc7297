import { dirname, join, relative } from 'node:path';
import { type Client, ProblemError } from '@headgate/contract';
import { type ServiceContent, serviceCellName } from '@headgate/documents';
import type { Session } from '../command.ts';
import { saidVersion } from '../releases/service-folder.ts';
import { enrolCommand, stopAgentCommand } from './agent-commands.ts';

/** What is to be done where the service runs, after its documents were declared. */
export interface NextSteps {
  /** Why, in a line that the commands follow. */
  readonly why: string;
  readonly commands: readonly string[];
  /** What a person has to know of them before they are typed. */
  readonly beware?: string;
}

/** Only what is needed: a cell that runs isn't taken up again, and an agent that holds what counts is left alone. */
export async function nextSteps(
  { client, cwd }: Pick<Session, 'client' | 'cwd'>,
  service: { readonly service: ServiceContent; readonly file: string },
  handed: { readonly file: string; readonly changed: boolean },
  /** The version that runs today, as a person said it. */
  running: string | undefined,
): Promise<NextSteps> {
  const here = (path: string): string => relative(cwd, path);
  const config = here(join(dirname(handed.file), 'agent.yaml'));
  const cells = service.service.spec.environments.map((each) => serviceCellName(service.service, each));
  const serving = await Promise.all(cells.map((cell) => serves(client, cell)));
  const allServe = serving.every(Boolean);
  if (allServe && !handed.changed)
    return { why: 'its agent holds what counts, and its cells run: nothing is to be done there', commands: [] };
  const said = running === undefined ? await saidVersion(dirname(service.file)) : { version: running };
  const version = said?.version ?? 'VERSION';
  const takeUp = `headgate-agent take-up --config ${config} --service ${here(service.file)} --version ${version}`;
  const commands = [
    // Only where there is one: of a cell that was never seen no agent runs.
    ...(handed.changed && serving.some(Boolean) ? [stopAgentCommand(config)] : []),
    enrolCommand(here(handed.file), here(service.file)),
    ...(allServe ? [] : [takeUp]),
    `headgate-agent run --config ${config}`,
  ];
  const why = handed.changed
    ? 'what was handed over before is no longer what counts: carry the folder once more, and there:'
    : 'next, where the service runs:';
  return { why, commands, ...(!allServe && { beware: whoseVersion(said) }) };
}

/** The baseline is called so for ever: the folder may well be ahead of what serves customers. */
function whoseVersion(said: { readonly version: string; readonly by?: string } | undefined): string {
  if (said === undefined) return 'VERSION is what runs there now, as you call it: neither package.json nor Git says';
  const { version, by } = said;
  return by === undefined
    ? `take-up starts the folder as it stands: it has to be ${version}, as you say that it runs now`
    : `--version ${version} is what ${by} says here: take-up starts the folder as it stands, and calls it so. Where another version runs now, bring the folder to that one first; where it is called otherwise, say it with --running VERSION`;
}

/** Whether an agent has seen the cell serve somebody. */
async function serves(client: Client, cell: string): Promise<boolean> {
  const seen = await client.call('showCell', { cell }).catch((error: unknown) => {
    if (error instanceof ProblemError && error.status === 404) return undefined;
    throw error;
  });
  const tenants = seen?.observed?.state.tenants ?? seen?.desired?.tenants ?? {};
  return Object.keys(tenants).length > 0;
}
