/** A restore point that a person asks for, taken as one by schedule is: beside no step of a promotion. */
import type { Refusal } from '@headgate/domain';
import { busyWords, opened, room } from '../assignments/cell-room.ts';
import type { CellWorker } from '../assignments/cell-worker.ts';
import type { Answer } from '../away/door.ts';
import type { AgentConfig } from '../config.ts';
import type { Logger } from '../log.ts';
import { takePoint } from '../schedule/take-point.ts';
import { storesOfCell } from '../vault-cells.ts';
import type { TakenPoint, TakePointAsk } from './take-ask.ts';

export interface PointTakerParts {
  readonly config: Pick<AgentConfig, 'cells'>;
  readonly log: Pick<Logger, 'info'>;
  worker(cell: string): CellWorker | undefined;
  /** Of the control plane, as the agent knows it. */
  epoch(): number;
  /** The agent goes back by itself: nothing else is done meanwhile. */
  goesBack(): boolean;
}

/** Takes it, reads it back and has it sealed where the cell has a vault. `progress` hears each of that. */
export async function takeAsked(
  { config, log, worker, epoch, goesBack }: PointTakerParts,
  ask: TakePointAsk,
  progress: (line: string) => void,
): Promise<Answer<TakenPoint>> {
  const status = 'see `headgate-agent status --config FILE`';
  const cell = config.cells.find((each) => each.cell === ask.cell);
  if (cell === undefined)
    return no(ask, 'unknown-cell', 'this agent has no such cell', `name one of ${names(config.cells)}`);
  const stores = storesOfCell(cell);
  if (!stores.includes(ask.store))
    return no(ask, 'unknown-store', 'the cell has no such store', `name one of ${stores.join(', ')}`);
  const held = worker(ask.cell);
  if (held === undefined || !(await opened(held)))
    return no(ask, 'cell-closed', 'the agent could not open the cell yet', `${status}, and its log`);
  await room(held);
  if (goesBack())
    return no(
      ask,
      'cell-busy',
      'the agent goes back by itself, the server being away',
      `${status}: it says when that is done`,
    );
  const told: string[] = [];
  let over: AbortSignal | undefined;
  const taking = held.aside((real, signal) => {
    over = signal;
    return takePoint(real, ask.store, epoch(), signal, (event) => {
      log.info({ cell: ask.cell }, event);
      told.push(event);
      progress(event);
    });
  });
  if (taking === undefined)
    return no(
      ask,
      'cell-busy',
      busyWords(held),
      'ask again then: what is at work takes its own where its plan says so',
    );
  const taken = await taking.catch((error: Error) => ({ ok: false, why: error.message }) as const);
  if (taken.ok) {
    const { id, takenAt, bytes } = taken.point;
    return { ok: true, value: { id, takenAt, bytes, told } };
  }
  return over?.aborted === true
    ? no(ask, 'interrupted', (over.reason as Error).message, 'ask again; what was begun is removed with the next one')
    : no(ask, 'not-taken', taken.why, 'mend that, and ask again');
}

function names(cells: AgentConfig['cells']): string {
  return cells.map(({ cell }) => cell).join(', ');
}

function no({ cell, store }: TakePointAsk, code: string, why: string, unblock: string): Answer<never> {
  const refusal: Refusal = { code, what: 'take a restore point', where: `cell/${cell} store/${store}`, why, unblock };
  return { ok: false, refusal };
}
