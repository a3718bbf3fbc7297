/** The thread that reads what people apply: one answer, then it ends. */
import { parentPort, workerData } from 'node:worker_threads';
import { readAll } from './read-all.ts';

const { files, declared } = workerData as {
  readonly files: Parameters<typeof readAll>[0];
  readonly declared: Parameters<typeof readAll>[1];
};
parentPort?.postMessage(readAll(files, declared));
