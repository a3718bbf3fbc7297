/** One run from nothing to its figures: installation, people at work, chaos, rest, counting. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '@headgate/simulator/engine/random';
import { residentMemoryOf } from '../../scripts/bench/resident-memory.ts';
import { watchProcesses } from '../kill/audit/processes.ts';
import { installWitness } from '../kill/audit/witness.ts';
import { Chaos } from './chaos.ts';
import { type Findings, findingsOf } from './findings.ts';
import { type Installation, openInstallation } from './installation.ts';
import { People } from './people.ts';
import { goingOn, Pulse } from './pulse.ts';
import { APPLICATIONS } from './systems.ts';

/** Once nobody harms anything any more, everything must have ended within this. Milliseconds. */
export const REST_MS = 60_000;

export interface RunOptions {
  /** Of the small systems; each has an agent and two cells. */
  readonly applications: number;
  /** So long at least; longer, up to `mostMinutes`, until all promotions were asked for. */
  readonly minutes: number;
  readonly mostMinutes: number;
  readonly promotions: number;
  readonly seed: number;
  /** Between two harms. Milliseconds. */
  readonly everyMs: readonly [number, number];
  readonly databaseRestarts: number;
  readonly say: (line: string) => void;
}

export interface Run {
  readonly installation: Installation;
  readonly findings: Findings;
  readonly figures: Readonly<Record<string, unknown>>;
}

export async function run(options: RunOptions): Promise<Run> {
  const { seed, say } = options;
  const installation = await openInstallation({
    servers: 3,
    applications: APPLICATIONS.slice(0, options.applications),
    say,
  });
  const pulse = new Pulse(installation.database.adminUrl);
  const watching = new AbortController();
  try {
    const cells = installation.systems.flatMap((system) => system.cells);
    for (const cell of cells) await installWitness(cell);
    const crowded = watchProcesses(
      cells.map(({ config }) => config),
      watching.signal,
    );
    const processes = [...installation.servers, ...installation.systems.map(({ agent }) => agent)];
    const lengthMs = options.minutes * 60_000;
    const chaos = new Chaos(installation, { ...options, lengthMs, random: new Random(seed, 1) });
    const tickets = new Tickets(options.promotions, lengthMs);
    const people = new People(installation, () => tickets.next());
    pulse.start();
    const from = Date.now();
    chaos.start();
    const working = Promise.all(installation.systems.map((system, i) => people.work(system, new Random(seed, 2, i))));
    working.catch(() => {}); // it is waited for below
    crowded.catch(() => {});
    const progress = setInterval(() => say(progressLine(from, people, chaos)), 30_000);
    const resident = new Map<string, number>();
    const weighing = setInterval(() => void weigh(processes, resident), 2_000);
    while (Date.now() - from < lengthMs || (tickets.left > 0 && Date.now() - from < options.mostMinutes * 60_000))
      await sleep(100);
    tickets.close();
    await chaos.stop();
    const calmAt = Date.now();
    await working;
    clearInterval(progress);
    clearInterval(weighing);
    const restMs = Date.now() - calmAt;
    watching.abort();
    await pulse.stop();
    const findings = await findingsOf(installation, people.asked, {
      'not come back': chaos.troubles,
      'not ended in time': restMs > REST_MS ? [`${restMs} ms after the last harm there was still something to do`] : [],
      'people stuck': people.troubles,
      'did not end well': processes.flatMap((each) => each.badStops),
      'processes doubled': await crowded,
    });
    return {
      installation,
      findings,
      figures: figuresOf({ options, from, calmAt, restMs, pulse, chaos, people, processes, findings, resident }),
    };
  } catch (error) {
    watching.abort();
    await pulse.stop().catch(() => {});
    await installation.close();
    throw error;
  }
}

/** What may be asked for, spread over the whole time. */
class Tickets {
  left: number;
  readonly #count: number;
  readonly #lengthMs: number;
  readonly #from = Date.now();

  constructor(count: number, lengthMs: number) {
    this.left = count;
    this.#count = count;
    this.#lengthMs = lengthMs;
  }

  /** Resolves when the next one's time has come; undefined: there is none left. */
  async next(): Promise<number | undefined> {
    if (this.left <= 0) return undefined;
    const nth = this.#count - this.left--;
    // Early enough that the last ones meet harm too.
    await sleep(Math.max(0, this.#from + (nth * this.#lengthMs * 0.92) / this.#count - Date.now()));
    return nth;
  }

  close(): void {
    this.left = 0;
  }
}

/** Keeps the most that a process of each kind was seen to hold in memory. Megabytes. */
async function weigh(processes: Parts['processes'], resident: Map<string, number>): Promise<void> {
  for (const { name, pid } of processes) {
    const megabytes = pid === undefined ? Number.NaN : await residentMemoryOf(pid);
    const kind = kindOf(name);
    if (megabytes > (resident.get(kind) ?? 0)) resident.set(kind, Math.round(megabytes));
  }
}

function kindOf(name: string): string {
  return name.replace(/-\d+$/, '').replace(/^agt_.*/, 'agent');
}

function progressLine(from: number, people: People, chaos: Chaos): string {
  const seconds = Math.round((Date.now() - from) / 1_000);
  return `${seconds} s: ${people.asked.length} asked for, ${people.told.length} ended, ${chaos.disturbances.length} harms got over, ${people.troubles.length + chaos.troubles.length} troubles`;
}

function counted(items: readonly string[]): Readonly<Record<string, number>> {
  return Object.fromEntries([...Map.groupBy(items, (item) => item)].map(([item, all]) => [item, all.length]).sort());
}

interface Parts {
  readonly options: RunOptions;
  readonly from: number;
  readonly calmAt: number;
  readonly restMs: number;
  readonly pulse: Pulse;
  readonly chaos: Chaos;
  readonly people: People;
  readonly processes: Installation['servers'];
  readonly findings: Findings;
  readonly resident: ReadonlyMap<string, number>;
}

function figuresOf({ options, from, calmAt, restMs, pulse, chaos, people, processes, findings, resident }: Parts) {
  const { disturbances, reconnected } = chaos;
  const on = goingOn(pulse, disturbances);
  const took = people.told.map(({ ms }) => ms).sort((a, b) => a - b);
  const back = reconnected.map(({ ms }) => ms).sort((a, b) => a - b);
  const silence = pulse.longestSilence();
  return {
    seed: options.seed,
    minutes: Math.round((calmAt - from) / 6_000) / 10,
    harms: counted(disturbances.map(({ victim, harm }) => `${kindOf(victim)} ${harm}`)),
    promotions: counted(people.told.map(({ result }) => result)),
    asked: people.asked.length,
    questions: people.questions.length,
    promotionMs: { median: took[took.length >> 1] ?? 0, longest: took.at(-1) ?? 0 },
    wentOnMs: { median: on[on.length >> 1] ?? 0, longest: on.at(-1) ?? 0 },
    longestSilenceMs: silence.ms,
    longestSilenceAtS: Math.round((silence.at - from) / 1_000),
    reconnected: back.length,
    reconnectMs: { median: back[back.length >> 1] ?? 0, longest: back.at(-1) ?? 0 },
    couldNotStart: processes.reduce((sum, each) => sum + each.endings.length, 0),
    restMs,
    logEntries: findings.logEntries,
    logBytes: findings.logBytes,
    ...pulse.sizes,
    mostResidentMB: Object.fromEntries(resident),
    rowsAudited: findings.rowsAudited,
    violations: findings.wrong.history?.length ?? 0,
    wrong: Object.values(findings.wrong).flat().length,
  };
}
