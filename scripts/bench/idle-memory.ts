import { setTimeout as pause } from 'node:timers/promises';
import type { World } from '@headgate/example-psa/demo/world.ts';
import { type Figure, figure } from './figure.ts';
import { residentMemoryOf } from './resident-memory.ts';
import { say } from './scratch.ts';

const IDLE_MS = 60_000;

/**
 * What server and agent hold after a minute in which nobody asked anything of them: they watch three cells. Both are
 * started anew first, since on a fresh clone their first start fills the compile cache, and holds the compiler for it.
 */
export async function idleMemoryFigures(world: World): Promise<readonly Figure[]> {
  await world.agent.stop();
  await world.server.stop();
  await world.startServer();
  await world.startAgent();
  say('an idle minute …');
  await pause(IDLE_MS);
  const [server, agent] = await Promise.all([residentMemoryOf(world.server.pid), residentMemoryOf(world.agent.pid)]);
  say(`resident: server ${server.toFixed(0)} MB, agent ${agent.toFixed(0)} MB`);
  return [figure('server-memory', server), figure('agent-memory', agent)];
}
