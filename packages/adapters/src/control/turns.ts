/** Taking turns: so many at a time, and whoever waits comes by name, so that one who asks a hundred times delays nobody else. */

/** Nobody's turn came in time, or too many wait. */
export class NoTurn extends Error {
  constructor(why: string) {
    super(why);
    this.name = 'NoTurn';
  }
}

export interface TurnsOptions {
  /** How many have their turn at once. */
  readonly most: number;
  /** How long to wait for one. Milliseconds. */
  readonly patienceMs: number;
  /** How many may wait; any number unless said. */
  readonly mostWaiting?: number;
  /** How many of one name may wait; any number unless said. */
  readonly mostOfName?: number;
}

interface Waiting {
  begin(): void;
}

export class Turns {
  readonly #options: TurnsOptions;
  /** Who waits, by name. The name whose turn is next stands first. */
  readonly #waiting = new Map<string, Waiting[]>();
  #count = 0;
  #taken = 0;

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  /** Does the work when it is the name's turn. Throws {@link NoTurn}, and what the work throws. */
  async take<T>(name: string, work: () => Promise<T>): Promise<T> {
    if (this.#taken < this.#options.most) this.#taken += 1;
    else await this.#wait(name);
    try {
      return await work();
    } finally {
      this.#pass();
    }
  }

  #wait(name: string): Promise<void> {
    const { mostWaiting = Number.POSITIVE_INFINITY, mostOfName = mostWaiting, patienceMs } = this.#options;
    const own = this.#waiting.get(name)?.length ?? 0;
    if (this.#count >= mostWaiting || own >= mostOfName)
      return Promise.reject(new NoTurn(`${own >= mostOfName ? own : this.#count} wait for their turn`));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#leave(name, waiting);
        reject(new NoTurn(`no turn came within ${patienceMs} ms`));
      }, patienceMs);
      const waiting: Waiting = {
        begin: () => {
          clearTimeout(timer);
          resolve();
        },
      };
      const line = this.#waiting.get(name);
      if (line === undefined) this.#waiting.set(name, [waiting]);
      else line.push(waiting);
      this.#count += 1;
    });
  }

  /** Hands the turn on to the name that waits first, which then stands last. */
  #pass(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#taken -= 1;
      return;
    }
    const [name, line] = next;
    const first = line.shift() as Waiting;
    this.#waiting.delete(name);
    if (line.length > 0) this.#waiting.set(name, line);
    this.#count -= 1;
    first.begin();
  }

  #leave(name: string, waiting: Waiting): void {
    const line = (this.#waiting.get(name) ?? []).filter((each) => each !== waiting);
    if (line.length === 0) this.#waiting.delete(name);
    else this.#waiting.set(name, line);
    this.#count -= 1;
  }
}
