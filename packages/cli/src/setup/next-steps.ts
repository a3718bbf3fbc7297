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
  /** The version that runs today, as a person said it: it wins, what Headgate knows comes after it, the folder's own last. */
  running: string | undefined,
): Promise<NextSteps> {
  const here = (path: string): string => relative(cwd, path);
  const config = here(join(dirname(handed.file), 'agent.yaml'));
  const cells = service.service.spec.environments.map((each) => serviceCellName(service.service, each));
  const seen = await Promise.all(cells.map((cell) => seenCell(client, cell)));
  const allServe = seen.every(({ serves }) => serves);
  const adopts = seen.filter(({ adopted }) => !adopted).map(({ cell }) => `headgate adopt ${cell} --wait 60`);
  if (allServe && !handed.changed && adopts.length === 0)
    return { why: 'its agent holds what counts, and its cells run: nothing is to be done there', commands: [] };
  if (allServe && !handed.changed)
    return { why: 'its agent holds what counts, and its cells run; to take them under control:', commands: adopts };
  const versions = {
    running,
    known: seen.flatMap(({ known }) => known),
    folder: await saidVersion(dirname(service.file)),
  };
  const version = running ?? versions.known.at(-1)?.version ?? versions.folder?.version ?? 'VERSION';
  const takeUp = `headgate-agent take-up --config ${config} --service ${here(service.file)} --version ${version}`;
  const commands = [
    // Only where there is one: of a cell that was never seen no agent runs.
    ...(handed.changed && seen.some(({ serves }) => serves) ? [stopAgentCommand(config)] : []),
    enrolCommand(here(handed.file), here(service.file)),
    ...(allServe ? [] : [takeUp]),
    `headgate-agent run --config ${config}`,
    ...adopts,
  ];
  const why = handed.changed
    ? 'what was handed over before is no longer what counts: carry the folder once more, and there:'
    : 'next, where the service runs:';
  const beware = [
    ...(allServe ? [] : [whoseVersion(versions)]),
    ...(adopts.length === 0 ? [] : ['adopt is typed here, while the agent runs there']),
  ];
  return { why, commands, ...(beware.length > 0 && { beware: beware.join('\n') }) };
}

/** Whoever says which version runs. */
interface Versions {
  /** A person, to this command. */
  readonly running: string | undefined;
  /** Headgate, by cell, in the order of the service's environments. */
  readonly known: readonly { readonly cell: string; readonly version: string }[];
  readonly folder: { readonly version: string; readonly by: string } | undefined;
}

/** The baseline is called so for ever: the folder may well be ahead of what serves customers, or behind it. */
function whoseVersion({ running, known, folder }: Versions): string {
  const runs = known.map(({ cell, version }) => `${version} runs in ${cell}`).join(', ');
  if (running !== undefined) {
    const others = known.some(({ version }) => version !== running) ? `; as far as Headgate knows ${runs}` : '';
    return `take-up starts the folder as it stands: it has to be ${running}, as you say that it runs now${others}`;
  }
  const last = known.at(-1)?.version;
  if (last !== undefined) {
    const says =
      folder === undefined || folder.version === last ? '' : `, and ${folder.by} says ${folder.version} here`;
    return `--version ${last} is what Headgate knows (${runs}${says}): take-up starts the folder as it stands, and calls it so, so bring the folder to ${last} first; where another version is to be started, say it with --running VERSION`;
  }
  if (folder === undefined)
    return 'VERSION is what runs there now, as you call it: neither package.json nor Git says, and Headgate knows of none';
  const { version, by } = folder;
  return `--version ${version} is what ${by} says here: take-up starts the folder as it stands, and calls it so. Where another version runs now, bring the folder to that one first; where it is called otherwise, say it with --running VERSION`;
}

interface SeenCell {
  readonly cell: string;
  /** An agent has seen it serve somebody. */
  readonly serves: boolean;
  readonly adopted: boolean;
  /** The versions that serve somebody. */
  readonly known: Versions['known'];
}

/** What is known of a cell; nothing of one that nobody has seen yet. */
async function seenCell(client: Client, cell: string): Promise<SeenCell> {
  const seen = await client.call('showCell', { cell }).catch((error: unknown) => {
    if (error instanceof ProblemError && error.status === 404) return undefined;
    throw error;
  });
  const state = seen?.observed?.state ?? seen?.desired;
  const slots = new Set(Object.values(state?.tenants ?? {}).map(({ slot }) => slot));
  const versions = new Set([...slots].flatMap((slot) => state?.slots[slot]?.release?.version ?? []));
  const known = [...versions].map((version) => ({ cell, version }));
  return { cell, serves: slots.size > 0, adopted: (seen?.desired ?? null) !== null, known };
}
