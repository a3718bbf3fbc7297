/**
 * The watching half of a kill test. It arms points, sees which fired, starts a killed server or agent again (and nothing
 * else: a killed PostgreSQL is its keeper's to start), and measures how long it takes until the system went on by itself.
 */
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { identify } from '@headgate/adapters/machine/process-identity';
import { homeFor } from '@headgate/adapters/machine/reachable';
import { runAs } from '@headgate/adapters/machine/run-as';
import { findPostmaster } from '@headgate/adapters/postgres-cluster/postmaster';
import type { World } from '../../examples/psa/demo/world.ts';
import type { KillPoint } from './points.ts';
import { Tail } from './tail.ts';
import type { Acknowledged, Armed, Fired, Passed } from './trigger.ts';

/** From the restart of what was killed to the system's going on. Milliseconds. */
export const GOES_ON_MS = 10_000;
/** After this a test gives up on it. Milliseconds. */
const GIVE_UP_MS = 90_000;

export interface Kill {
  readonly point: KillPoint;
  /** Wall clock, as all times here. */
  readonly at: number;
  /** When the victim was started again; for a PostgreSQL the moment of the kill, because nobody restarts it for us. */
  readonly restartedAt: number;
  /** When it answered again. */
  readonly backAt: number;
  readonly wentOnAt: number;
  /** Why this kill was not got over as it should be. */
  readonly trouble: string | undefined;
}

export class KillSession {
  readonly kills: Kill[] = [];
  /** Deaths that no point explains, and the like. */
  readonly surprises: string[] = [];
  readonly folder: string;
  readonly #world: World;
  readonly #clusters: Readonly<Record<string, string>>;
  readonly #say: (line: string) => void;
  readonly #passed: Tail<Passed>;
  readonly #acknowledged: Tail<Acknowledged>;
  #points: readonly KillPoint[] = [];
  /** Set while a promotion is under way; afterwards nothing more is expected to move. */
  #moving = false;
  #stopping = false;
  #watch: Promise<void> | undefined;
  readonly #seen = new Set<string>();

  private constructor(world: World, clusters: Readonly<Record<string, string>>, say: (line: string) => void) {
    this.#world = world;
    this.folder = folderOf(world.dataDir);
    this.#clusters = clusters;
    this.#say = say;
    this.#passed = new Tail(join(this.folder, 'passed.jsonl'));
    this.#acknowledged = new Tail(join(this.folder, 'acked.jsonl'));
  }

  static async open(world: World, say: (line: string) => void): Promise<KillSession> {
    const clusters: Record<string, string> = {
      'control-postgres': join(await homeFor(world.dataDir, runAs()), 'control-database', 'data'),
    };
    for (const { config } of world.example.cells)
      for (const [store, { clusterDir }] of Object.entries(config.stores))
        clusters[`store-postgres:${store}`] = join(clusterDir, 'data');
    const session = new KillSession(world, clusters, say);
    session.#watch = session.#keepWatching();
    return session;
  }

  /** What was killed so far. */
  get done(): ReadonlySet<string> {
    return new Set(this.kills.map(({ point }) => point.id));
  }

  /** From now on these may fire, and a promotion is under way. */
  arm(points: readonly KillPoint[]): void {
    this.#points = points;
    this.#moving = true;
    this.#writeArmed();
  }

  /** Lets the points fire that have been reached and wait for their turn, then none; resolves when all was got over. */
  async disarm(): Promise<void> {
    this.#moving = false;
    // Who waits looks again every few milliseconds.
    for (let quiet = 0; quiet < 10; quiet++) {
      if (existsSync(join(this.folder, 'busy'))) quiet = -1;
      await sleep(20);
    }
    this.#points = [];
    this.#writeArmed();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#watch;
  }

  passed(): readonly Passed[] {
    return this.#passed.lines();
  }

  acknowledged(): readonly Acknowledged[] {
    return this.#acknowledged.lines();
  }

