/** What a caller may do with a resource now: the access table first, then the very deciders that would judge the deed. */
import {
  type Decided,
  decideApprove,
  decideKeep,
  decidePause,
  decideReject,
  decideResume,
  decideRollback,
  type Instant,
  mayDo,
  type Principal,
  type Promotion,
  type Verb,
} from '@headgate/domain';

export type Actions = Readonly<Record<string, { readonly allowed: boolean; readonly because: string }>>;

/** What the caller's roles allow, where nothing but the role decides. */
export function byRole(principal: Principal, verbs: readonly Verb[]): Actions {
  return Object.fromEntries(verbs.map((verb) => [verb, judge(principal, verb)]));
}

export function actionsOfPromotion(state: Promotion, principal: Principal, now: Instant): Actions {
  const { id: by } = principal;
  const words = 'asked what would happen';
  const approval = { by, envelope: state.envelope, now, expiresAt: now + 1, proof: 'server-attested' } as const;
  return {
    approve: judge(principal, 'approve', () => decideApprove(state, approval)),
    reject: judge(principal, 'reject', () => decideReject(state, by, words, now)),
    pause: judge(principal, 'pause', () => decidePause(state, by, words, now)),
    resume: judge(principal, 'resume', () => decideResume(state, by)),
    rollback: judge(principal, 'rollback', () => decideRollback(state, by, words, now)),
    keep: judge(principal, 'keep', () => decideKeep(state, by, now)),
  };
}

function judge(principal: Principal, verb: Verb, decide?: () => Decided<unknown>) {
  const may = mayDo(principal, verb);
  if (!may.allowed) return may;
  const decided = decide?.();
  if (decided !== undefined && !decided.ok) return { allowed: false, because: decided.refusal.why };
  return { allowed: true, because: '' };
}
