import type { Status } from '@headgate/contract';
import { instant } from '../output.ts';

type Cell = Status['cells'][number];

/**
 * An agent asks for work at least every 15 s, and tries again within seconds where it isn't answered. Silent for three times
 * as long it doesn't run, or doesn't reach the server. Milliseconds.
 */
export const SILENT_MS = 45_000;

/** Cells whose agent isn't at work: one cause, however many they are. */
export interface Untended {
  readonly agent: string;
  readonly why: string;
  readonly cells: readonly Cell[];
}

/** The cells, in their order, that nobody looks after at this moment of the server's clock. */
export function untended(cells: readonly Cell[], at: number): readonly Untended[] {
  const groups = new Map<string, { readonly agent: string; readonly why: string; readonly cells: Cell[] }>();
  for (const cell of cells) {
    const trouble = troubleOf(cell, at);
    if (trouble === undefined) continue;
    const group = groups.get(trouble.why);
    if (group === undefined) groups.set(trouble.why, { ...trouble, cells: [cell] });
    else group.cells.push(cell);
  }
  return [...groups.values()];
}

/** Why the agent of a cell isn't at work; undefined: it is, or nobody knows. */
function troubleOf({ agent }: Pick<Cell, 'agent'>, at: number): Omit<Untended, 'cells'> | undefined {
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
