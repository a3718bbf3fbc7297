/** From what people declared to the plain facts that the domain's planner and gates take. */
import type { Digest } from '@headgate/domain';
import type {
  ApplicationSpec,
  CalendarSpec,
  EnvironmentSpec,
  PolicySpec,
  WindowSpec,
} from '@headgate/domain/model/specs';
import type { DocumentRef } from '@headgate/domain/plan/plan';
import type { ApplicationContent } from './application.ts';
import type { CalendarContent } from './calendar.ts';
import { instantMillis, localMillis } from './date-time.ts';
import type { EnvironmentContent } from './environment.ts';
import type { NotificationContent } from './notification.ts';
import type { PolicyContent } from './policy.ts';

/**
 * The application as the planner takes it. `digestOfNamed` answers with the digest of the declared Verification or
 * Reconciliation of that name; links were checked before, so it throws for one that isn't there.
 */
export function applicationSpec(
  content: ApplicationContent,
  digestOfNamed: (kind: 'Verification' | 'Reconciliation', name: string) => Digest,
): ApplicationSpec {
  const { tenancy, pipeline, rings, verification, reconciliation, operations } = content.spec;
  const ref = (kind: 'Verification' | 'Reconciliation', name: string): DocumentRef => ({
    name,
    digest: digestOfNamed(kind, name),
  });
  const base = {
    name: content.metadata.name,
    tenancy,
    pipeline,
    rings,
    verification: ref('Verification', verification),
    ...(operations !== undefined && { operations }),
  };
  return reconciliation === undefined ? base : { ...base, reconciliation: ref('Reconciliation', reconciliation) };
}

/** The policy as planner and gates take it. */
export function policySpec(content: PolicyContent): PolicySpec {
  const { gates, rollbackScope, maintenance, maskedCopies, maskingRules, limits, hypercare } = content.spec;
  const { latestFinishMs, approvalMs, attempts, stepTimeoutMs, timeoutsMs } = limits;
  const { name } = content.metadata;
  return {
    name,
    gates,
    rollbackScope,
    ...(maintenance !== undefined && { maintenance }),
    ...(maskedCopies !== undefined && { maskedCopies }),
    ...(maskingRules !== undefined && { maskingRules }),
    latestFinishMs,
    approvalMs,
    attempts,
    timeoutsMs,
    defaultTimeoutMs: stepTimeoutMs,
    hypercare,
  };
}

/** The calendar; a window without a rule is one that recurs once. */
export function calendarSpec(content: CalendarContent): CalendarSpec {
  const { timezone, windows, freezes } = content.spec;
  return {
    name: content.metadata.name,
    timezone,
    windows: windows.map(windowSpec),
    freezes: freezes.map(({ name, from, to, reason }) => ({
      name,
      from: instantMillis(from)!,
      to: instantMillis(to)!,
      reason,
    })),
  };
}

type DeclaredWindow = CalendarContent['spec']['windows'][number];

function windowSpec({ name, start, rrule, durationMinutes, end }: DeclaredWindow): WindowSpec {
  return {
    name,
    start: start.length === 'yyyy-mm-ddThh:mm'.length ? `${start}:00` : start,
    rrule: rrule ?? 'FREQ=DAILY;COUNT=1',
    durationMs: durationMinutes === undefined ? localMillis(end!)! - localMillis(start)! : durationMinutes * 60_000,
  };
}

/** What is kept of a Notification: the rule that decides, its channels, its templates, and its quiet hours. */
export function notificationSpec(content: NotificationContent): NotificationSpec {
  const { quietHours, ...spec } = content.spec;
  if (quietHours === undefined) return spec;
  const { timezone, windows } = quietHours;
  const name = `quiet hours of ${content.metadata.name}`;
  return { ...spec, quiet: { name, timezone, windows: windows.map(windowSpec), freezes: [] } };
}

/** A Notification as the notifier takes it. */
export type NotificationSpec = Omit<NotificationContent['spec'], 'quietHours'> & { readonly quiet?: CalendarSpec };

export function environmentSpec(content: EnvironmentContent): EnvironmentSpec {
  const { application, policy, calendars, contacts } = content.spec;
  return { name: content.metadata.name, application, policy, calendars, ...(contacts !== undefined && { contacts }) };
}
