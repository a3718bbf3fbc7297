/**
 * Files that people apply, read where they can't hold up anybody else. Reading YAML takes up to three seconds a megabyte,
 * and the server decides for everybody on one thread: what is larger than a page is read on a thread of its own, one
 * at a time, within a deadline.
 */
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { type Deps, type DocumentRecord, type Result, refuse } from '@headgate/control';
import { type AnyContent, readDocument } from '@headgate/documents';
import { allRows } from '../http/paging.ts';
import { type ReadDocument, readAll, type YamlFile } from './read-all.ts';

export type { ReadDocument } from './read-all.ts';

/** Documents of one installation that references are checked against. */
const MOST_DOCUMENTS = 50_000;
const CACHED = 5_000;
/** What is read on the server's own thread: some fifty milliseconds at the worst. Characters. */
const MOST_INLINE = 16 * 1024;
/** How long reading may take. Milliseconds. */
const MOST_READING_MS = 15_000;
const MOST_READING_MB = 1_024;
/** How many may stand in line for the reader. */
const MOST_WAITING = 8;

/** Contents by digest: immutable, so read once. */
const contents = new Map<string, AnyContent>();
let waiting = 0;
let turn: Promise<unknown> = Promise.resolve();

/** Reads files and checks them as a whole, beside what is declared already; every problem names file and line. */
export async function readFiles(deps: Deps, files: readonly YamlFile[]): Promise<Result<readonly ReadDocument[]>> {
  const declared = await declaredBefore(deps);
  if (files.reduce((sum, { text }) => sum + text.length, 0) <= MOST_INLINE) return readAll(files, declared);
  if (waiting >= MOST_WAITING)
    return busy('the reader is busy with other files', 'apply again in a moment, or fewer documents at a time');
  waiting++;
  const mine = turn.then(() => readAside(files, declared)).finally(() => waiting--);
  turn = mine.catch(() => {});
  return mine;
}

/** Reads on a thread of its own. Throws only when that can't be had. */
export async function readAside(
  files: readonly YamlFile[],
  declared: readonly AnyContent[],
  mostMs = MOST_READING_MS,
): Promise<Result<readonly ReadDocument[]>> {
  const worker = new Worker(readingThread(), {
    workerData: { files, declared },
    resourceLimits: { maxOldGenerationSizeMb: MOST_READING_MB },
  });
  const { promise, resolve, reject } = Promise.withResolvers<Result<readonly ReadDocument[]>>();
  const late = setTimeout(
    () => resolve(busy(`reading took more than ${mostMs / 1_000} s`, 'apply fewer documents at a time')),
    mostMs,
  );
  worker.once('message', resolve);
  worker.once('error', (error: NodeJS.ErrnoException) =>
    error.code === 'ERR_WORKER_OUT_OF_MEMORY'
      ? resolve(busy(`reading took more than ${MOST_READING_MB} MB`, 'apply fewer documents at a time'))
      : reject(error),
  );
  worker.once('exit', () => reject(new Error('the thread that reads documents ended without an answer')));
  try {
    return await promise;
  } finally {
    clearTimeout(late);
    await worker.terminate();
  }
}

function busy(why: string, unblock: string): Result<never> {
  return refuse('documents-not-read', 'apply documents', 'files', why, unblock);
}

async function declaredBefore(deps: Deps): Promise<readonly AnyContent[]> {
  const { rows } = await allRows<DocumentRecord>(deps.store, 'document', MOST_DOCUMENTS);
  const found: AnyContent[] = [];
  for (const { state } of rows) {
    let content = contents.get(state.digest);
    if (content === undefined) {
      const bytes = await deps.blobs.get(state.digest);
      if (bytes === undefined) throw new Error(`the content ${state.digest} of ${state.kind}/${state.name} is missing`);
      const read = readDocument(JSON.parse(Buffer.from(bytes).toString('utf8')));
      if (!read.ok) throw new Error(`the stored ${state.kind}/${state.name} can't be read: ${read.why}`);
      content = read.content as AnyContent;
      if (contents.size >= CACHED) contents.delete(contents.keys().next().value as string);
      contents.set(state.digest, content);
    }
    found.push(content);
  }
  return found;
}

/** Beside this file, and named as this one is where we run as emitted JavaScript. */
function readingThread(): string {
  const here = fileURLToPath(import.meta.url);
  return join(here, '..', 'reading-thread.ts'.replace(/\.ts$/, extname(here)));
}
