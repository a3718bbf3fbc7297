/** The declared Notifications as rules, with whether it is quiet for them now. */
import type { Channel, NotificationSpec } from '@headgate/documents';
import type { Overrides } from '@headgate/documents/words/render';
import type { Audience, CalendarSpec, Digest, Instant, Rule } from '@headgate/domain';
import { windowFact } from '@headgate/domain/calendars/evaluate';
import type { ControlStore, Row } from '../ports/store.ts';
import { type DocumentRecord, streams } from '../records.ts';

export type NotificationRecord = DocumentRecord<NotificationSpec>;

const KIND = 'Notification';
const PAGE = 1_000;
const DAY_MS = 86_400_000;
/** Quiet hours that are held compiled; evaluating a rule anew costs milliseconds. */
const MOST_CALENDARS = 1_000;
const quietByDigest = new Map<Digest, CalendarSpec>();

/** All rules, in the order of their names, after one of them. */
export async function loadRules(store: ControlStore, now: Instant, afterName?: string): Promise<readonly Rule[]> {
  const rules: Rule[] = [];
  const under = streams.document(KIND, '');
  let after = afterName === undefined ? under : streams.document(KIND, afterName);
  for (;;) {
    const rows = (await store.list('document', { under, after, limit: PAGE })) as Row<NotificationRecord>[];
    rules.push(...rows.map((row) => ruleOf(row.state, now)));
    if (rows.length < PAGE) return rules;
    after = rows.at(-1)?.stream as string;
  }
}

function ruleOf(record: NotificationRecord, now: Instant): Rule {
  const { name, spec } = record;
  const quietUntil = quietUntilOf(record, now);
  return {
    name,
    audience: spec.audience,
    happenings: spec.happenings,
    environments: spec.environments,
    tenants: spec.tenants,
    principals: spec.principals,
    channels: spec.channels.map((c) => ({ name: c.name, format: c.type === 'webhook' ? c.format : 'message' })),
    gatherMs: spec.gatherSeconds * 1_000,
    mostPerHour: spec.mostPerHour,
    ...(spec.digestMinutes !== undefined && { digestMs: spec.digestMinutes * 60_000 }),
    ...(quietUntil !== undefined && { quietUntil }),
  };
}

function quietUntilOf({ digest, spec }: NotificationRecord, now: Instant): Instant | undefined {
  if (spec.quiet === undefined) return undefined;
  let quiet = quietByDigest.get(digest);
  if (quiet === undefined) {
    quiet = spec.quiet;
    if (quietByDigest.size >= MOST_CALENDARS) quietByDigest.delete(quietByDigest.keys().next().value as Digest);
    quietByDigest.set(digest, quiet);
  }
  const { open, changesAt } = windowFact(quiet, now);
  if (!open) return undefined;
  // Quiet for good would never say anything: such a day is a day.
  return Math.min(changesAt ?? now + DAY_MS, now + 7 * DAY_MS);
}

/** Whom a Notification tells and what it says instead of the shipped words; undefined when there is none. */
export async function loadOverrides(
  store: ControlStore,
  rule: string,
): Promise<{ readonly audience: Audience; readonly overrides: Overrides } | undefined> {
  const stream = streams.document(KIND, rule);
  const record = (await store.load([stream])).get(stream)?.state as NotificationRecord | undefined;
  return record && { audience: record.spec.audience, overrides: overridesOf(record) };
}

function overridesOf({ spec }: NotificationRecord): Overrides {
  return Object.fromEntries(spec.templates.map(({ about, ...template }) => [about, template]));
}

export interface FoundChannel {
  readonly channel: Channel;
  readonly overrides: Overrides;
  /** It is quiet for its people until then. */
  readonly quietUntil: Instant | undefined;
}

/** A rule's channel as it is declared now, or why there is none. */
export async function loadChannel(
  store: ControlStore,
  rule: string,
  name: string,
  now: Instant,
): Promise<FoundChannel | string> {
  const stream = streams.document(KIND, rule);
  const record = (await store.load([stream])).get(stream)?.state as NotificationRecord | undefined;
  if (record === undefined) return `there is no Notification ${rule}`;
  const channel = record.spec.channels.find((each) => each.name === name);
  if (channel === undefined) return `Notification ${rule} has no channel ${name}`;
  return { channel, overrides: overridesOf(record), quietUntil: quietUntilOf(record, now) };
}
