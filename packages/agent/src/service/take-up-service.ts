import { dirname, resolve } from 'node:path';
import type { AnyCellConfig } from '@headgate/adapters/execution/cell-kinds';
import { takeUp } from '@headgate/adapters/execution/take-up';
import { serviceRelease } from '@headgate/documents/service/index';
import type { AgentConfig } from '../config.ts';
import { loadService } from './service-cells.ts';

export interface TakenUp {
  readonly cell: string;
  readonly how: 'taken up' | 'runs already';
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
): Promise<readonly TakenUp[]> {
  const service = await loadService(file);
  const release = await serviceRelease(service, dirname(resolve(file)), { version, authors: [], origin: 'adopted' });
  const cells = config.cells.filter(isProcess).filter((each) => each.application === service.metadata.name);
  if (cells.length === 0)
    throw new Error(`this agent has no cell of ${service.metadata.name}; enrol it with --service ${file}`);
  const taken: TakenUp[] = [];
  for (const cell of cells) {
    const how = await takeUp(cell, release, report);
    taken.push({ cell: cell.cell, how, version, url: `http://127.0.0.1:${cell.router.listenPort}` });
  }
  return taken;
}

function isProcess(config: AnyCellConfig): config is Extract<AnyCellConfig, { kind: 'process' }> {
  return config.kind === 'process';
}
