import { join } from 'node:path';
import { type Figure, figure } from './figure.ts';
import { inScratch, say } from './scratch.ts';
import { startServer } from './server-process.ts';

/** From the start of the shipped server's process on a folder that it knows to the first 200 of `/readyz`. */
export async function warmStartFigure(): Promise<readonly Figure[]> {
  return inScratch(async (dir) => {
    const data = join(dir, 'data');
    const first = await startServer(data);
    await first.stop();
    const second = await startServer(data);
    await second.stop();
    say(`first start ${first.readyMs.toFixed(0)} ms, second ${second.readyMs.toFixed(0)} ms`);
    return [figure('warm-start', second.readyMs / 1_000)];
  });
}
