/** After a restore of the control plane: agents tell what they did, sooner or later, and people answer for those who don't. */
import { answerCell, observeCell, readBackCell } from '@headgate/control';
import { type CellState, type Principal, TELL_MS } from '@headgate/domain';
import type { Run } from '../engine/run.ts';
import { ignoreUnavailable } from '../engine/unavailable.ts';
import { AGENTS, PEOPLE } from './fleet-spec.ts';

/** How often an agent tells again that isn't understood. Milliseconds. */
const AGAIN_MS = 5_000;
/** One cell in so many is told of only when a person was asked. */
const SILENT_CHANCE = 0.05;

export class Tellers {
  readonly #run: Run;

  constructor(run: Run) {
    this.#run = run;
  }

  /** The control plane was restored: everybody hears of it. */
  begin(): void {
    const run = this.#run;
    for (const { cell } of run.fleet.cells) {
      const silent = run.random.chance(SILENT_CHANCE);
      if (silent) run.after(TELL_MS + run.random.int(1_000, 60_000), () => this.#answer(cell));
      const inMs = silent ? TELL_MS + run.random.int(90_000, 200_000) : run.random.int(50, 12_000);
      run.after(inMs, () => this.#tell(cell, run.epoch));
    }
  }

  async #tell(cell: string, epoch: number): Promise<void> {
    const run = this.#run;
    // Restored again meanwhile: others tell.
    if (epoch !== run.epoch) return;
    const server = run.server();
    const busyMs = run.crew.busyUntil(cell) - run.now;
    if (server === undefined || busyMs > 0) {
      run.after(Math.max(200, busyMs + 1), () => this.#tell(cell, epoch));
      return;
    }
    try {
      const agent = AGENTS[0] as Principal;
      const account = { ...run.targets.marks.of(cell), state: run.targets.seen(cell) as CellState };
      await observeCell(server.deps, agent, account.state);
      const told = await readBackCell(server.deps, server.gatherers, agent, account);
      if (told.ok && told.value.epoch === run.epoch) return;
      const why = told.ok ? told.value.asked?.why : told.refusals[0]?.why;
      // Nothing that was lost here is unknown to the agents, so nobody needs to be asked.
      if (told.ok) run.checker.report('read-back', `cell ${cell} can't be read back: ${why}`);
    } catch (error) {
      ignoreUnavailable(error);
    }
    run.after(AGAIN_MS, () => this.#tell(cell, epoch));
  }

  async #answer(cell: string): Promise<void> {
    const run = this.#run;
    const server = run.server();
    if (server === undefined) return;
    const answer = run.checker.active.has(cell) ? 'go-back' : 'as-remembered';
    try {
      await answerCell(server.deps, server.gatherers, PEOPLE.operator, cell, answer, 'its agent is silent');
    } catch (error) {
      ignoreUnavailable(error);
    }
  }
}
