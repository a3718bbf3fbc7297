/**
 * Puts a store back in place, as a proposal says it that somebody approved. Each part is written down before it begins, so that a call
 * after a kill goes on there: tenants are held, what stands is compared with what was proposed and kept as a restore point, the
 * store is replaced by the journal that every restore has, checked, and opened. What isn't right afterwards is taken back.
 */
import { rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type CellPorts, openCell } from '@headgate/adapters/execution/cell';
import type { CellConfig } from '@headgate/adapters/execution/cell-config';
import { pushHistories } from '@headgate/adapters/execution/pgbackrest/archived-log';
import { hasPgBackRest, openPgBackRest } from '@headgate/adapters/execution/pgbackrest/pgbackrest-store';
import { lookAtStore } from '@headgate/adapters/execution/recover/compare-stores';
import type { BackedStore } from '@headgate/adapters/execution/restore-points/backed-store';
import { broughtBeside } from '@headgate/adapters/execution/restore-points/brought-beside';
import { restoreInPlace } from '@headgate/adapters/execution/restore-points/in-place';
import { physicalStore } from '@headgate/adapters/execution/restore-points/physical-store';
import { archiveHistories } from '@headgate/adapters/execution/restore-points/wal';
import { prepareStore } from '@headgate/adapters/execution/store/store-session';
import { ensureDatabase } from '@headgate/adapters/postgres-cluster/database';
import { findPrograms } from '@headgate/adapters/postgres-cluster/programs';
import {
  changedIn,
  type Digest,
  type ProposalApproval,
  type Refusal,
  refused,
  SCHEDULED,
  type StoreProposal,
  unfitFor,
} from '@headgate/domain';
import { named } from '@headgate/domain/plan/render-words';
import { denied, execute, granted, type StepContext } from '@headgate/execution';
import type { VerificationToRun } from '../dr/business.ts';
import { checkPlaced } from './check-placed.ts';
import { anotherStore, recount, type Stale, writtenSince } from './recount.ts';
import { inSlots } from './serving.ts';
import type { StandingFile, StandingPlace } from './standing.ts';

export interface PlaceAsk {
  readonly cell: CellConfig;
  readonly proposal: StoreProposal;
  readonly digest: Digest;
  readonly by: string;
  readonly approval: Pick<ProposalApproval, 'by' | 'digest'>;
  readonly standing: StandingFile;
  /** The newest token that the agent acted on in the cell. */
  readonly fence: StepContext['fence'];
  readonly verification: VerificationToRun | undefined;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

export type Placed =
  | {
      readonly ok: true;
      readonly result: 'done' | 'taken-back';
      readonly startedAt: number;
      /** When its tenants began to be opened. */
      readonly at: number;
      readonly schemaVersion: number;
      /** The restore point of what stood before, and the folder that it was kept in. */
      readonly point: string;
      readonly kept: string;
      /** Why it was taken back. */
      readonly why?: string;
    }
  | { readonly ok: false; readonly refusal: Refusal };

/** For each step of it. Milliseconds. */
const STEP_MS = 6 * 60 * 60_000;

/** For a timeline's history to get to the repository. Milliseconds. */
const TELL_MS = 120_000;

/**
 * Carries it out, or goes on with it. The cell has to be nobody else's meanwhile: an agent that runs is ended first. What ended stands as
 * `opening` until the caller has told of it and ends the standing: else a kill in between would leave it untold.
 */
export async function placeStore(ask: PlaceAsk): Promise<Placed> {
  const before = await ask.standing.read();
  if (before !== undefined && before.proposal !== ask.digest)
    return no(
      ask,
      'another-under-way',
      `another proposal (${before.proposal}) is half way there`,
      'apply that one again: it goes on, or goes back',
    );
  const ports = await openCell(ask.cell, ask.say);
  try {
    return await new Placing(ask, ports, await storeOf(ask)).go(before);
  } finally {
    await ports.close();
  }
}

async function storeOf({ cell, proposal }: PlaceAsk): Promise<BackedStore> {
  return physicalStore(cell, proposal.store, await findPrograms(15, cell.dir));
}

class Placing {
  private readonly ask: PlaceAsk;
  private readonly ports: CellPorts;
  private readonly store: BackedStore;

  constructor(ask: PlaceAsk, ports: CellPorts, store: BackedStore) {
    this.ask = ask;
    this.ports = ports;
    this.store = store;
  }

  async go(before: StandingPlace | undefined): Promise<Placed> {
    const begun = before ?? (await this.begin());
    if ('refusal' in begun) return begun;
    let standing = begun;
    // Its tenants may be open, and have written: neither checked against the proposal again, nor brought back.
    if (standing.phase === 'opening') return this.opened(standing);
    if (standing.phase === 'held') {
      const held = await this.hold(standing, before !== undefined);
      if ('refusal' in held) return held;
      standing = held;
    }
    if (standing.phase === 'pointed') {
      const placed = await this.place(standing);
      if ('refusal' in placed) return placed;
      standing = placed;
    }
    if (standing.phase === 'placed') {
      this.ask.say('It is checked …');
      const why = await checkPlaced(this.ask, this.ports, this.store);
      if (why === undefined) return this.ended(standing, 'done');
      this.ask.say(`It isn’t right: ${why}. What stood before comes back …`);
      standing = await this.ask.standing.write({ ...standing, phase: 'leaving', why });
    }
    return this.leave(standing);
  }

