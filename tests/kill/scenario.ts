/**
 * One telling of the example's story with kills in it: 1.1.0 goes through staging and production, 1.2.0 goes through
 * staging, fails in production and comes back, while customers work. Afterwards everything is counted at its target.
 */
import { mkdir, mkdtemp, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '@headgate/adapters/machine/free-port';
import type { Plan, ReleaseRef } from '@headgate/domain';
import { LoadProcess } from '../../examples/psa/demo/load-process.ts';
import { adopt, release } from '../../examples/psa/demo/story.ts';
import { World } from '../../examples/psa/demo/world.ts';
import { watchProcesses } from './audit/processes.ts';
import { installWitness } from './audit/witness.ts';
import { killDocuments } from './documents.ts';
import { forwardSpots, type KillPoint, pointsOf, undoSpots } from './points.ts';
import { type Kill, KillSession, prepareFolder } from './session.ts';
import { promoteUnderKills, type Told } from './telling.ts';

/** Stores hold this part of the example's rows: what is killed is the same, and copies are quick. */
const SCALE = 0.03;
/** How often a promotion is asked for again that a killed store turned back. */
const MOST_TELLINGS = 12;

const main = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** Chooses what may fire in one promotion, from all its points, knowing what was killed in this telling before. */
export type Chooser = (points: readonly KillPoint[], sofar: readonly Kill[]) => readonly KillPoint[];

export interface Scenario {
  readonly world: World;
  readonly session: KillSession;
  readonly told: readonly Told[];
  /** All points that the plans enumerate. */
  readonly points: readonly KillPoint[];
  readonly journalFile: string;
  readonly documents: ReturnType<typeof killDocuments>;
  /** What the operating system was seen to run twice. */
  readonly crowded: readonly string[];
  /** Stops everything and removes it. */
  close(): Promise<void>;
}

/** `attempts` of a step, where kills come thicker than the example's own policy has room for. */
export async function tellStory(choose: Chooser, say: (line: string) => void, attempts?: number): Promise<Scenario> {
  const dataDir = await mkdtemp(join(tmpdir(), 'headgate-kill-'));
  await prepareFolder(dataDir);
  const documents = killDocuments(attempts);
  const world = await World.start({
    dataDir,
    documents,
    port: await freePort(),
    mains: { server: main('server-main.ts'), agent: main('agent-main.ts') },
    scale: SCALE,
    report: say,
  });
  const close: (() => Promise<unknown>)[] = [() => removeWorld(dataDir), () => world.stop()];
  const closeAll = async (): Promise<void> => {
    for (const step of close.splice(0).reverse()) await step();
  };
  try {
    for (const cell of world.example.cells) await installWitness(cell);
    await adopt({ world, say }, documents);
    const [good, bad] = [await release({ world, say }, '1.1.0'), await release({ world, say }, '1.2.0')];
    const demo = join(dataDir, 'demo');
    await mkdir(demo, { recursive: true, mode: 0o700 });
    const load = await LoadProcess.start(world.example, demo, 2);
    close.push(async () => load.running && (await load.stop().catch(() => {})));
    const session = await KillSession.open(world, say);
    close.push(() => session.stop());
    const watching = new AbortController();
    const crowded = watchProcesses(
      world.example.cells.map(({ config }) => config),
      watching.signal,
    );
    close.push(async () => watching.abort());

    const points = new Map<string, KillPoint>();
    const told: Told[] = [];
    const armed =
      (spots: (plan: Plan) => ReturnType<typeof forwardSpots>, name: string, nth: number) =>
      (plan: Plan): readonly KillPoint[] => {
        // Asked for again, the plan is another one: what was done already isn't in it.
        const all = pointsOf(name, spots(plan), plan).filter(({ id }) => nth === 1 || points.has(id));
        for (const point of all) points.set(point.id, point);
        return choose(all, session.kills);
      };
    const promote = async (
      ref: ReleaseRef,
      environment: string,
      expected: string,
      spots: Parameters<typeof armed>[0],
    ) => {
      const name = `${ref.version} to ${environment}`;
      for (let nth = 1; nth <= MOST_TELLINGS; nth++) {
        const end = await promoteUnderKills(
          world,
          session,
          ref,
          environment,
          `${name} ${nth}`,
          armed(spots, name, nth),
        );
        told.push(end);
        say(`${name}: ${end.result}: ${end.because}`);
        if (end.result === expected) return;
        // A check that fails because its store was killed turns a promotion back, as it should; it is asked for again.
        const back = end.result === 'rolled-back' && /\.(verify|soak) of cell/.test(end.because);
        if (!back && end.result !== 'partly-rolled-back') break;
      }
      throw new Error(`${name} ended ${told.at(-1)?.result}: ${told.at(-1)?.because}; the story says ${expected}`);
    };
    const none = (): readonly never[] => [];
    await promote(good, 'staging', 'promoted', forwardSpots);
    await promote(good, 'production', 'promoted', forwardSpots);
    await promote(bad, 'staging', 'promoted', none);
    await promote(bad, 'production', 'rolled-back', (plan) => undoSpots(plan, failingStep(plan)));
    await load.stop();
    watching.abort();
    return {
      world,
      session,
      told,
      points: [...points.values()],
      documents,
      journalFile: load.journalFile,
      crowded: await crowded,
      close: closeAll,
    };
  } catch (error) {
    say(`logs: ${await logTails(dataDir)}`);
    await closeAll().catch(() => {});
    throw error;
  }
}

/** 1.2.0 shows its bug with the pilots' data, in their business transactions. */
function failingStep(plan: Plan): { cell: string; step: string } {
  const wave = plan.waves.find(({ ring }) => ring === 'pilot')?.n;
  return { cell: 'shared', step: `w${wave}.verify` };
}

async function removeWorld(dataDir: string): Promise<void> {
  // As root, programs and clusters stand elsewhere; a link names the place.
  const home = await readlink(join(dataDir, 'system')).catch(() => undefined);
  if (home !== undefined) await rm(home, { recursive: true, force: true });
  await rm(dataDir, { recursive: true, force: true });
}

async function logTails(dataDir: string): Promise<string> {
  const tails = await Promise.all(
    ['server.log', 'agent.log'].map(async (name) => {
      const text = await readFile(join(dataDir, name), 'utf8').catch(() => '');
      return `\n== ${name}\n${text.slice(-8_000)}`;
    }),
  );
  return tails.join('');
}
