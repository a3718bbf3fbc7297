/** The process that hunts: lives promotions through until the missing protection shows, and says where. */
import { Simulator } from '../simulate.ts';
import { plantNamed } from './plants.ts';

const [seed = 1, promotions = 1] = process.argv.slice(2).map(Number);
if ((globalThis as { headgatePlanted?: string }).headgatePlanted === undefined)
  throw new Error(`plant ${process.env.HEADGATE_PLANT}: the file that it changes was never loaded`);
const simulator = new Simulator(seed);
const { only } = plantNamed(process.env.HEADGATE_PLANT ?? '');
const restores = only === 'restored';
// More goes wrong than usual, so that a rare race comes sooner.
const run = await simulator.simulate({
  seed,
  promotions,
  events: 0,
  from: 0,
  stride: 1,
  faults: restores ? 1 : 3,
  restores,
  ownStores: only === 'own-stores',
  acts: restores ? 1 : 4,
  fleets: 12,
});
const [violation] = run.found?.violations ?? [];
console.log(JSON.stringify({ promotions: run.promotions, events: run.events, violation: violation ?? null }));
