import { readJournal } from '@headgate/example-psa/load/journal.ts';
import type { OdooJournalLine } from '../load/journal-line.ts';

/** A stretch of time; milliseconds since the epoch. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

/** What the customers of one tenant met in a stretch of time. */
export interface Met {
  readonly requests: number;
  readonly turnedAway: number;
  readonly failed: number;
  /** First failures, in words. */
  readonly failures: readonly string[];
  /** Of those that were acknowledged. Milliseconds; `null`: there were none. */
  readonly p95Ms: number | null;
  /**
   * From the last answer before the first request that was turned away to the first answer after the last one. `null`:
   * nobody was turned away, or nobody was served again.
   */
  readonly downtimeMs: number | null;
}

/** The journal's lines, by tenant, in the order in which they were sent. */
export async function linesByTenant(journalFile: string): Promise<ReadonlyMap<string, readonly OdooJournalLine[]>> {
  const by = new Map<string, OdooJournalLine[]>();
  for await (const line of readJournal<OdooJournalLine>(journalFile)) {
    const own = by.get(line.tenant);
    if (own === undefined) by.set(line.tenant, [line]);
    else own.push(line);
  }
  for (const own of by.values()) own.sort((a, b) => a.at - b.at);
  return by;
}

/** What a tenant's customers met in a stretch of time. */
export function met(lines: readonly OdooJournalLine[], { from, to }: Stretch): Met {
  const within = lines.filter(({ at }) => at >= from && at < to);
  const of = (outcome: OdooJournalLine['outcome']) => within.filter((line) => line.outcome === outcome);
  const failed = of('failed');
  return {
    requests: within.length,
    turnedAway: of('turned-away').length,
    failed: failed.length,
    failures: failed.slice(0, 5).map(({ tenant, action, at, why }) => `${iso(at)} ${tenant}: ${action}: ${why}`),
    p95Ms: p95(of('acknowledged').map(({ ms }) => ms)),
    downtimeMs: downtime(within),
  };
}

/** What those met who were served while others of the cell were away. */
export interface Neighbours {
  readonly requests: number;
  readonly failed: number;
  /** Milliseconds; `null`: nobody was answered. */
  readonly p95Ms: number | null;
}

/** The requests that tenants sent while another of them was away, and theirs in the quiet before. */
export function neighbours(lines: readonly (readonly OdooJournalLine[])[], stretches: readonly Stretch[]): Neighbours {
  const away = lines.map((own) => stretches.flatMap((stretch) => awayIn(own, stretch)));
  const beside = lines.flatMap((own, i) =>
    own.filter(({ at }) => {
      const within = ({ from, to }: Stretch): boolean => at >= from && at <= to;
      return !away[i]!.some(within) && away.some((others, j) => j !== i && others.some(within));
    }),
  );
  const answered = beside.filter(({ outcome }) => outcome === 'acknowledged');
  return {
    requests: beside.length,
    failed: beside.length - answered.length,
    p95Ms: p95(answered.map(({ ms }) => ms)),
  };
}

/** From the first to the last request that was turned away. */
function awayIn(lines: readonly OdooJournalLine[], { from, to }: Stretch): readonly Stretch[] {
  const times = lines.filter((l) => l.outcome === 'turned-away' && l.at >= from && l.at < to).map(({ at }) => at);
  return times.length === 0 ? [] : [{ from: Math.min(...times), to: Math.max(...times) }];
}

function downtime(lines: readonly OdooJournalLine[]): number | null {
  const away = lines.filter(({ outcome }) => outcome === 'turned-away');
  const [first, last] = [away[0], away.at(-1)];
  if (first === undefined || last === undefined) return null;
  const answers = lines.filter(({ outcome }) => outcome === 'acknowledged').map(({ at, ms }) => ({ at, end: at + ms }));
  const before = answers.filter(({ at }) => at < first.at).map(({ end }) => end);
  const after = answers.filter(({ at }) => at > last.at).map(({ end }) => end);
  return before.length === 0 || after.length === 0 ? null : Math.min(...after) - Math.max(...before);
}

/** The 95th percentile, by nearest rank. */
export function p95(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.95) - 1] ?? null;
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
