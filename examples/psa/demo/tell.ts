/** The whole of the example's story, from wherever it stands: in a new folder from its beginning. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Chapter } from './chapters.ts';
import type { Closing } from './figures.ts';
import { markBegun, markTold } from './folder.ts';
import { wholeJournal } from './journals.ts';
import { LoadProcess } from './load-process.ts';
import { measure, settle } from './measure.ts';
import { noteProcess } from './own-processes.ts';
import { adopt, release } from './story.ts';
import { type Teller, tellChapters } from './tell-chapters.ts';
import type { World } from './world.ts';

export const CHAPTERS = [
  { version: '1.1.0', environment: 'staging', expected: 'promoted' },
  { version: '1.1.0', environment: 'production', expected: 'promoted' },
  { version: '1.2.0', environment: 'staging', expected: 'promoted' },
  { version: '1.2.0', environment: 'production', expected: 'rolled-back' },
] as const satisfies readonly Chapter[];

/** Tells it under the customers' work, and measures what came of it. `started` gets the customers, who must be stopped. */
export async function tell(
  world: World,
  teller: Omit<Teller, 'client'>,
  started: (load: LoadProcess) => void,
): Promise<Closing> {
  const demo = join(world.dataDir, 'demo');
  await mkdir(demo, { recursive: true, mode: 0o700 });
  await markBegun(world.dataDir);
  const load = await LoadProcess.start(world.example, demo, 4);
  started(load);
  await noteProcess(world.dataDir, 'customers', load.pid);
  await adopt({ world, say: teller.say });
  const releases = {
    '1.1.0': await release({ world, say: teller.say }, '1.1.0'),
    '1.2.0': await release({ world, say: teller.say }, '1.2.0'),
  };
  const client = await world.client('developer');
  const chapters = CHAPTERS.map((chapter) => ({ ...chapter, release: releases[chapter.version] }));
  const ends = await tellChapters({ ...teller, client }, chapters);
  teller.say('the customers go home; measuring …');
  await load.stop();
  await settle(world);
  const closing = await measure(world, await wholeJournal(demo), ends);
  await markTold(world.dataDir);
  return closing;
}
