/** The agents: they come for what is on offer, carry it out on the targets in virtual time, and answer. */
import { type Assignment, leaseStep, renewLease, settleStep } from '@headgate/control';
import type { Instant, Outcome, Principal } from '@headgate/domain';
import type { Run } from '../engine/run.ts';
import { ignoreUnavailable } from '../engine/unavailable.ts';
import { AGENTS, STRANGER } from './fleet-spec.ts';
import { isStepFault, type StepFault } from './scenario.ts';
import type { Flaw } from './targets.ts';

/** How often a busy agent renews its lease. Milliseconds. */
const RENEW_MS = 1_000;

export interface Agent {
  readonly principal: Principal;
  /** How fast its monotonic clock runs. */
  rate: number;
  downUntil: Instant;
}

/** A step in somebody's hands. */
interface Job {
  readonly agent: Agent;
  readonly assignment: Assignment;
  readonly fault: StepFault | undefined;
  /** On the run's clock; the agent measures it with its own. */
  askedAt: Instant;
  lifetimeMs: number;
  over: boolean;
}

export class Crew {
  readonly agents: readonly Agent[];
  readonly #run: Run;
  readonly #faults: Map<number, StepFault>;
  /** Faults that hit several leases of one step. */
  readonly #again = new Map<string, { readonly fault: StepFault; left: number }>();
  /** Until when somebody may still act in a cell. */
  readonly #busy = new Map<string, Instant>();
  #leases = 0;
  #coming = false;

  constructor(run: Run) {
    this.#run = run;
    this.agents = AGENTS.map((principal) => ({
      principal,
      rate: 0.98 + run.random.unit() * 0.04,
      downUntil: 0,
    }));
    this.#faults = new Map(run.scenario.faults.filter(isStepFault).map((f) => [f.lease, f]));
  }

  /** Until when somebody is at a step in the cell; an agent tells of a cell only when nothing is under way there. */
  busyUntil(cell: string): Instant {
    return this.#busy.get(cell) ?? 0;
  }

