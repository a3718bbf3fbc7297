import type { Instant, PrincipalId } from '../model/identity.ts';
import type { Happening, HappeningKind } from './happening.ts';

export const AUDIENCES = ['team', 'approvers', 'customers', 'support'] as const;
export type Audience = (typeof AUDIENCES)[number];

/** Whom to tell of what, and when: a declared Notification as the decider takes it. */
export interface Rule {
  readonly name: string;
  readonly audience: Audience;
  readonly happenings: readonly HappeningKind[];
  /** Only of these; none named: all of them. */
  readonly environments: readonly string[];
  /** As `cell/tenant`. Of customers: their own tenants. Of others: only what concerns one of these; none named: all. */
  readonly tenants: readonly string[];
  /** Of approvers: who they are. None named: nobody knows, so they are always told. */
  readonly principals: readonly PrincipalId[];
  readonly channels: readonly { readonly name: string; readonly format: ChannelFormat }[];
  /** How long a message waits for more of the same. Milliseconds. */
  readonly gatherMs: number;
  /** What isn't urgent comes once in so many milliseconds, together. */
  readonly digestMs?: number;
  /** Messages that aren't urgent, a channel and hour; the rest comes as one when the hour is over. */
  readonly mostPerHour: number;
  /** It is quiet until then; absent: it isn't quiet. From the calendar, at the decision's `now`. */
  readonly quietUntil?: Instant;
}

/** What a channel is sent: messages for people, or CDEvents for programs. */
export type ChannelFormat = 'message' | 'cdevents';

/** Whether a rule's people are told of a happening at all. */
export function concerns(rule: Rule, happening: Happening): boolean {
  const { promotion, kind, approval, wave, within } = happening;
  // What may be in any environment is told to everybody.
  if (rule.environments.length > 0 && within !== undefined && !rule.environments.includes(within)) return false;
  if (!rule.happenings.includes(kind)) return false;
  if (rule.audience === 'approvers') {
    // Nobody's approval moves anything while it is frozen.
    if (approval === undefined) return kind === 'frozen' || kind === 'lifted';
    return rule.principals.length === 0 || rule.principals.some((who) => !approval.barred.includes(who));
  }
  if (rule.audience === 'customers') return ownTenants(rule, happening).length > 0;
  // A wave is news to its own customers; to the others the promotion starts once.
  if (kind === 'started' && (wave ?? 1) > 1) return false;
  if (rule.tenants.length === 0 || promotion === undefined) return true;
  return ownTenants(rule, { tenants: promotion.tenants.flat() }).length > 0;
}

/** Those of a happening's tenants that the rule names. */
export function ownTenants(rule: Rule, { tenants }: Pick<Happening, 'tenants'>): readonly string[] {
  if (rule.tenants.length === 0) return [];
  const concerned = new Set(tenants);
  return rule.tenants.filter((tenant) => concerned.has(tenant));
}
