import type { Status } from '@headgate/contract';
import { instant } from '../output.ts';

type Cell = Status['cells'][number];

/**
 * An agent asks for work at least every 15 s, and tries again within seconds where it isn't answered. Silent for three times
 * as long it doesn't run, or doesn't reach the server. Milliseconds.
 */
export const SILENT_MS = 45_000;

/** What is to be known of the agent of a cell, when it isn't at work. */
export interface AgentTrouble {
  readonly agent: string;
  /** Said once for all cells of the agent that it is true of. */
  readonly why: string;
}

/** Whether the agent of a cell is at work, at this moment of the server's clock; undefined: it is, or nobody knows. */
export function agentTrouble({ agent }: Pick<Cell, 'agent'>, at: number): AgentTrouble | undefined {
  if (agent === undefined) return undefined;
  const { id, heardAt, ended } = agent;
  if (ended?.how === 'stopped')
    return { agent: id, why: `a person ended ${id} and all that it ran there, at ${instant(ended.at)}` };
  if (ended !== undefined)
    return {
      agent: id,
      why: `${id} ended at ${instant(ended.at)}, by its own word; what it ran there lives on, and nobody looks after it`,
    };
  if (heardAt === null || at - heardAt <= SILENT_MS) return undefined;
  return {
    agent: id,
    why: `nothing was heard of ${id} since ${instant(heardAt)} (${seconds(at - heardAt)}), and it speaks every 15 s: it was killed, or doesn’t reach the server`,
  };
}

function seconds(ms: number): string {
  return ms < 120_000 ? `${Math.round(ms / 1_000)} s` : `${Math.round(ms / 60_000)} min`;
}
