/**
 * Holds that somebody has for as long as they say again and again that they do: for writes alone, beside a promotion's own,
 * which they neither end nor outlive. In memory only: whoever is gone, or a router that is started anew, holds nobody.
 */

/** How long one is lent at most without being asked for again. Milliseconds. */
export const LENT_MS = 15_000;
const MOST = 1_000;

export class LentHolds {
  /** Until when, by whom, of each tenant; by a clock that only goes forward. */
  private readonly until = new Map<string, Map<string, number>>();
  private readonly now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.now = now;
  }

  /** False: too many are lent. `forMs` of 0 gives it back. */
  lend(tenant: string, by: string, forMs: number): boolean {
    this.forget();
    const own = this.until.get(tenant) ?? new Map<string, number>();
    if (forMs <= 0) own.delete(by);
    else if (!own.has(by) && this.count() >= MOST) return false;
    else own.set(by, this.now() + Math.min(forMs, LENT_MS));
    if (own.size === 0) this.until.delete(tenant);
    else this.until.set(tenant, own);
    return true;
  }

  /** Whether what may change something is turned away. */
  has(tenant: string): boolean {
    const own = this.until.get(tenant);
    return own !== undefined && [...own.values()].some((until) => until > this.now());
  }

  tenants(): readonly string[] {
    this.forget();
    return [...this.until.keys()].toSorted();
  }

  private forget(): void {
    for (const [tenant, own] of this.until) {
      for (const [by, until] of own) if (until <= this.now()) own.delete(by);
      if (own.size === 0) this.until.delete(tenant);
    }
  }

  private count(): number {
    return [...this.until.values()].reduce((sum, own) => sum + own.size, 0);
  }
}
