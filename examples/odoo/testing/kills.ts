/** For tests only: kills an agent, or Odoo's own upgrade, at chosen moments, and starts what a company's init would. */
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { identify, signalProcess } from '@headgate/adapters/machine/process-identity';
import { processesIn } from '@headgate/adapters/machine/processes-in';
import type { World } from '@headgate/example-psa/demo/world.ts';
import type { Armed } from '../../../tests/kill/trigger.ts';
import type { OdooExample } from '../bring-up.ts';

/** Before or after an effect of the agent's on a cell. */
export interface EffectMoment {
  readonly kind: 'effect';
  readonly cell: string;
  readonly step: string;
  /** A port's method, as `tests/kill/points.ts` lists them. */
  readonly what: string;
  readonly when: 'before' | 'after';
}

/** While a program of a tenant's works: Odoo's upgrade, or pg_restore beside the tenant's database. */
export interface MidwayMoment {
  readonly kind: 'midway';
  readonly cell: string;
  readonly tenant: string;
  readonly program: 'upgrade' | 'restore';
  readonly victim: 'agent' | 'program';
  /** How far into it. Milliseconds. */
  readonly afterMs: number;
}

export type Moment = EffectMoment | MidwayMoment;

/** The main that has a trigger at each effect. */
export const KILLABLE_AGENT = new URL('../../../tests/kill/agent-main.ts', import.meta.url).pathname;

/** Kills at moments, one after the other or as they come, and starts a killed agent again until it is stopped. */
export class Kills {
  readonly done: string[] = [];
  private readonly world: World<OdooExample>;
  private readonly folder: string;
  private readonly over = new AbortController();
  private readonly watching: Promise<void>;

  private constructor(world: World<OdooExample>, folder: string) {
    this.world = world;
    this.folder = folder;
    this.watching = this.watch();
  }

  /** The trigger's folder, which must be there before the agent starts. */
  static async prepare(dataDir: string): Promise<void> {
    await mkdir(join(dataDir, 'kill', 'fired'), { recursive: true, mode: 0o700 });
  }

  static begin(world: World<OdooExample>): Kills {
    return new Kills(world, join(world.dataDir, 'kill'));
  }

  /** From now on these may fire. Resolves once those that wait for a program have. */
  async arm(moments: readonly Moment[]): Promise<void> {
    const points = moments.flatMap((each) =>
      each.kind === 'midway'
        ? []
        : [
            {
              id: nameOf(each),
              where: 'effect' as const,
              lane: each.cell,
              step: each.step,
              what: each.what,
              when: each.when,
              victim: 'agent' as const,
            },
          ],
    );
    const armed: Armed = { points, processes: {}, clusters: {} };
    writeFileSync(join(this.folder, 'armed.json'), JSON.stringify(armed), { mode: 0o600 });
    await Promise.all(moments.map((each) => (each.kind === 'midway' ? this.midway(each) : undefined)));
  }

  async stop(): Promise<void> {
    this.over.abort();
    await this.watching;
  }

  private async midway(moment: MidwayMoment): Promise<void> {
    const { dir } = this.world.example.cells.find(({ cell }) => cell.cell === moment.cell)!.config;
    const { tenant, program, victim, afterMs } = moment;
    const workDir =
      program === 'upgrade' ? join(dir, 'odoo', tenant, 'upgrade') : join(dir, 'odoo', 'tools', `${tenant}__restoring`);
    while (!this.over.signal.aborted) {
      const [pid] = await processesIn(workDir).catch(() => []);
      if (pid !== undefined) {
        await sleep(afterMs);
        const target = victim === 'agent' ? this.world.agent.pid : (await processesIn(workDir))[0];
        const identity = target === undefined ? undefined : identify(target);
        if (identity !== undefined) {
          signalProcess(identity, 'SIGKILL');
          this.done.push(nameOf(moment));
          return;
        }
      }
      await sleep(20);
    }
  }

  private async watch(): Promise<void> {
    const fired = join(this.folder, 'fired');
    const seen = new Set<string>();
    while (!this.over.signal.aborted) {
      for (const name of readdirSync(fired))
        if (!seen.has(name)) {
          seen.add(name);
          this.done.push(name);
        }
      if (!this.world.agent.running) {
        await this.world.startAgent();
        if (existsSync(join(this.folder, 'busy'))) rmSync(join(this.folder, 'busy'));
      }
      await sleep(50);
    }
  }
}

function nameOf(moment: Moment): string {
  return moment.kind === 'effect'
    ? `${moment.cell} ${moment.step} ${moment.when} ${moment.what}`
    : `${moment.cell} ${moment.tenant} ${moment.victim} in the ${moment.program} after ${moment.afterMs} ms`;
}
