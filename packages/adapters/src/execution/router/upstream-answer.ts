import { PassThrough, type Readable } from 'node:stream';

/**
 * A slot's answer on its way to a customer who may leave in the middle of it. Without the customer it is read to its end
 * all the same when `finish` says so (the application is at work on something that changes), for `finishMs` at most; else
 * the connection to the slot is closed. `ended` is called once the slot has answered whole, failed, or was cut off.
 */
export function passOn(answer: Readable, finish: boolean, finishMs: number, ended: () => void): Readable {
  answer.once('close', ended).once('end', ended);
  const passed = new PassThrough();
  answer.on('error', (error) => passed.destroy(error));
  passed.once('close', () => {
    if (!answer.readableEnded && !answer.destroyed) readOut(answer, finish, finishMs);
  });
  // An error of the copy is the customer's side's; what comes of the answer is decided when the copy is closed.
  passed.on('error', () => {});
  return answer.pipe(passed);
}

function readOut(answer: Readable, finish: boolean, finishMs: number): void {
  if (!finish) {
    answer.destroy();
    return;
  }
  const timer = setTimeout(() => answer.destroy(), finishMs);
  answer.once('close', () => clearTimeout(timer));
  answer.unpipe().resume();
}
