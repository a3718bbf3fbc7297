import {
  type Decided,
  type Digest,
  decideApprove,
  decideGo,
  decideKeep,
  decidePause,
  decideReject,
  decideResume,
  decideRollback,
  type GateFacts,
  type Instant,
  type PolicySpec,
  type Principal,
  type PrincipalId,
  type Promotion,
  type PromotionEvent,
  type Refusal,
  refuseReplaced,
  type Verb,
} from '@headgate/domain';
import { migrationsRun } from '@headgate/domain/plan/migrations';
import { ranBefore } from '@headgate/domain/plan/ran-before';
import { commitPromotion, gatherPromotion } from '../controllers/promotion-controller.ts';
import type { Deps } from '../deps.ts';
import { loadDeclared } from '../documents-in-store.ts';
import type { GateFactsGatherer, Plans } from '../facts.ts';
import type { Row } from '../ports/store.ts';
import { streams } from '../records.ts';
import { no, notFound, notPermitted, ok, type Result, untilFresh } from './result.ts';

/** What the verbs on a promotion work with besides the dependencies: the controllers' own caches. */
export interface Gatherers {
  readonly plans: Plans;
  readonly gates: GateFactsGatherer;
}

type Decide = (state: Promotion, now: Instant) => Decided<PromotionEvent>;

/** What only the gates' facts tell, whose versions the commit checks. */
type Refuses = (state: Promotion, gates: GateFacts) => Refusal | undefined;

/** The one way in which a person's word reaches a promotion: permitted, decided, committed on the version it was decided on. */
async function command(
  deps: Deps,
  { plans, gates }: Gatherers,
  principal: Principal,
  verb: Verb,
  id: string,
  decide: Decide,
  refuses?: Refuses,
): Promise<Result<Promotion>> {
  const stream = streams.promotion(id);
  const denied = notPermitted(principal, verb, stream);
  if (denied !== undefined) return no(denied);
  return untilFresh(verb, stream, async () => {
    const row = (await deps.store.load([stream])).get(stream) as Row<Promotion> | undefined;
    if (row === undefined) return notFound(verb, stream);
    const now = await deps.store.now();
    const decided = decide(row.state, now);
    if (!decided.ok) return no(decided.refusal);
    if (decided.events.length === 0) return ok(row.state);
    const gathered = await gatherPromotion(deps, plans, gates, row, now);
    const refusal = refuses?.(row.state, gathered.facts.gates);
    if (refusal !== undefined) return no(refusal);
    const committed = await commitPromotion(deps, row, gathered, decided.events, principal.id);
    return committed.ok ? ok((await deps.store.load([stream])).get(stream)?.state as Promotion) : undefined;
  });
}

/** What an approver signed: given only when the wiring verified it, and its bundle is stored. */
export interface ApprovalSignature {
  readonly bundle: Digest;
  readonly expiresAt: Instant;
}

/**
 * Approves the envelope that the caller saw, unless its policy was replaced since it was planned, for as long as the policy
 * lets an approval hold, or as was signed if that is less.
 */
export async function approvePromotion(
  deps: Deps,
  with_: Gatherers,
  principal: Principal,
  id: string,
  envelope: Digest,
  signature?: ApprovalSignature,
): Promise<Result<Promotion>> {
  const stream = streams.promotion(id);
  const state = (await deps.store.load([stream])).get(stream)?.state as Promotion | undefined;
  const approvalMs = state === undefined ? 0 : await approvalLifetime(deps, state);
  const decide: Decide = (promotion, now) => {
    const yes = { by: principal.id, envelope, now, expiresAt: now + approvalMs };
    if (signature === undefined) return decideApprove(promotion, yes);
    const { bundle, expiresAt } = signature;
    return decideApprove(promotion, { ...yes, bundle, expiresAt: Math.min(expiresAt, yes.expiresAt) });
  };
  return command(deps, with_, principal, 'approve', id, decide, refuseReplaced);
}

async function approvalLifetime(deps: Deps, promotion: Promotion): Promise<number> {
  const found = await loadDeclared(deps.store, promotion.application, promotion.environment);
  const policy: PolicySpec | undefined = found.ok ? found.declared.policy : undefined;
  return policy?.approvalMs ?? 0;
}

/** A word that goes on the log with its reason. */
export type ReasonedWord = (
  deps: Deps,
  with_: Gatherers,
  principal: Principal,
  id: string,
  reason: string,
) => Promise<Result<Promotion>>;

/** A word that needs none. */
export type PlainWord = (deps: Deps, with_: Gatherers, principal: Principal, id: string) => Promise<Result<Promotion>>;

function reasoned(
  verb: Verb,
  decide: (state: Promotion, by: PrincipalId, reason: string, now: Instant) => Decided<PromotionEvent>,
): ReasonedWord {
  return (deps, with_, principal, id, reason) =>
    command(deps, with_, principal, verb, id, (promotion, now) => decide(promotion, principal.id, reason, now));
}

function plain(
  verb: Verb,
  decide: (state: Promotion, by: PrincipalId, now: Instant) => Decided<PromotionEvent>,
): PlainWord {
  return (deps, with_, principal, id) =>
    command(deps, with_, principal, verb, id, (promotion, now) => decide(promotion, principal.id, now));
}

/** Lets begin what can only be restored, where a gate asked for it. */
export const sayGo = reasoned('go', decideGo);
/** Turns a promotion down that waits for a wave; what waves before it did is undone. */
export const rejectPromotion = reasoned('reject', decideReject);
/** Hands out no further forward steps, until somebody resumes or the hold runs out. */
export const pausePromotion = reasoned('pause', decidePause);
/** Lets a paused promotion go on. */
export const resumePromotion = plain('resume', decideResume);
/** Undoes everything that was done; never blocked by a window, a freeze or a gate. */
export const rollBackPromotion: ReasonedWord = async (deps, with_, principal, id, reason) => {
  const stream = streams.promotion(id);
  const state = (await deps.store.load([stream])).get(stream)?.state as Promotion | undefined;
  // Only who comes too late is told what ran before.
  const plan = state?.phase === 'ended' ? await with_.plans.find(state.planDigest) : undefined;
  const before = plan === undefined ? [] : ranBefore(plan);
  const contracts = plan === undefined ? [] : migrationsRun(plan).filter(({ phase }) => phase === 'contract');
  const removing = contracts.map(({ file }) => file.name);
  return command(deps, with_, principal, 'rollback', id, (promotion, now) =>
    decideRollback(promotion, principal.id, reason, now, before, removing),
  );
};
/** Ends a held promotion and leaves the tenants that stayed on the release where they are. */
export const keepPromotion = plain('keep', decideKeep);
