/** Writes a tenant's difference to disk: its owner's alone, whole or not there, and never larger than is read again. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, link, lstat, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  differenceHead,
  MOST_DIFFERENCE_BYTES,
  MOST_DIFFERENCE_ROWS,
  MOST_ROW_BYTES,
  openDifference,
  rowLine,
  rowsOfFile,
  WrongDifference,
} from '@headgate/documents';
import type { Digest, RowDifference, TableDifference, TenantDifference } from '@headgate/domain';
import { syncFolder } from '../../machine/durable-file.ts';

export interface DifferenceLimits {
  readonly rows: number;
  readonly bytes: number;
}

const LIMITS: DifferenceLimits = { rows: MOST_DIFFERENCE_ROWS, bytes: MOST_DIFFERENCE_BYTES };
const BUFFERED = 256 * 1024;

/** Rows that are being written, before it is known what they come to. */
export class DifferenceWriter {
  readonly #path: string;
  readonly #body: FileHandle;
  readonly #limits: DifferenceLimits;
  readonly #hash = createHash('sha256');
  #pending: string[] = [];
  #pendingBytes = 0;
  #bytes = 0;
  #lines = 0;

  private constructor(path: string, body: FileHandle, limits: DifferenceLimits) {
    this.#path = path;
    this.#body = body;
    this.#limits = limits;
  }

  /** `path`: where the whole file will be, and nothing is yet. Rows that an interrupted one left beside it are written anew. */
  static async open(path: string, limits: DifferenceLimits = LIMITS): Promise<DifferenceWriter> {
    if ((await lstat(path).catch(() => undefined)) !== undefined) throw isThere(path);
    await rm(`${path}.rows`, { force: true });
    return new DifferenceWriter(path, await open(`${path}.rows`, 'wx+', 0o600), limits);
  }

  async add(row: RowDifference): Promise<void> {
    const line = `${rowLine(row)}\n`;
    const bytes = Buffer.byteLength(line);
    const { rows: mostRows, bytes: mostBytes } = this.#limits;
    if (bytes > MOST_ROW_BYTES)
      throw new WrongDifference(`one row has ${bytes} bytes: at most ${MOST_ROW_BYTES} are kept`);
    if (this.#lines + 1 > mostRows)
      throw new WrongDifference(
        `more than ${mostRows} rows of the tenant differ; recover the whole store, or to a later moment`,
      );
    if (this.#bytes + bytes > mostBytes)
      throw new WrongDifference(
        `what differs has more than ${mostBytes} bytes, after ${this.#lines} rows; recover the whole store, or to a later moment`,
      );
    this.#hash.update(line);
    this.#lines++;
    this.#bytes += bytes;
    this.#pending.push(line);
    this.#pendingBytes += bytes;
    if (this.#pendingBytes >= BUFFERED) await this.#flush();
  }

  /** All rows again, in the order in which they came. */
  async *rows(tables: readonly TableDifference[]): AsyncGenerator<RowDifference> {
    await this.#flush();
    yield* rowsOfFile(`${this.#path}.rows`, 0, tables);
  }

  /** Puts the first line before the rows; answers the digest. */
  async end(
    difference: Omit<TenantDifference, 'body'>,
  ): Promise<{ readonly difference: TenantDifference; readonly digest: Digest }> {
    await this.#flush();
    const body = { sha256: this.#hash.digest('hex'), bytes: this.#bytes, lines: this.#lines };
    const whole = { ...difference, body };
    const head = differenceHead(whole);
    const opened = openDifference(head.text);
    if (!opened.ok) throw new WrongDifference(opened.why);
    const temporary = `${this.#path}.new`;
    await rm(temporary, { force: true });
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(`${head.text}\n`);
      const rows = createReadStream(`${this.#path}.rows`, { highWaterMark: BUFFERED });
      for await (const chunk of rows) await file.writeFile(chunk as Buffer);
      await file.sync();
    } finally {
      await file.close();
    }
    // Unlike a rename it never puts itself in the place of what came there meanwhile.
    await link(temporary, this.#path).catch((error: { readonly code?: string }) => {
      throw error.code === 'EEXIST' ? isThere(this.#path) : error;
    });
    await rm(temporary);
    await syncFolder(dirname(this.#path));
    await this.#gone();
    return { difference: whole, digest: head.digest };
  }

  /** Takes the whole file away again. */
  async remove(): Promise<void> {
    await rm(this.#path, { force: true });
  }

  /** Leaves nothing. */
  async abandon(): Promise<void> {
    await rm(`${this.#path}.new`, { force: true });
    await this.#gone();
  }

  async #flush(): Promise<void> {
    if (this.#pending.length === 0) return;
    const text = this.#pending.join('');
    this.#pending = [];
    this.#pendingBytes = 0;
    await this.#body.appendFile(text);
  }

  async #gone(): Promise<void> {
    await this.#body.close().catch(() => {});
    await rm(`${this.#path}.rows`, { force: true });
  }
}

function isThere(path: string): WrongDifference {
  return new WrongDifference(
    `${path} is there already, and nothing is written over it: move it away, or name another file`,
  );
}
