/**
 * Puts a store back in place, as a proposal says it that somebody approved. Each part is written down before it begins, so that a call
 * after a kill goes on there: tenants are held, what stands is compared with what was proposed and kept as a restore point, the
 * store is replaced by the journal that every restore has, checked, and opened. What isn't right afterwards is taken back.
 */
import type { CellPorts } from '@headgate/adapters/execution/cell';
import { openAnyCell } from '@headgate/adapters/execution/cell-kinds';
import { type Refusal, refused, SCHEDULED, unfitFor } from '@headgate/domain';
import { named } from '@headgate/domain/plan/render-words';
import { execute, type StepContext } from '@headgate/execution';
import { checkServing } from './check-serving.ts';
import { openOdooPlace } from './odoo-place.ts';
import { openPhysicalPlace } from './physical-place.ts';
import { inSlots } from './serving.ts';
import type { StandingPlace } from './standing.ts';
import type { PlaceAsk, Stale, StorePlace } from './store-place.ts';

export type Placed =
  | {
      readonly ok: true;
      readonly result: 'done' | 'taken-back';
      readonly startedAt: number;
      /** When its tenants began to be opened. */
      readonly at: number;
      readonly schemaVersion: number;
      /** The restore point of what stood before, and the folder, or the database, in which it is kept. */
      readonly point: string;
      readonly kept: string;
      /** Why it was taken back. */
      readonly why?: string;
    }
  | { readonly ok: false; readonly refusal: Refusal };

/** For each step of it. Milliseconds. */
const STEP_MS = 6 * 60 * 60_000;

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
  const ports = await openAnyCell(ask.cell, ask.say);
  try {
    return await new Placing(ask, ports, await placeOf(ask, ports)).go(before);
  } finally {
    await ports.close();
  }
}

async function placeOf(ask: PlaceAsk, ports: CellPorts): Promise<StorePlace> {
  const { cell } = ask;
  const context = (step: string): StepContext => contextOf(ask, step);
  return cell.kind === 'odoo'
    ? openOdooPlace({ ...ask, cell }, ports, context)
    : openPhysicalPlace({ ...ask, cell }, ports, context);
}

class Placing {
  private readonly ask: PlaceAsk;
  private readonly ports: CellPorts;
  private readonly store: StorePlace;

  constructor(ask: PlaceAsk, ports: CellPorts, store: StorePlace) {
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
      const why =
        (await this.store.check()) ?? (await checkServing(this.ask, this.ports, contextOf(this.ask, 'check')));
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
    const stale = await this.store.stale(false);
    if (stale !== undefined)
      return no(
        ask,
        stale.code,
        `${stale.why}; nothing was replaced, and nobody was held`,
        stale.unblock ?? 'mend that, and apply the proposal again',
      );
    const own = await ports.traffic.read();
    const heldBefore = own.filter(({ tenant, held }) => held && proposal.tenants.includes(tenant));
    return ask.standing.write({
      ...{ proposal: digest, phase: 'held', by, approval: { by: approval.by, digest: approval.digest } },
      ...{ startedAt: Date.now(), heldBefore: heldBefore.map(({ tenant }) => tenant) },
    });
  }

  /** `again`: it was begun by a call that was killed, maybe an agent of before, which counted nothing. */
  private async hold(standing: StandingPlace, again: boolean): Promise<StandingPlace | Extract<Placed, { ok: false }>> {
    const { ask, ports, store } = this;
    const { proposal } = ask;
    const tenants = [...proposal.tenants];
    ask.say(`${named(tenants)} ${tenants.length === 1 ? 'is' : 'are'} held …`);
    const held = await execute({ kind: 'hold', tenants }, contextOf(this.ask, 'hold'), ports);
    if (held.kind !== 'done')
      return this.giveUp(standing, { code: 'not-held', why: `its tenants can’t be held: ${said(held)}` });
    ask.say('What stands is compared with what was proposed …');
    const changed = await store.changed();
    if (changed !== undefined) return this.giveUp(standing, changed);
    const stale = again ? await store.stale(true) : undefined;
    if (stale !== undefined) return this.giveUp(standing, stale);
    ask.say('A restore point of what stands is taken …');
    const taken = await execute(
      { kind: 'restore-point', store: proposal.store },
      contextOf(this.ask, `before-${Date.now()}`),
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
    this.ask.say('The store is replaced …');
    const why = await this.store.replace();
    if (why !== undefined) return this.giveUp(standing, why);
    return this.ask.standing.write({ ...standing, phase: 'placed' });
  }

  /** What stood before, by the restore point that was taken of it: nobody has written since. */
  private async leave(standing: StandingPlace): Promise<Placed> {
    await this.store.leave(standing.point!);
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
    await this.store.ended();
    const { was, live } = this.ask.proposal;
    const schemaVersion = ended.result === 'done' ? was.schemaVersion : live.schemaVersion;
    return {
      ...{ ok: true, ...ended, startedAt, schemaVersion, point, kept: this.store.kept },
      ...(why !== undefined && { why }),
    };
  }

  private async open({ heldBefore }: StandingPlace): Promise<void> {
    const tenants = this.ask.proposal.tenants.filter((tenant) => !heldBefore.includes(tenant));
    if (tenants.length === 0) return;
    this.ask.say(`${named(tenants)} ${tenants.length === 1 ? 'is' : 'are'} opened …`);
    const opened = await execute({ kind: 'open', tenants }, contextOf(this.ask, 'open'), this.ports);
    if (opened.kind !== 'done')
      throw new Error(
        `its tenants can’t be opened: ${said(opened)}. Mend that, and apply the proposal again: it goes on there`,
      );
  }

  /** Nothing was replaced: everybody is opened again, and nothing is under way. */
  private async giveUp(
    standing: StandingPlace,
    { code, why, unblock }: Stale,
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
}

function contextOf(ask: PlaceAsk, step: string): StepContext {
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

function said(outcome: { readonly kind: string; readonly why?: string; readonly reason?: string }): string {
  return outcome.why ?? outcome.reason ?? outcome.kind;
}

function no({ cell, proposal }: PlaceAsk, code: string, why: string, unblock: string): Extract<Placed, { ok: false }> {
  return refused(code, 'put this store back', `${cell.cell}/${proposal.store}`, why, unblock);
}
