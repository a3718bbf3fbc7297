/** Rows as the contract's resources. Only what the contract names: a record's hashes and internals stay here. */
import type { Cell, Promotion as PromotionView, Release, Rollout as RolloutView } from '@headgate/contract';
import { type CellRecord, type Deps, isReadBack, type PrincipalRecord, type ReleaseRecord } from '@headgate/control';
import {
  actionsOf,
  answersOf,
  type Freeze,
  type Instant,
  type Plan,
  type Principal,
  type Promotion,
  type Rollout,
  saidReplaced,
  type TakenBack,
  toldTakenBack,
  UNTIL_LIFTED,
} from '@headgate/domain';
import { byRole } from './actions.ts';
import type { Shown } from './handler.ts';

/** `freeze`: the declared one that holds over it; `takenBack`: what agents took back after it had ended. */
export function showPromotion(
  state: Promotion,
  principal: Principal,
  now: Instant,
  freeze?: Freeze,
  takenBack?: TakenBack,
): Shown<PromotionView> {
  const told = toldTakenBack(takenBack);
  const replaced = saidReplaced(state);
  const { planDigest, trace: _, gatedAtNoReturn: __, closesOperations: ___, ...rest } = state;
  // The domain's own state, whose union on the phase the contract writes as optional fields.
  return {
    ...rest,
    plan: planDigest,
    ...(freeze !== undefined && state.phase !== 'ended' && { frozen: frozenBy(freeze) }),
    ...(told !== undefined && { takenBack: told }),
    ...(replaced !== undefined && { policyReplaced: { because: replaced.because, unblock: replaced.unblock } }),
    actions: actionsOf(state, principal, now, freeze),
  } as unknown as Shown<PromotionView>;
}

function frozenBy({ name, to, reason }: Freeze) {
  return { name, to: to >= UNTIL_LIFTED ? null : to, reason };
}

export function showRollout(state: Rollout, plan: Plan, principal: Principal, now: Instant): Shown<RolloutView> {
  const cell = plan.cells.find((c) => c.cell === state.cell);
  if (cell === undefined) throw new Error(`the plan of ${state.id} has no cell ${state.cell}`);
  const question = state.phase === 'asking' ? { asked: state.n } : {};
  return { ...state, ...question, actions: answersOf(state, cell, principal, now) } as unknown as Shown<RolloutView>;
}

export function showRelease(record: ReleaseRecord, principal: Principal): Shown<Release> {
  const { ref, application, manifest, bundle, signature, evidence, soaked, registeredAt, registeredBy } = record;
  return {
    ref,
    application,
    origin: manifest.origin,
    bundle: bundle ?? null,
    signature: signature === undefined ? null : { verified: signature.verified, keyId: signature.keyId },
    authors: manifest.authors,
    notes: manifest.notes,
    evidence: evidence.map(
      ({ digest, predicateType, subject, verified, keyId, result, rehearsal, rollbackRehearsal, analysis }) => ({
        digest,
        predicateType,
        subject,
        verified,
        keyId,
        ...(result === undefined ? {} : { result }),
        ...(rehearsal === undefined ? {} : { rehearsal }),
        ...(rollbackRehearsal === undefined ? {} : { rollbackRehearsal }),
        ...(analysis === undefined ? {} : { analysis }),
      }),
    ),
    promoted: soaked
      .filter(({ again }) => again === undefined)
      .map(({ environment, promotedAt }) => ({ environment, at: promotedAt })),
    registeredAt,
    registeredBy,
    actions: byRole(principal, ['promote', 'attach-evidence']),
  };
}

export function showCell(
  deps: Pick<Deps, 'epoch'>,
  name: string,
  record: CellRecord,
  principal: Principal,
): Shown<Cell> {
  const { epoch } = deps;
  const unread = isReadBack(deps, record) ? {} : { unread: { epoch, asked: record.asked?.epoch === epoch } };
  const { desired, uncertain, observed } = record;
  const adopt = byRole(principal, ['adopt']).adopt ?? { allowed: false, because: '' };
  const adopted = { allowed: false, because: 'it is under control already' };
  const unseen = { allowed: false, because: 'no agent has observed it' };
  return {
    name,
    desired: desired ?? null,
    uncertain,
    observed: observed ?? null,
    ...unread,
    actions: { adopt: desired !== undefined ? adopted : observed === undefined ? unseen : adopt },
  } as Shown<Cell>;
}

export function showPrincipal({ id, roles, environments }: Principal | PrincipalRecord) {
  return environments === undefined ? { id, roles } : { id, roles, environments };
}

/** A principal as one of many: since when it is there, and whether it still may anything. */
export function showListedPrincipal(record: PrincipalRecord) {
  const { createdAt, revoked } = record;
  return { ...showPrincipal(record), ...(createdAt !== undefined && { since: createdAt }), revoked };
}

export function nameOf(stream: string): string {
  return stream.slice(stream.indexOf('/') + 1);
}

/** A pointer into the bundle of a request's body, as a place of that body; other places stay. */
export function inBundle(where: string): string {
  return where === '' || where.startsWith('/') ? `body/bundle${where === '/' ? '' : where}` : where;
}
