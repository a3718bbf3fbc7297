/** The thread that hashes for a {@link ./thread-hash.ts HashThread}. What it was sent it sends back, to be filled again. */
import { createHash, type Hash } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import type { HashAnswer, HashOrder } from './thread-hash.ts';

const hashes = new Map<number, Hash>();

parentPort?.on('message', (order: HashOrder) => {
  const hash = hashes.get(order.of) ?? createHash('sha256');
  hashes.set(order.of, hash);
  if (order.kind === 'bytes') {
    hash.update(new Uint8Array(order.memory, 0, order.length));
    const answer: HashAnswer = { kind: 'free', memory: order.memory };
    parentPort?.postMessage(answer, [order.memory]);
    return;
  }
  hashes.delete(order.of);
  const answer: HashAnswer = { kind: 'sum', of: order.of, sha256: hash.digest('hex') };
  parentPort?.postMessage(answer);
});
