import { stderr, stdout } from 'node:process';

/**
 * Resolves when somebody ends the demonstration: by a signal, by closing its terminal, or by closing what its output is
 * piped to. Whatever the way, everything that was started is stopped; once more ends it at once.
 */
export function interruption(say: (line: string) => void): Promise<'interrupted'> {
  return new Promise((resolve) => {
    const stop = () => {
      say('stopping what was started; the data stays (once more ends this at once, and leaves it running)');
      resolve('interrupted');
    };
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
    // A terminal that is closed tells every process of it, and a launcher tells once more: that is no second wish.
    let hung = false;
    process.on('SIGHUP', () => {
      if (!hung) stop();
      hung = true;
    });
    // Nobody reads any more: what is said is said to nobody.
    for (const stream of [stdout, stderr]) stream.on('error', () => resolve('interrupted'));
  });
}