  /** Something is on offer: somebody comes, unless somebody is on the way. */
  come(inMs?: number): void {
    if (this.#coming) return;
    this.#coming = true;
    const run = this.#run;
    run.after(inMs ?? run.random.int(1, 4), () => {
      this.#coming = false;
      const agent = run.random.pick(this.agents);
      if (agent.downUntil > run.now) {
        this.come(agent.downUntil - run.now);
        return undefined;
      }
      return this.#lease(agent);
    });
  }

  async #lease(agent: Agent): Promise<void> {
    const run = this.#run;
    const askedAt = run.now;
    const server = run.server();
    let assignment: Assignment | undefined;
    if (server !== undefined) {
      try {
        const leased = await leaseStep(server.deps, server.gatherers, agent.principal);
        if (leased.ok) assignment = leased.value;
      } catch (error) {
        ignoreUnavailable(error);
      }
    }
    if (assignment === undefined) {
      // Somebody was faster, a gate closed, or the server is gone: no hurry.
      if (run.offered.size > 0) this.come(20);
      return;
    }
    this.#begin({
      agent,
      assignment,
      fault: this.#faultOf(assignment),
      askedAt,
      lifetimeMs: assignment.lifetimeMs,
      over: false,
    });
    if (run.offered.size > 0) this.come(1);
  }

  #faultOf({ idempotencyKey }: Assignment): StepFault | undefined {
    this.#leases++;
    if (this.#faults.size === 0) return undefined;
    const again = this.#again.get(idempotencyKey);
    if (again !== undefined && again.left > 0) {
      again.left--;
      return again.fault;
    }
    const fault = this.#faults.get(this.#leases);
    if (fault !== undefined) this.#again.set(idempotencyKey, { fault, left: fault.times - 1 });
    return fault;
  }

  #begin(job: Job): void {
    const run = this.#run;
    const { fault } = job;
    const takesMs = run.random.int(20, 700);
    const longMs = fault?.kind === 'slow' || fault?.kind === 'zombie' ? fault.ms : takesMs;
    const { cell } = job.assignment;
    this.#busy.set(cell, Math.max(this.busyUntil(cell), run.now + longMs));
    switch (fault?.kind) {
      case undefined:
        run.after(takesMs, () => this.#finish(job, 'none'));
        return;
      case 'red':
      case 'no-reading':
      case 'unverified': {
        const flaw = fault.kind;
        run.after(takesMs, () => this.#finish(job, flaw));
        return;
      }
      case 'transient':
      case 'rejected': {
        const { kind: code } = fault;
        run.after(takesMs, () => this.#answer(job, { kind: 'failed', code, why: 'as the scenario says' }));
        return;
      }
      case 'unknown':
        run.after(takesMs, () => {
          // Whether it had its effect is what nobody knows.
          if (fault.ms > 1_000) run.targets.perform(job.assignment, run.now, 'none');
          return this.#answer(
            job,
            fault.ms > 5_000
              ? { kind: 'waiting', reason: 'ask', untilMs: 0 }
              : { kind: 'failed', code: 'unknown', why: 'the connection broke' },
          );
        });
        return;
      case 'hangs':
        this.#renewing(job);
        return;
      case 'slow':
        this.#renewing(job);
        run.after(fault.ms, () => this.#finish(job, 'none'));
        return;
      case 'late-outcome':
        run.after(takesMs, () => {
          const outcome = this.#perform(job, 'none');
          if (outcome !== undefined) run.after(fault.ms, () => this.#answer(job, outcome));
          return undefined;
        });
        return;
      case 'zombie':
        // It was stopped for a while and doesn't know: it acts with its old fence, and answers.
        run.after(fault.ms, () => {
          const outcome = run.targets.perform(job.assignment, run.now, 'none');
          return this.#answer(job, outcome);
        });
        return;
      case 'dies-before':
      case 'lease-lost':
        return;
      case 'dies-after':
        run.after(takesMs, () => {
          this.#perform(job, 'none');
          return undefined;
        });
        return;
      case 'outcome-twice':
        run.after(takesMs, () => {
          const outcome = this.#perform(job, 'none');
          if (outcome === undefined) return undefined;
          run.after(run.random.int(1, fault.ms), () => this.#answer(job, outcome));
          return this.#answer(job, outcome);
        });
        return;
      case 'impostor':
      case 'stranger': {
        const other = this.agents.find((a) => a !== job.agent)?.principal as Principal;
        const liar: Agent = { ...job.agent, principal: fault.kind === 'impostor' ? other : STRANGER };
        run.after(5, () => this.#answer({ ...job, agent: liar }, forged(job.assignment)));
        run.after(takesMs, () => this.#finish(job, 'none'));
        return;
      }
    }
  }

  /** Acts, if the assignment's lifetime has not run out on the agent's own clock. */
  #perform(job: Job, flaw: Flaw): Outcome | undefined {
    const run = this.#run;
    if ((run.now - job.askedAt) * job.agent.rate >= job.lifetimeMs) {
      job.over = true;
      return undefined;
    }
    return run.targets.perform(job.assignment, run.now, flaw);
  }

  #finish(job: Job, flaw: Flaw): Promise<void> | undefined {
    if (job.over) return undefined;
    const outcome = this.#perform(job, flaw);
    if (outcome === undefined) return undefined;
    job.over = true;
    return this.#answer(job, outcome);
  }

  /** Answers, again and again while no server hears it. */
  async #answer(job: Job, outcome: Outcome, tries = 5): Promise<void> {
    const run = this.#run;
    const { rollout, fence } = job.assignment;
    const server = run.server();
    try {
      if (server !== undefined) {
        const settled = await settleStep(
          server.deps,
          server.gatherers,
          job.agent.principal,
          rollout,
          fence.n,
          outcome,
          fence.epoch,
        );
        if (settled.ok && fence.epoch < run.epoch)
          run.checker.report('no-forgotten-past', `${rollout} took an outcome of epoch ${fence.epoch}`);
        return;
      }
    } catch (error) {
      ignoreUnavailable(error);
    }
    if (tries > 0) run.after(150, () => this.#answer(job, outcome, tries - 1));
  }

  #renewing(job: Job): void {
    const run = this.#run;
    run.after(RENEW_MS, async () => {
      if (job.over) return;
      const askedAt = run.now;
      const server = run.server();
      try {
        if (server !== undefined) {
          const { rollout, fence } = job.assignment;
          const renewed = await renewLease(server.deps, job.agent.principal, rollout, fence.n, fence.epoch);
          if (renewed.ok) {
            job.askedAt = askedAt;
            job.lifetimeMs = renewed.value.lifetimeMs;
          } else job.over = true;
        }
      } catch (error) {
        ignoreUnavailable(error);
      }
      if (!job.over) this.#renewing(job);
    });
  }
}

/** What somebody would say who wants a step to count as done. */
function forged({ action, plan }: Assignment): Outcome {
  const store = 'store' in action ? action.store : '';
  return {
    kind: 'done',
    result: {
      restorePoint: { id: 'rp-forged', store, takenAt: 0, manifest: plan, bytes: 1, verified: true },
      schemaVersion: 'to' in action ? action.to : 0,
      routed: 'tenants' in action ? action.tenants.length : 0,
      checks: { passed: 1, failed: 0 },
      reconciliation: { compared: 0, replayed: 0, acknowledged: 0, asked: 0, agrees: true },
    },
  };
}
