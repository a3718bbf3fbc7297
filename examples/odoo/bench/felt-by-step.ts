import type { Client, LogEvent } from '@headgate/contract';
import { p95, type Stretch } from '../demo/journal-figures.ts';
import type { OdooJournalLine } from '../load/journal-line.ts';

interface StepStretch extends Stretch {
  readonly step: string;
}

const PAGE = 1_000;

/** When each step that ended in a stretch of time was at work, by the log of a server beside which the customers run. */
export async function stepsWithin(reader: Client, { from, to }: Stretch): Promise<readonly StepStretch[]> {
  const begun = new Map<string, number>();
  const steps: StepStretch[] = [];
  for (let place = 0; ; ) {
    const { entries } = await reader.call('logEntries', { from: place, limit: PAGE });
    place += entries.length;
    for (const { bytes } of entries) {
      const { type, at, data } = JSON.parse(Buffer.from(bytes, 'base64').toString('utf8')) as LogEvent;
      if (at < from || at > to) continue;
      const step = String(data.step);
      if (type === 'rollout.leased') begun.set(step, at);
      const since = begun.get(step);
      if (type === 'rollout.step-done' && since !== undefined) steps.push({ step, from: since, to: at });
    }
    if (entries.length === 0) return steps;
  }
}

/** What these customers felt while each step was at work, in a line each; none where nobody was answered. */
export function feltByStep(lines: readonly OdooJournalLine[], steps: readonly StepStretch[]): readonly string[] {
  return steps.flatMap(({ step, from, to }) => {
    const answered = lines.filter(({ at, outcome }) => at >= from && at < to && outcome === 'acknowledged');
    const ms = p95(answered.map((line) => line.ms));
    return ms === null
      ? []
      : [`${step}: ${((to - from) / 1_000).toFixed(1)} s, ${answered.length} requests, p95 ${ms} ms`];
  });
}
