/** `headgate-agent restore-points take`: asks the agent that runs here; where none does, does its work. */
import type { AnyCellConfig } from '@headgate/adapters/execution/cell-kinds';
import { visibleJson } from '@headgate/contract';
import { SHIPPED, startAgent } from '../agent.ts';
import { sayRefusal } from '../assignments/refused.ts';
import type { Behind } from '../away/door.ts';
import { knock } from '../away/knock.ts';
import { notOurs } from '../away/not-ours.ts';
import type { AgentConfig } from '../config.ts';
import { openLog } from '../log.ts';
import { print, warn } from '../output.ts';
import { hasVault } from '../vault-cells.ts';
import { complain } from './command-line.ts';

const REFUSED = 1;

/** Takes one of a store of the cell now, and answers the exit code. */
export async function takeRestorePoint(
  config: AgentConfig,
  cell: AnyCellConfig,
  store: string,
  { json = false }: { readonly json?: boolean | undefined },
): Promise<number> {
  const progress = (line: string): void => void (json || warn(`${line}\n`));
  const through = async (behind: Behind): Promise<number> => {
    const taken = await behind.takePoint({ cell: cell.cell, store }, progress);
    if (!taken.ok) return complain(sayRefusal(taken.refusal), REFUSED);
    const { id, takenAt, bytes } = taken.value;
    const where = hasVault(cell)
      ? []
      : ['It lies on the store’s own machine alone: the cell has no vault (docs/operations/restore-points.md)'];
    print(
      json
        ? `${visibleJson({ cell: cell.cell, store, ...taken.value })}\n`
        : `${[`restore point ${id} of ${cell.cell}/${store}, of ${new Date(takenAt).toISOString()}, ${bytes} bytes`, ...where].join('\n')}\n`,
    );
    return 0;
  };
  const running = await knock(config.dataDir);
  if (running !== undefined) return through(running);
  const strange = await notOurs(config.dataDir, undefined, undefined, 'take a restore point where no agent runs');
  if (strange !== undefined) return complain(sayRefusal(strange), REFUSED);
  progress('No agent runs here: this command does its work, and stops it again.');
  const agent = await startAgent(config, SHIPPED, openLog(config.name, 'error'), 'alone');
  try {
    return await through(agent.behind);
  } finally {
    await agent.stop();
  }
}
