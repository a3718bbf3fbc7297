import type { ControlPlane } from '../control-plane/control-plane.ts';
import { Every } from '../every.ts';
import type { Logger } from '../log.ts';
import { countUntold, toldRestoration, untoldIn } from './untold-restorations.ts';

type Plane = Pick<ControlPlane, 'recordRestoration'>;

const TELL_EVERY_MS = 15_000;

interface TellingPlace {
  after: string;
  /** Why the server refused one in the last round that got to its end; absent: it took all of it. */
  refused?: string | undefined;
}

/**
 * Tells the server what was brought back, oldest first, until it has it. A refused statement is kept, and doesn't hold up those
 * after it: it may be the server's trust file that lacks the key, or an older server that has no such word. Answers what
 * became of the newest: `recorded`, why it is refused; undefined while the server is away, or where there is none. A round is bounded:
 * `place` remembers where it ended, and the next one goes on from there.
 */
export async function tellRestorations(
  plane: Plane,
  dataDir: string,
  log: Logger,
  place: TellingPlace = { after: '' },
): Promise<string | undefined> {
  let said: string | undefined;
  let refused: string | undefined;
  const round = await untoldIn(dataDir, log, place.after);
  for (const [i, { name, statement }] of round.entries()) {
    said = await plane.recordRestoration(statement).catch(() => undefined);
    if (said === undefined) return undefined;
    // The newest comes out of its turn, so where it is reached those before it have yet to be told.
    if (i < round.length - 1 || round.length === 1) place.after = name;
    if (said === 'recorded') await toldRestoration(dataDir, name);
    else {
      refused = said;
      log.warn({ said }, 'the server did not take the statement of a restoration; it is kept, and told again');
    }
  }
  place.refused = refused;
  return said;
}

/** Tells them while the agent runs, and knows how many are left. */
export class RestorationTeller {
  readonly #telling: Every;
  #left = 0;
  readonly #place: TellingPlace = { after: '' };

  constructor(plane: Plane, dataDir: string, log: Logger) {
    this.#telling = new Every(
      TELL_EVERY_MS,
      async () => {
        await tellRestorations(plane, dataDir, log, this.#place);
        this.#left = await countUntold(dataDir);
      },
      (error) => log.warn({ why: (error as Error).message }, 'the server can’t be told of a restoration'),
    );
  }

  /** As of the last round. */
  get left(): number {
    return this.#left;
  }

  /** Why the server refuses one of those; undefined: it doesn't, as far as is known. */
  get refused(): string | undefined {
    return this.#left > 0 ? this.#place.refused : undefined;
  }

  start(): this {
    this.#telling.start();
    return this;
  }

  async stop(): Promise<void> {
    await this.#telling.stop();
  }
}
