import { hostname } from 'node:os';
import { dirname, resolve } from 'node:path';
import type { AnyCellConfig } from '@headgate/adapters/execution/cell-kinds';
import { claimIdIn, StoreTaken } from '@headgate/adapters/execution/external-store/claim';
import { holderOf } from '@headgate/adapters/execution/process/cell-hold';
import { takeUp } from '@headgate/adapters/execution/take-up';
import { serviceRelease } from '@headgate/documents/service/index';
import type { AgentConfig } from '../config.ts';
import { SAME_NUMBER, UNKNOWN } from '../leave/may-leave.ts';
import { loadService } from './service-cells.ts';

export interface TakenUp {
  readonly cell: string;
  readonly how: 'taken up' | 'runs already';
  /** Of what runs there now. */
  readonly version: string;
  /** Where customers' requests reach it from now on, once they are sent there. */
  readonly url: string;
}

/**
 * Puts what runs today (the service's folder as it stands) into the agent's cells of that service. Before the agent is
 * started: it would hold the cells.
 */
export async function takeUpService(
  config: Pick<AgentConfig, 'cells'>,
  file: string,
  version: string,
  report: (line: string) => void,
  /** The agent's configuration, as it is typed. */
  configFile = 'agent.yaml',
): Promise<readonly TakenUp[]> {
  const service = await loadService(file);
  const release = await serviceRelease(service, dirname(resolve(file)), { version, authors: [], origin: 'adopted' });
  const cells = config.cells.filter(isProcess).filter((each) => each.application === service.metadata.name);
  if (cells.length === 0)
    throw new Error(`this agent has no cell of ${service.metadata.name}; enrol it with --service ${file}`);
  const taken: TakenUp[] = [];
  for (const cell of cells) {
    const holder = await holderOf(cell.dir);
    if (holder !== undefined) throw new Error(heldText(cell.cell, holder.pid, configFile));
    const { how, version: runs } = await takeUp(cell, release, report).catch(async (error: unknown) => {
      if (!(error instanceof StoreTaken)) throw error;
      throw new Error(whatUnblocks(error, configFile, cell, await claimIdIn(cell.dir)), { cause: error });
    });
    if (runs !== version)
      report(
        `cell ${cell.cell}: ${runs} runs there, and not ${version}, as --version says; it was left as it is, and nothing of the folder was started in it`,
      );
    taken.push({ cell: cell.cell, how, version: runs, url: `http://127.0.0.1:${cell.router.listenPort}` });
  }
  return taken;
}

function isProcess(config: AnyCellConfig): config is Extract<AnyCellConfig, { kind: 'process' }> {
  return config.kind === 'process';
}

/** Who runs there keeps the cell as it is; a cell that runs needs no taking up. */
function heldText(cell: string, pid: number | undefined, configFile: string): string {
  const who = pid === undefined ? 'another process' : `another process (pid ${pid})`;
  return `cell ${cell} is held by ${who}, its agent most likely; end that alone first, and nothing that serves: headgate-agent stop --config ${configFile} --agent-only`;
}

/** The ways out of a database that another installation has, each as it can be typed. */
function whatUnblocks(
  { message, claim }: StoreTaken,
  configFile: string,
  { cell, dir }: AnyCellConfig,
  own: string | undefined,
): string {
  const leave = `headgate-agent leave --config ${configFile} --cell ${cell} --installation ${claim?.id ?? UNKNOWN}`;
  const refused = `${message}; nothing was started or changed`;
  if (claim?.here === false)
    return `${refused}\nto unblock: take that out of the copy; nothing changes in the original: headgate-agent leave --config ${configFile} --cell ${cell}`;
  if (claim?.folder === dir && claim.machine === hostname() && claim.id !== own)
    return `${refused}\nthat folder was made anew since, so what was there is over. To unblock, take what it made out of the database: ${leave}`;
  return [
    refused,
    ...(claim !== undefined && claim.id === own ? [SAME_NUMBER] : []),
    `to unblock: carry on under that installation: start its server and its agent again${claim === undefined ? '' : `, on ${claim.machine}`}`,
    `or, if it is over, take what it made out of the database: ${leave}`,
  ].join('\n');
}
