import type { Assignment } from '../control-plane/assignment.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';

/** Why work was stopped from outside. The reason of the lease's signal. */
export class LeaseEnded extends Error {
  readonly how: 'lost' | 'ran-out' | 'overtaken' | 'stopping';
  constructor(how: LeaseEnded['how']) {
    super(`the lease ended: ${how}`);
    this.name = 'LeaseEnded';
    this.how = how;
  }
}

const RETRY_MS = 200;

/**
 * The right to carry out one assignment, for as long as it lasts. Its lifetime is counted on this process's own monotonic
 * clock from the moment of asking, so it ends here no later than at the server; it is renewed at a third of it; and its
 * signal aborts the work the moment that it is gone.
 */
export class Lease {
  readonly assignment: Assignment;
  readonly #plane: Pick<ControlPlane, 'renew'>;
  readonly #ended = new AbortController();
  #lifetimeMs: number;
  #deadline: number;
  #watchdog: NodeJS.Timeout | undefined;
  #renewal: NodeJS.Timeout | undefined;
  #closed = false;

  /** `askedAt`: when the assignment was asked for, by `performance.now()`. */
  constructor(plane: Pick<ControlPlane, 'renew'>, assignment: Assignment, askedAt: number) {
    this.#plane = plane;
    this.assignment = assignment;
    this.#lifetimeMs = assignment.lifetimeMs;
    this.#deadline = askedAt + assignment.lifetimeMs;
  }

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** Milliseconds until the work must have stopped. Zero once it was ended. */
  remainingMs(): number {
    return this.signal.aborted ? 0 : Math.max(0, this.#deadline - performance.now());
  }

  /**
   * Starts counting. An assignment that came late (a long poll takes longer than a lease lives) is confirmed first: the
   * renewal's own asking is what its lifetime is then counted from. False when it is not ours any more.
   */
  async begin(): Promise<boolean> {
    if (this.#deadline - performance.now() < (this.#lifetimeMs * 2) / 3) await this.#renew();
    if (this.remainingMs() === 0) return false;
    // Also when the confirmation failed with time left: nothing may run without its watchdog.
    if (this.#watchdog === undefined) this.#arm();
    return true;
  }

  /** Ends the lease for our own reasons: the work stops, nothing is renewed. */
  end(how: LeaseEnded['how']): void {
    this.close();
    if (!this.signal.aborted) this.#ended.abort(new LeaseEnded(how));
  }

  /** The work is done and answered for: stops counting, aborts nothing. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#watchdog);
    clearTimeout(this.#renewal);
  }

  #arm(): void {
    if (this.#closed) return;
    clearTimeout(this.#watchdog);
    clearTimeout(this.#renewal);
    this.#watchdog = setTimeout(() => this.end('ran-out'), Math.max(0, this.#deadline - performance.now()));
    this.#renewal = setTimeout(() => void this.#renew(), this.#lifetimeMs / 3);
  }

  async #renew(): Promise<void> {
    const { rollout, fence } = this.assignment;
    const askedAt = performance.now();
    try {
      const lifetimeMs = await this.#plane.renew(rollout, fence, this.signal);
      if (this.#closed) return;
      if (lifetimeMs === undefined) return this.end('lost');
      this.#lifetimeMs = Math.max(1, lifetimeMs);
      this.#deadline = askedAt + lifetimeMs;
      this.#arm();
    } catch {
      // The server is away. The lease goes on living until its lifetime is over; the watchdog sees to that.
      if (this.#closed) return;
      if (performance.now() >= this.#deadline) return this.end('ran-out');
      this.#renewal = setTimeout(() => void this.#renew(), RETRY_MS);
    }
  }
}
