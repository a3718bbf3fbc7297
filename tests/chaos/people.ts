/**
 * The people of the small systems: developers who make releases and ask for them, an approver, an operator who answers,
 * pauses and turns back. They try again while nobody answers, as people and CI systems do.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, ProblemError } from '@headgate/contract';
import type { Random } from '@headgate/simulator/engine/random';
import { until } from '../../examples/psa/demo/until.ts';
import { patiently } from '../kill/patiently.ts';
import type { Installation, SmallSystem } from './installation.ts';
import { environmentOf, evidenceFor, type MadeRelease, type Stage, sealed } from './systems.ts';

/** How long one promotion may take, with everything that is harmed meanwhile. Milliseconds. */
const PROMOTION_MS = 300_000;
const CALL = { timeoutMs: 10_000 } as const;

export interface Told {
  readonly id: string;
  readonly environment: string;
  readonly version: string;
  readonly result: string;
  readonly because: string;
  /** From the request to the end. Milliseconds. */
  readonly ms: number;
  readonly endedAt: number;
}

/** Says whether another promotion may be asked for, and when. Undefined: no more. */
export type Ticket = () => Promise<number | undefined>;

export class People {
  readonly told: Told[] = [];
  /** Ids of all that were asked for: what was acknowledged must be on the log. */
  readonly asked: string[] = [];
  readonly questions: string[] = [];
  readonly troubles: string[] = [];
  readonly #installation: Installation;
  readonly #ticket: Ticket;

  constructor(installation: Installation, ticket: Ticket) {
    this.#installation = installation;
    this.#ticket = ticket;
  }

