/** What strikes the installation as a whole: freezes, windows, evidence, clocks, people who change their minds, a restored database. */
import {
  type AppliedDocument,
  applyDocuments,
  attachEvidence,
  declareFreeze,
  liftFreeze,
  pausePromotion,
  type Result,
  rollBackPromotion,
} from '@headgate/control';
import type { Digest } from '@headgate/domain';
import type { Run } from '../engine/run.ts';
import type { Server } from '../engine/server.ts';
import { ignoreUnavailable } from '../engine/unavailable.ts';
import { analysisOf, rehearsalOf, rollbackRehearsalOf, testResult } from './fleet.ts';
import { ALWAYS, CLOSED, ENVIRONMENT, PEOPLE } from './fleet-spec.ts';
import { isWorldFault, type WorldFault } from './scenario.ts';

/**
 * Entries that a backup of a moment ago may lack: what agents did, and what was decided about them. Not that something
 * was asked for or opened at all, of which only agents would know, nor what people declare, who aren't told of the loss here.
 */
const LOSABLE = new Set([
  'rollout.waiting',
  'rollout.offered',
  'rollout.leased',
  'rollout.lease-lost',
  'rollout.step-done',
  'rollout.step-waits',
  'rollout.step-failed',
  'rollout.asked',
  'rollout.answered',
  'rollout.undo-begun',
  'rollout.read-back',
  'rollout.settled',
  'cell.changed',
  'cell.observed',
  'cell.read-back',
  'cell.answered',
  'promotion.waiting',
  'promotion.approved',
  'promotion.wave-opened',
  'promotion.paused',
  'promotion.resumed',
  'promotion.rollback-decided',
  'promotion.held',
]);

export class Troubles {
  readonly #run: Run;
  readonly #faults: Map<number, WorldFault>;

  constructor(run: Run) {
    this.#run = run;
    this.#faults = new Map(run.scenario.faults.filter(isWorldFault).map((f) => [f.commit, f]));
  }

  /** After each commit: strikes when its number has come. */
  strike(commit: number): void {
    if (this.#faults.size === 0) return;
    const fault = this.#faults.get(commit);
    if (fault === undefined) return;
    this.#faults.delete(commit);
    this.#run.after(1, () => this.#strike(fault));
  }

  #strike(fault: WorldFault): Promise<unknown> | undefined {
    const run = this.#run;
    const { ms } = fault;
    switch (fault.kind) {
      case 'freeze':
        return this.#freeze(ENVIRONMENT, ms);
      case 'freeze-all':
        return this.#freeze('all', ms);
      case 'window-closes':
        return this.#closeWindow(ms);
      case 'red-evidence': {
        const { next } = run.fleet.releases;
        run.after(ms, () => this.#rollBack('the evidence is red'));
        // Of one kind or the other: each gate has to notice its own.
        const reds = [
          () => testResult(next, 2, 3),
          () => rehearsalOf(next, run.now, false),
          () => rollbackRehearsalOf(next, run.fleet.migrations.get(next) ?? [], run.now, false),
          () => analysisOf(next, run.fleet.migrations.get(next) ?? [], run.now, false),
        ];
        const red = (reds[fault.commit % reds.length] as (typeof reds)[number])();
        return this.#through((s) => attachEvidence(s.deps, PEOPLE.developer, red));
      }
      case 'control-restored':
        this.#restore(fault.lost);
        return undefined;
      case 'clock-skew': {
        const agent = run.random.pick(run.crew.agents);
        agent.rate = ms < 10_000 ? 0.4 : 1.6;
        return undefined;
      }
      case 'agents-down':
        for (const agent of run.crew.agents) agent.downUntil = run.now + ms;
        return undefined;
      case 'pause':
        return this.#onOpen((s, id) => pausePromotion(s.deps, s.gatherers, PEOPLE.operator, id, 'let me look'));
      case 'rollback':
        return this.#rollBack('customers complain');
    }
  }

  #freeze(scope: string, ms: number): Promise<unknown> {
    const run = this.#run;
    const name = 'incident';
    const freeze = { name, from: run.now, to: run.now + ms, reason: 'an incident' };
    // Some are lifted before their time.
    if (run.random.chance(0.4))
      run.after(Math.floor(ms / 2), () =>
        this.#through((s) => liftFreeze(s.deps, PEOPLE.operator, scope, name, 'it is over')),
      );
    return this.#through((s) => declareFreeze(s.deps, PEOPLE.operator, scope, freeze));
  }

  /** The calendar is changed while the rollout goes on, and changed back after a while. */
  #closeWindow(ms: number): Promise<unknown> {
    const run = this.#run;
    run.after(ms, () => this.#apply(ALWAYS));
    return this.#apply(CLOSED);
  }

  #apply(document: AppliedDocument): Promise<unknown> {
    return this.#through(async (s) => {
      const answer = await applyDocuments(s.deps, PEOPLE.admin, [document]);
      if (answer.ok) for (const { digest } of answer.value) this.#run.documents.set(digest as Digest, document);
      return answer;
    });
  }

  #restore(lost: number): void {
    const run = this.#run;
    const { commits } = run;
    let some = 0;
    while (some < lost && some < commits.length) {
      const { commit } = commits[commits.length - 1 - some] as (typeof commits)[number];
      if (!commit.writes.every((w) => w.entries.every((e) => LOSABLE.has(e.type)))) break;
      some++;
    }
    run.restore(some);
    this.#run.tellers.begin();
  }

  #rollBack(why: string): Promise<unknown> | undefined {
    return this.#onOpen((s, id) => rollBackPromotion(s.deps, s.gatherers, PEOPLE.operator, id, why));
  }

  #onOpen(work: (server: Server, id: string) => Promise<Result<unknown>>): Promise<unknown> | undefined {
    for (const { id, phase } of this.#run.checker.promotions.values())
      if (phase !== 'ended') return this.#through((s) => work(s, id));
    return undefined;
  }

  async #through(work: (server: Server) => Promise<Result<unknown>>, tries = 20): Promise<void> {
    const run = this.#run;
    const server = run.server();
    try {
      if (server !== undefined) {
        await work(server);
        return;
      }
    } catch (error) {
      ignoreUnavailable(error);
    }
    if (tries > 0) run.after(300, () => this.#through(work, tries - 1));
  }
}
