/** Figures that take the whole example: its server, its agent with three cells, its customers. One world serves all. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '@headgate/adapters/machine/free-port';
import { scriptedApproval } from '@headgate/example-psa/demo/approvals.ts';
import { LoadProcess } from '@headgate/example-psa/demo/load-process.ts';
import { adopt, type Telling } from '@headgate/example-psa/demo/story.ts';
import { World } from '@headgate/example-psa/demo/world.ts';
import { badSampleFigure } from './bad-sample.ts';
import type { Figure, FigureName } from './figure.ts';
import { idleMemoryFigures } from './idle-memory.ts';
import { holding, inScratch, say } from './scratch.ts';

/** Of the example's own number of time entries: what is measured here doesn't depend on it. */
const SCALE = 0.1;
const REQUESTS_A_SECOND = 4;

export async function exampleFigures(wanted: ReadonlySet<FigureName>): Promise<readonly Figure[]> {
  return inScratch(async (dir) => {
    // A port of its own, so that the agent finds the server again after a restart.
    const port = await freePort();
    const world = await World.start({ dataDir: join(dir, 'example'), port, scale: SCALE, report: say });
    return holding(
      () => world.stop(),
      async () => {
        const telling: Telling = { world, say, approve: scriptedApproval(world) };
        await adopt(telling);
        const figures: Figure[] = [];
        if (wanted.has('server-memory') || wanted.has('agent-memory'))
          figures.push(...(await idleMemoryFigures(world)));
        if (wanted.has('bad-sample-to-safe')) figures.push(await underLoad(world, () => badSampleFigure(telling)));
        return figures;
      },
    );
  });
}

/** With customers at work, as in the story. */
async function underLoad<T>(world: World, work: () => Promise<T>): Promise<T> {
  const folder = join(world.dataDir, 'bench');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const load = await LoadProcess.start(world.example, folder, REQUESTS_A_SECOND);
  return holding(() => load.stop(), work);
}
