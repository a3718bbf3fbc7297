import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { createInterface } from 'node:readline';

/** What customers do, in the order in which they do it. `project` comes once, the others again and again. */
export type CustomerAction = 'project' | 'time-entry' | 'approval' | 'invoice' | 'summary';

interface Request {
  readonly tenant: string;
  readonly action: CustomerAction;
  /** Idempotency key; the same for every attempt at one logical write. */
  readonly key: string;
  /** Which attempt it was, from 1. */
  readonly attempt: number;
  /** When the answer came or the request was given up; milliseconds since the epoch, this machine's clock. */
  readonly at: number;
  /** How long that took. Milliseconds. */
  readonly ms: number;
}

/** A 2xx within the time limit: `sent` and `answer` are what the customer was promised. */
export interface AcknowledgedRequest extends Request {
  readonly kind: 'acknowledged';
  readonly sent: Readonly<Record<string, unknown>>;
  readonly answer: Readonly<Record<string, unknown>>;
  /** Who answered, by the response's own headers. */
  readonly slot: string;
  readonly version: string;
}

/** Anything else: another status, a broken connection, an answer that came too late. */
export interface FailedRequest extends Request {
  readonly kind: 'failed';
  readonly why: string;
}

export type JournalLine = AcknowledgedRequest | FailedRequest;

/** The last line of customers who ended their day by themselves: nothing that they met is missing above it. */
export interface WentHome {
  readonly kind: 'went-home';
  readonly at: number;
}

/** Stands for that line where several journals became one and it was missing: these customers were killed. */
export interface CutOff {
  readonly kind: 'cut-off';
}

const isMark = (line: unknown): line is WentHome | CutOff =>
  ['went-home', 'cut-off'].includes((line as { readonly kind?: string }).kind ?? '');

/** The load's own memory of what it was promised: append-only, and on the disk before it counts. */
export class Journal<Line = JournalLine> {
  readonly #file: FileHandle;
  #waiting: { readonly line: string; readonly done: () => void; readonly fail: (error: unknown) => void }[] = [];
  #flushing: Promise<void> | undefined;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  static async open<Line = JournalLine>(path: string): Promise<Journal<Line>> {
    return new Journal(await open(path, 'a', 0o600));
  }

  /** Appends a line; resolves once it is synced to the disk. Lines that come while another sync runs share the next. */
  append(line: Line): Promise<void> {
    return new Promise((done, fail) => {
      this.#waiting.push({ line: `${JSON.stringify(line)}\n`, done, fail });
      this.#flushing ??= this.#flush();
    });
  }

  async #flush(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        await this.#file.appendFile(batch.map((each) => each.line).join(''));
        await this.#file.datasync();
        for (const each of batch) each.done();
      } catch (error) {
        for (const each of batch) each.fail(error);
      }
    }
    this.#flushing = undefined;
  }

  async close(): Promise<void> {
    await this.#flushing;
    await this.#file.close();
  }
}

/** Reads the requests of a journal, as {@link readWholeJournal} does. */
export async function* readJournal<Line = JournalLine>(path: string): AsyncGenerator<Line> {
  for await (const line of readWholeJournal<Line>(path)) if (!isMark(line)) yield line;
}

/**
 * Reads a journal, with the lines that say how its customers ended. A last line that a crash cut off was never counted, so it
 * is left out; any other bad line throws.
 */
export async function* readWholeJournal<Line = JournalLine>(path: string): AsyncGenerator<Line | WentHome | CutOff> {
  let number = 0;
  let before: string | undefined;
  const parse = (line: string): Line | WentHome | CutOff => {
    try {
      return JSON.parse(line) as Line | WentHome | CutOff;
    } catch {
      throw new Error(`${path}:${number}: not a line of a journal`);
    }
  };
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })) {
    if (before !== undefined) {
      number += 1;
      yield parse(before);
    }
    before = line;
  }
  if (before === undefined || before === '') return;
  try {
    JSON.parse(before);
  } catch {
    return;
  }
  yield parse(before);
}
