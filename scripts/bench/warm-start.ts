import { join } from 'node:path';
import { type Figure, figure } from './figure.ts';
import { inScratch, say } from './scratch.ts';
import { withServer } from './server-process.ts';

/** From the start of the shipped server's process on a folder that it knows to the first 200 of `/readyz`. */
export async function warmStartFigure(): Promise<readonly Figure[]> {
  return inScratch(async (dir) => {
    const data = join(dir, 'data');
    const start = () => withServer(data, undefined, async ({ readyMs }) => readyMs);
    const first = await start();
    const second = await start();
    say(`first start ${first.toFixed(0)} ms, second ${second.toFixed(0)} ms`);
    return [figure('warm-start', second / 1_000)];
  });
}
