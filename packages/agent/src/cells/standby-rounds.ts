/**
 * Looks at the standbys of each cell's stores and tells the server, beside the look at the cell itself and never in its way: a
 * standby that hangs must not keep anybody from hearing what is seen of the cell.
 */
import type { AnyCellConfig } from '@headgate/adapters/execution/cell-kinds';
import { StandbyWatch } from '@headgate/adapters/execution/standby/standby-watch';
import type { ToldStandby } from '@headgate/domain';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import { Every } from '../every.ts';
import type { Logger } from '../log.ts';

export interface StandbyRoundsParts {
  readonly cells: readonly AnyCellConfig[];
  /** Between two looks. Milliseconds. */
  readonly everyMs: number;
  readonly plane: Pick<ControlPlane, 'tellStandbys'>;
  readonly log: Logger;
}

/** A round for each cell, at its own pace. */
export class StandbyRounds {
  readonly #rounds: readonly Every[];

  constructor({ cells, everyMs, plane, log }: StandbyRoundsParts) {
    this.#rounds = cells.map((config) => {
      const { cell } = config;
      const watch = new StandbyWatch('externalStores' in config ? config.externalStores : {});
      const said = new Map<string, string>();
      let toldOfNone = false;
      let trouble: string | undefined;
      return new Every(
        everyMs,
        async () => {
          // Once, so that nobody goes by what was told when there still were some.
          if (!watch.some && toldOfNone) return;
          const looked = await watch.look();
          for (const each of looked(performance.now())) sayChange(log, cell, each, said);
          await plane.tellStandbys(cell, looked);
          toldOfNone = true;
          trouble = undefined;
        },
        (error) => {
          const why = (error as Error).message;
          if (watch.some && why !== trouble) log.warn({ cell, why }, 'the server can’t be told of the standbys');
          trouble = why;
        },
      );
    });
  }

  start(): void {
    for (const round of this.#rounds) round.start();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#rounds.map((round) => round.stop()));
  }
}

/** How a standby stands is said when that changes; how far it is behind changes all the time. */
function sayChange(log: Logger, cell: string, seen: ToldStandby, said: Map<string, string>): void {
  const { store, name, standing, why, paused, receiving } = seen;
  const key = `${store}/${name}`;
  const now = JSON.stringify([standing, why, paused, receiving]);
  if (said.get(key) === now) return;
  said.set(key, now);
  const sound = standing === 'following' && paused !== true && receiving !== false;
  log[sound ? 'info' : 'warn']({ cell, store, standby: name, standing, why, paused, receiving }, 'standby looked at');
}
