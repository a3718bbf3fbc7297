import type { ProcessTarget } from './process-target.ts';

const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 10_000;
/** A component that lived this long starts with a fresh count. */
const STEADY_MS = 30_000;

interface Attempts {
  count: number;
  lastMs: number;
}

/** Restarts components that died, each after a wait that doubles from 100 ms to 10 s while it keeps dying. */
export class Supervisor {
  private readonly target: ProcessTarget;
  private readonly attempts = new Map<string, Attempts>();
  private readonly report: (event: string) => void;

  constructor(target: ProcessTarget, report: (event: string) => void) {
    this.target = target;
    this.report = report;
  }

  /** One look at a slot. Call it every few hundred milliseconds. */
  async look(slot: string, nowMs = performance.now()): Promise<void> {
    const { restarted, refused } = await this.target.restartDead(slot, (component) => {
      const key = `${slot}/${component}`;
      const before = this.attempts.get(key);
      const wait = before ? Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** before.count) : 0;
      if (before && nowMs - before.lastMs < wait) return false;
      const count = before && nowMs - before.lastMs < STEADY_MS ? before.count + 1 : 0;
      this.attempts.set(key, { count: Math.min(count, 20), lastMs: nowMs });
      return true;
    });
    for (const component of restarted) this.report(`slot ${slot}: ${component} had died and was started again`);
    for (const why of refused) this.report(why);
  }
}