  /** One system's people, until there are no more tickets. */
  async work(system: SmallSystem, random: Random): Promise<void> {
    const staged: MadeRelease[] = [];
    let making = true;
    const staging = this.#stage(system, random, staged).finally(() => {
      making = false;
    });
    const live = this.#goLive(system, random, staged, () => making);
    await Promise.all([staging, live]);
  }

  async #stage(system: SmallSystem, random: Random, staged: MadeRelease[]): Promise<void> {
    for (let first = true; (await this.#ticket()) !== undefined; first = false) {
      const badIn = random.chance(0.12) ? random.pick<Stage>(['staging', 'live', 'live']) : undefined;
      const chance = random.chance(0.5);
      // However short a run is, something of it migrates.
      const release = system.line.next({ migrates: first || chance, badIn });
      const told = await this.#guarded(`register ${system.application} ${release.manifest.version}`, async () => {
        await this.#register(release);
        return this.#promote(system, 'staging', release, random);
      });
      if (told?.result === 'promoted') staged.push(release);
    }
  }

  async #goLive(
    system: SmallSystem,
    random: Random,
    staged: readonly MadeRelease[],
    making: () => boolean,
  ): Promise<void> {
    let last: MadeRelease | undefined;
    for (;;) {
      const release = staged.at(-1);
      if (release === undefined || release === last) {
        if (!making()) return;
        await sleep(100);
        continue;
      }
      last = release;
      if ((await this.#ticket()) === undefined) return;
      await this.#guarded(`${system.application} live`, () => this.#promote(system, 'live', release, random));
    }
  }

  /** What goes wrong with one promotion is told at the end, and doesn't keep the others from theirs. */
  async #guarded<T>(what: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      this.troubles.push(`${what}: ${(error as Error).message}`);
      return undefined;
    }
  }

  async #register(release: MadeRelease): Promise<void> {
    const { key } = this.#installation;
    const developer = await this.#installation.client('developer');
    for (const [digest, body] of release.files)
      await patiently('a file', () => developer.call('putBlob', { digest, body }, CALL));
    await patiently('the release', () => developer.call('registerRelease', { body: sealed(release, key) }, CALL));
    const body = { bundle: evidenceFor(release, key) };
    await patiently('the evidence', () => developer.call('attachEvidence', { body }, CALL));
  }

  async #promote(
    { application }: SmallSystem,
    stage: Stage,
    release: MadeRelease,
    random: Random,
  ): Promise<Told | undefined> {
    const environment = environmentOf(application, stage);
    const developer = await this.#installation.client('developer');
    for (let nth = 1; ; nth++) {
      const from = Date.now();
      const id = await this.#ask(developer, release, environment, `${environment} ${release.manifest.version} ${nth}`);
      if (id === undefined) return undefined;
      this.asked.push(id);
      const whim = random.unit();
      const [told] = await Promise.all([this.#follow(id, from, stage), this.#change(id, whim)]);
      this.told.push(told);
      // Planned for another state of the cell: a person asks again.
      if (told.result !== 'expired' || nth >= 5) return told;
    }
  }

  /** Undefined: it is there already. */
  async #ask(developer: Client, release: MadeRelease, environment: string, key: string): Promise<string | undefined> {
    const body = { release: release.ref.digest, environment };
    const asked = await patiently(`the request of ${key}`, async () => {
      try {
        return await developer.call('requestPromotion', { body }, { ...CALL, idempotencyKey: key });
      } catch (error) {
        if (error instanceof ProblemError && error.code === 'already-there') return undefined;
        throw error;
      }
    });
    return asked?.id;
  }

  async #follow(promotion: string, from: number, stage: Stage): Promise<Told> {
    const developer = await this.#installation.client('developer');
    const operator = await this.#installation.client('operator');
    const manager = await this.#installation.client('release-manager');
    if (stage === 'live') await this.#approve(promotion);
    return until(
      `the end of ${promotion}`,
      PROMOTION_MS,
      async () => {
        const shown = await developer.call('showPromotion', { promotion }, CALL);
        const { items } = await developer.call('listRollouts', { promotion }, CALL);
        for (const rollout of items) {
          if (rollout.phase !== 'asking') continue;
          this.questions.push(`${rollout.id}: ${rollout.question}`);
          await operator.call('answerRollout', { rollout: rollout.id, body: { answer: 'retry' } }, CALL);
        }
        if (shown.phase === 'held') await manager.call('keepPromotion', { promotion }, CALL);
        if (shown.phase !== 'ended' || items.some((rollout) => rollout.phase !== 'settled')) return undefined;
        return {
          id: promotion,
          environment: shown.environment,
          version: shown.release.version,
          result: shown.result ?? shown.phase,
          because: shown.because ?? '',
          ms: Date.now() - from,
          endedAt: Date.now(),
        };
      },
      300,
    );
  }

  async #approve(promotion: string): Promise<void> {
    const approver = await this.#installation.client('approver');
    await patiently('the approval', async () => {
      const shown = await approver.call('showPromotion', { promotion }, CALL);
      if (shown.phase === 'ended' || shown.approvals.length > 0) return;
      await approver.call('approvePromotion', { promotion, body: { envelope: shown.envelope } }, CALL);
    });
  }

  /** Now and then somebody pauses it for a moment, or turns it back in the middle. What comes too late is refused. */
  async #change(promotion: string, whim: number): Promise<void> {
    if (whim > 0.16) return;
    const operator = await this.#installation.client('operator');
    await sleep(400 + 20_000 * whim);
    const body = { reason: 'a change of mind' };
    if (whim < 0.06) await unlessTooLate(() => operator.call('rollBackPromotion', { promotion, body }, CALL));
    else {
      await unlessTooLate(() => operator.call('pausePromotion', { promotion, body }, CALL));
      await sleep(1_000);
      await unlessTooLate(() => operator.call('resumePromotion', { promotion }, CALL));
    }
  }
}

/** What was asked too late is answered by a conflict, for good. */
async function unlessTooLate(call: () => Promise<unknown>): Promise<void> {
  await patiently('a change of mind', async () => {
    try {
      await call();
    } catch (error) {
      if (!(error instanceof ProblemError) || error.status !== 409 || error.code === 'busy') throw error;
    }
  });
}