  #writeArmed(): void {
    const processes: { server?: NonNullable<Armed['processes']['server']>; agent?: typeof processes.server } = {};
    for (const name of ['server', 'agent'] as const) {
      const identity = identify(this.#world[name].pid);
      if (identity !== undefined) processes[name] = identity;
    }
    const armed: Armed = { points: this.#points, processes, clusters: this.#clusters };
    const file = join(this.folder, 'armed.json');
    writeFileSync(`${file}.new`, JSON.stringify(armed), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }

  async #keepWatching(): Promise<void> {
    while (!this.#stopping) {
      const fired = this.#nextFired();
      if (fired !== undefined) {
        const kill = await this.#getOver(fired);
        this.kills.push(kill);
        this.#say(renderKill(kill));
        rmSync(join(this.folder, 'busy'), { force: true });
      } else await this.#mendSurprises();
      await sleep(20);
    }
  }

  #nextFired(): Fired | undefined {
    const name = readdirSync(join(this.folder, 'fired')).find((each) => !this.#seen.has(each));
    if (name === undefined) return undefined;
    const text = readFileSync(join(this.folder, 'fired', name), 'utf8');
    if (text === '') return undefined;
    this.#seen.add(name);
    return JSON.parse(text) as Fired;
  }

  async #mendSurprises(): Promise<void> {
    for (const name of ['server', 'agent'] as const) {
      const child = this.#world[name];
      if (child.running || readdirSync(join(this.folder, 'fired')).some((each) => !this.#seen.has(each))) continue;
      this.surprises.push(`the ${name} ended by itself with ${await child.ended()}; see ${child.logFile}`);
      await (name === 'server' ? this.#world.startServer() : this.#world.startAgent());
      this.#writeArmed();
    }
  }

  async #getOver({ point, at, pid }: Fired): Promise<Kill> {
    let restartedAt = at;
    let backAt = at;
    let trouble: string | undefined;
    try {
      if (point.victim === 'server' || point.victim === 'agent') {
        await this.#world[point.victim].ended();
        restartedAt = Date.now();
        if (point.victim === 'server') await this.#startServer(restartedAt);
        else await this.#world.startAgent();
        // The next kill must find the new process.
        this.#writeArmed();
        if (point.victim === 'agent') await this.#agentIsBack(point, restartedAt);
      } else await this.#postgresIsBack(point.victim, pid);
      backAt = Date.now();
    } catch (error) {
      trouble = (error as Error).message;
    }
    const wentOnAt = trouble === undefined ? await this.#wentOn(point, at, backAt) : Date.now();
    if (trouble === undefined && wentOnAt - restartedAt > GOES_ON_MS)
      trouble = `went on only ${((wentOnAt - restartedAt) / 1000).toFixed(1)} s after the restart`;
    return { point, at, restartedAt, backAt, wentOnAt, trouble };
  }

  /** Ready, or at work: a server in which the next point waits for its turn isn't ready before it had it. */
  async #startServer(since: number): Promise<void> {
    const ready = this.#world.startServer();
    ready.catch(() => {});
    const works = (p: Passed): boolean => p.main === 'server' && p.at >= since;
    await Promise.race([ready, this.#until('the server works', async () => this.passed().some(works))]);
  }

  /** It holds the cell again that the point was about, or any. */
  #agentIsBack({ lane }: KillPoint, since: number): Promise<void> {
    const opened = (p: Passed): boolean =>
      p.what === 'opened' && p.at >= since && (lane === 'promotion' || p.lane === lane);
    return this.#until('the agent opened its cell', async () => this.passed().some(opened));
  }

  #postgresIsBack(victim: string, killed: number): Promise<void> {
    const data = this.#clusters[victim] as string;
    return this.#until(`${victim} runs again`, async () => {
      const found = await findPostmaster(data);
      return found?.ready === true && found.pid !== killed;
    });
  }

  /**
   * The moment at which something happened again after the victim was back: a commit or an effect, in the point's own lane
   * while that has anything to do; or the next point standing there, waiting for its turn; or the promotion's end.
   */
  async #wentOn(point: KillPoint, at: number, backAt: number): Promise<number> {
    const until = Date.now() + GIVE_UP_MS;
    for (;;) {
      const since = this.passed().filter((p) => p.at >= at && p.what !== 'opened');
      const own = since.filter((p) => point.lane === 'promotion' || p.lane === point.lane || p.lane === 'promotion');
      const idle = own.at(-1)?.what === 'rollout.waiting' || point.what === 'rollout.settled';
      // Whoever waits anywhere may be what the lane waits for: the server works on many rows at a time.
      const moved = since.find((p) => p.at > backAt && (idle || p.waits === true || own.includes(p)));
      if (moved !== undefined) return moved.at;
      if (!this.#moving || Date.now() > until) return Date.now();
      await sleep(20);
    }
  }

  async #until(what: string, holds: () => Promise<boolean>): Promise<void> {
    const until = Date.now() + GIVE_UP_MS;
    while (!(await holds())) {
      if (Date.now() > until) throw new Error(`${what}: not within ${GIVE_UP_MS / 1000} s`);
      await sleep(20);
    }
  }
}

export function folderOf(dataDir: string): string {
  return join(dataDir, 'kill');
}

/** Makes the folder that mains and harness share; before any of them starts. */
export async function prepareFolder(dataDir: string): Promise<void> {
  await mkdir(join(folderOf(dataDir), 'fired'), { recursive: true, mode: 0o700 });
}

export function renderKill({ point, at, restartedAt, backAt, wentOnAt, trouble }: Kill): string {
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
  const times = `restarted +${seconds(restartedAt - at)}, back +${seconds(backAt - restartedAt)}, went on +${seconds(wentOnAt - restartedAt)}`;
  return `${trouble === undefined ? 'ok  ' : 'BAD '} ${point.id} (${times})${trouble === undefined ? '' : `: ${trouble}`}`;
}