  /** Nothing was done yet: what can be known before anybody is held. */
  private async begin(): Promise<StandingPlace | Extract<Placed, { ok: false }>> {
    const { ask, ports } = this;
    const { proposal, digest, by, approval, cell } = ask;
    const { serving } = await inSlots(cell, proposal.store);
    const unfit = unfitFor({ serving, was: proposal.was });
    if (unfit.length > 0)
      return no(
        ask,
        'schema-unfit',
        `${named(unfit.map(({ slot, version, min, max }) => `${version} in ${slot} (schema ${min} to ${max})`))} can’t run on schema ${proposal.was.schemaVersion}`,
        `lead its tenants off ${named(unfit.map(({ slot }) => slot))} first, to a release that can: \`headgate rollback PROMOTION --reason "…"\` of the promotion that led them there, or one that is promoted; then propose anew`,
      );
    const stale = await this.stale();
    if (stale !== undefined)
      return no(ask, stale.code, `${stale.why}; nothing was replaced, and nobody was held`, stale.unblock);
    const own = await ports.traffic.read();
    const heldBefore = own.filter(({ tenant, held }) => held && proposal.tenants.includes(tenant));
    return ask.standing.write({
      ...{ proposal: digest, phase: 'held', by, approval: { by: approval.by, digest: approval.digest } },
      ...{ startedAt: Date.now(), heldBefore: heldBefore.map(({ tenant }) => tenant) },
    });
  }

  /** Both stores are up: what was shown is counted once more. */
  private async stale(): Promise<Stale | undefined> {
    const { ask, store } = this;
    const another = await anotherStore(store, ask.proposal);
    if (another !== undefined) return another;
    ask.say('What would be lost is counted once more …');
    return recount(store, ask);
  }

  /** `again`: it was begun by a call that was killed, maybe an agent of before, which counted nothing. */
  private async hold(standing: StandingPlace, again: boolean): Promise<StandingPlace | Extract<Placed, { ok: false }>> {
    const { ask, ports, store } = this;
    const { proposal } = ask;
    const tenants = [...proposal.tenants];
    ask.say(`${named(tenants)} ${tenants.length === 1 ? 'is' : 'are'} held …`);
    const held = await execute({ kind: 'hold', tenants }, this.context('hold'), ports);
    if (held.kind !== 'done')
      return this.giveUp(standing, { code: 'not-held', why: `its tenants can’t be held: ${said(held)}` });
    ask.say('What stands is compared with what was proposed …');
    const another = await anotherStore(store, proposal);
    if (another !== undefined) return this.giveUp(standing, another);
    const changed = changedIn(await lookAtStore(store, ask.signal), proposal.live);
    if (changed.length > 0) return this.giveUp(standing, writtenSince(changed));
    const stale = again ? await this.stale() : undefined;
    if (stale !== undefined) return this.giveUp(standing, stale);
    ask.say('A restore point of what stands is taken …');
    const taken = await execute(
      { kind: 'restore-point', store: proposal.store },
      this.context(`before-${Date.now()}`),
      ports,
    );
    if (taken.kind !== 'done' || taken.result?.restorePoint === undefined)
      return this.giveUp(standing, {
        code: 'no-restore-point',
        why: `no restore point of what stands: ${said(taken)}`,
      });
    return ask.standing.write({ ...standing, phase: 'pointed', point: taken.result.restorePoint.id });
  }

  private async place(standing: StandingPlace): Promise<StandingPlace | Extract<Placed, { ok: false }>> {
    const { ask, store } = this;
    const { proposal, signal } = ask;
    ask.say('The store is replaced …');
    let written: Stale | undefined;
    const source = broughtBeside(store, proposal.place, async (cluster) => {
      const found = await lookAtStore({ cluster, database: store.database, user: store.user }, signal);
      const other = changedIn(found, proposal.was);
      if (found.system !== proposal.was.system || other.length > 0)
        return denied(
          'check-failed',
          `what lies in ${proposal.place} was changed since it was compared${other.length === 0 ? '' : ` (${named(other)})`}`,
        );
      // Once more, right before it is replaced: not everything that writes is a tenant's.
      const since = changedIn(await lookAtStore(store, signal), proposal.live);
      if (since.length === 0) return granted(undefined);
      written = writtenSince(since, 'while its tenants were held: something else writes there');
      return denied('check-failed', written.why);
    });
    const done = await restoreInPlace({ ...store, files: [] }, source, this.context('place'));
    if (!done.ok) return this.giveUp(standing, written ?? { code: done.code, why: done.why });
    await this.keep();
    const untold = await this.tellTimeline();
    // The agent's next round tries that as well, before it ends a piece of the log.
    if (untold !== undefined) ask.say(`Its new timeline isn’t in the repository yet: ${untold}`);
    return ask.standing.write({ ...standing, phase: 'placed' });
  }

