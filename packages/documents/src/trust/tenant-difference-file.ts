/** A tenant's difference as a file that is read: its first line, and its rows one after the other. Never held as a whole. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Digest, RowDifference, TableDifference, TenantDifference } from '@headgate/domain';
import { RowsTally } from '@headgate/domain/tenant-rows/tally';
import { MOST_HEAD_BYTES, MOST_ROW_BYTES, openDifference, openRow } from './tenant-difference.ts';

/** Why there is no difference of that size, or none in a file: for people. */
export class WrongDifference extends Error {}

const BUFFERED = 256 * 1024;

export interface DifferenceFile {
  readonly path: string;
  readonly difference: TenantDifference;
  readonly digest: Digest;
  /** Whether the rows are there: the first line alone may be read by whom they are none of the business. */
  readonly whole: boolean;
  rows(): AsyncGenerator<RowDifference>;
}

/** Opens a file whose rows, where there are any, are what its first line says, to the last byte and in every number. Throws a `WrongDifference`. */
export async function openDifferenceFile(path: string): Promise<DifferenceFile> {
  const facts = await stat(path).catch(() => undefined);
  if (facts?.isFile() !== true) throw new WrongDifference(`there is no file ${path}`);
  const first = await firstLine(path);
  const opened = openDifference(first);
  if (!opened.ok) throw new WrongDifference(`${path}: ${opened.why}; ${opened.unblock}`);
  const { difference, digest } = opened;
  const from = Buffer.byteLength(first) + 1;
  if (facts.size <= from) return { path, difference, digest, whole: difference.body.lines === 0, rows: nothing };
  if ((facts.mode & 0o077) !== 0)
    throw new WrongDifference(
      `${path} may be read by others than its owner, and has a tenant’s rows: chmod 600 ${path}`,
    );
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(path, { start: from, highWaterMark: BUFFERED })) {
    hash.update(chunk as Buffer);
    bytes += (chunk as Buffer).length;
  }
  if (bytes !== difference.body.bytes || hash.digest('hex') !== difference.body.sha256)
    throw new WrongDifference(`${path}: its rows aren’t those that its first line names; have it made anew`);
  const rows = () => rowsOfFile(path, from, difference.tables);
  const tally = new RowsTally(difference.tables);
  for await (const row of rows()) tally.add(row);
  const misfit = tally.misfit();
  if (misfit !== undefined)
    throw new WrongDifference(`${path}: ${misfit}; find out who made it, and have it made anew`);
  return { path, difference, digest, whole: true, rows };
}

async function* nothing(): AsyncGenerator<RowDifference> {}

async function firstLine(path: string): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: BUFFERED }) as AsyncIterable<Buffer>) {
    const end = chunk.indexOf(10);
    parts.push(end < 0 ? chunk : chunk.subarray(0, end));
    bytes += chunk.length;
    if (end >= 0 || bytes > MOST_HEAD_BYTES) break;
  }
  return Buffer.concat(parts).toString('utf8');
}

/** Rows of a file from a byte on, by the tables that they are of. Throws a `WrongDifference`. */
export async function* rowsOfFile(
  path: string,
  start: number,
  tables: readonly TableDifference[],
): AsyncGenerator<RowDifference> {
  const { size } = await stat(path);
  if (size <= start) return;
  let rest: Buffer[] = [];
  let kept = 0;
  for await (const chunk of createReadStream(path, { start, highWaterMark: BUFFERED }) as AsyncIterable<Buffer>) {
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      const row = openRow(Buffer.concat([...rest, chunk.subarray(from, end)]).toString('utf8'), tables);
      if (row === undefined) throw new WrongDifference(`${path}: a line is no row of its tables; have it made anew`);
      yield row;
      rest = [];
      kept = 0;
      from = end + 1;
    }
    if (from < chunk.length) {
      rest.push(chunk.subarray(from));
      kept += chunk.length - from;
    }
    if (kept > MOST_ROW_BYTES) throw new WrongDifference(`${path}: a line has more than ${MOST_ROW_BYTES} bytes`);
  }
}
