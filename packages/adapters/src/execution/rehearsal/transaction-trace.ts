import type { TracedStatement } from '@headgate/domain/rehearsal/trace';
import type { Statement } from '@headgate/migrations/parse/statements';
import type pg from 'pg';
import { type Counts, countsIn, type Look, lookIn, type Relations, walPosition } from './looks.ts';
import { statementDiff } from './statement-diff.ts';
import type { TempFiles } from './temp-files.ts';

type Unfinished = Omit<TracedStatement, 'locks'> & {
  readonly locks: readonly { readonly relation: string; readonly mode: string }[];
  readonly from: number;
  /** How long our own looking had taken by then. */
  readonly lookedMs: number;
};

/** One transaction of a file: what each statement in it did, and for how long its locks were held when it ended. */
export class TransactionTrace {
  readonly #runner: pg.Client;
  readonly #known: Relations;
  readonly #temp: TempFiles;
  readonly #since: ReadonlyMap<string, Counts>;
  #look: ReadonlyMap<string, Look> = new Map();
  readonly #done: Unfinished[] = [];
  /** Time that went into looking, with the locks held: told of nobody's migration. Milliseconds. */
  lookedMs = 0;

  private constructor(runner: pg.Client, known: Relations, temp: TempFiles, since: ReadonlyMap<string, Counts>) {
    this.#runner = runner;
    this.#known = known;
    this.#temp = temp;
    this.#since = since;
  }

  /** Right after the transaction began. */
  static async begun(runner: pg.Client, known: Relations, temp: TempFiles): Promise<TransactionTrace> {
    return new TransactionTrace(runner, known, temp, await countsIn(runner));
  }

  /** Runs a statement and looks at what it did. Throws what the server says. */
  async run({ text, at }: Statement, n: number, told: string): Promise<undefined> {
    const asked = performance.now();
    const wal = await walPosition(this.#runner);
    this.#temp.take();
    const from = performance.now();
    this.lookedMs += from - asked;
    await this.#runner.query(text);
    const ran = performance.now();
    const cost = {
      durationMs: ran - from,
      walBytes: (await walPosition(this.#runner)) - wal,
      tempBytes: this.#temp.take(),
    };
    const look = await lookIn(this.#runner, this.#since);
    const diff = statementDiff(this.#known, this.#look, look);
    this.#look = look;
    this.#done.push({ n, line: at.line, text: told, alone: false, ...diff, ...cost, from, lookedMs: this.lookedMs });
    this.lookedMs += performance.now() - ran;
  }

  /** What was done, once the transaction has ended. */
  statements(endedAt: number): readonly TracedStatement[] {
    return this.#done.map(({ from, lookedMs, locks, ...rest }) => {
      const heldMs = Math.max(0, endedAt - from - (this.lookedMs - lookedMs));
      return { ...rest, locks: locks.map((lock) => ({ ...lock, heldMs })) };
    });
  }
}