  /** What stood before, by the restore point that was taken of it: nobody has written since. */
  private async leave(standing: StandingPlace): Promise<Placed> {
    const { ask, ports, store } = this;
    // Else what comes back takes the number of the timeline that is left, and two logs have one name.
    const untold = await this.tellTimeline();
    if (untold !== undefined)
      throw new Error(
        `its timeline can’t be told to where its log is kept: ${untold}; its tenants stay held. Mend that, and apply the proposal again: it goes on there`,
      );
    const back = await ports.restorePoints.restore(
      ask.proposal.store,
      standing.point!,
      { kind: 'restore-point' },
      this.context('leave'),
    );
    if (!back.ok)
      throw new Error(
        `what stood before can’t be brought back from ${standing.point}: ${back.why}; its tenants stay held. Mend that, and apply the proposal again: it goes on there`,
      );
    await ensureDatabase(store.cluster, ask.cell.stores[store.name]!);
    await prepareStore(store);
    return this.ended(standing, 'taken-back');
  }

  private async ended(standing: StandingPlace, result: 'done' | 'taken-back'): Promise<Placed> {
    const ended = { result, at: Date.now() };
    return this.opened(await this.ask.standing.write({ ...standing, phase: 'opening', ended }));
  }

  private async opened(standing: StandingPlace): Promise<Placed> {
    const { why, point = '', startedAt, ended } = standing;
    if (ended === undefined) throw new Error('what ended has no result: look at the store first');
    await this.open(standing);
    const { was, live } = this.ask.proposal;
    const schemaVersion = ended.result === 'done' ? was.schemaVersion : live.schemaVersion;
    return {
      ...{ ok: true, ...ended, startedAt, schemaVersion, point, kept: this.kept },
      ...(why !== undefined && { why }),
    };
  }

  /** Where the folder goes that was replaced: the next restore leaves it alone. */
  private get kept(): string {
    return join(this.store.cluster.dir, `replaced-${this.ask.digest.slice('sha256:'.length, 'sha256:'.length + 12)}`);
  }

  private async keep(): Promise<void> {
    const before = `${this.store.cluster.data}.before`;
    if ((await stat(before).catch(() => undefined)) !== undefined) await rename(before, this.kept);
  }

  /** Brings the history of its timeline to where its log is kept: it began aside, where nothing is archived. In words why not. */
  private async tellTimeline(): Promise<string | undefined> {
    const { store } = this;
    const { signal } = this.ask;
    if (hasPgBackRest(store))
      return pushHistories(store.cluster, await openPgBackRest(store), { deadlineMs: TELL_MS, signal });
    if (store.snapshots === undefined) await archiveHistories(store);
    return undefined;
  }

  private async open({ heldBefore }: StandingPlace): Promise<void> {
    const tenants = this.ask.proposal.tenants.filter((tenant) => !heldBefore.includes(tenant));
    if (tenants.length === 0) return;
    this.ask.say(`${named(tenants)} ${tenants.length === 1 ? 'is' : 'are'} opened …`);
    const opened = await execute({ kind: 'open', tenants }, this.context('open'), this.ports);
    if (opened.kind !== 'done')
      throw new Error(
        `its tenants can’t be opened: ${said(opened)}. Mend that, and apply the proposal again: it goes on there`,
      );
  }

  /** Nothing was replaced: everybody is opened again, and nothing is under way. */
  private async giveUp(
    standing: StandingPlace,
    { code, why, unblock }: { readonly code: string; readonly why: string; readonly unblock?: string },
  ): Promise<Extract<Placed, { ok: false }>> {
    await this.open(standing);
    await this.ask.standing.end();
    return no(
      this.ask,
      code,
      `${why}; nothing was replaced, and its tenants are open again`,
      unblock ?? 'mend that, and apply the proposal again',
    );
  }

  private context(step: string): StepContext {
    const { ask } = this;
    const { environment, cell, application } = ask.cell;
    const until = performance.now() + STEP_MS;
    const nothing = (): Promise<never> => Promise.reject(new Error('putting a store back asks for no bytes'));
    const rollout = step.startsWith('before-')
      ? SCHEDULED
      : `in-place.${ask.digest.slice('sha256:'.length, 'sha256:'.length + 16)}`;
    return {
      ...{ environment, cell, application, rollout, step, fence: ask.fence, idempotencyKey: `${rollout}/${step}` },
      remainingMs: () => (ask.signal.aborted ? 0 : until - performance.now()),
      signal: ask.signal,
      ...{ manifest: nothing, blob: nothing, document: nothing },
      log: (event) => ask.say(`  ${event}`),
    };
  }
}

function said(outcome: { readonly kind: string; readonly why?: string; readonly reason?: string }): string {
  return outcome.why ?? outcome.reason ?? outcome.kind;
}

function no({ cell, proposal }: PlaceAsk, code: string, why: string, unblock: string): Extract<Placed, { ok: false }> {
  return refused(code, 'put this store back', `${cell.cell}/${proposal.store}`, why, unblock);
}
