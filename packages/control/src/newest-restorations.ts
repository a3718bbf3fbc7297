import type { Digest, RestorationEvidence } from '@headgate/domain';
import type { Deps } from './deps.ts';
import type { RestorationRecord } from './records.ts';

/** So many of a cell are told, and so many remembered, so that the same statement twice changes nothing. */
const MOST_TOLD = 20;
const MOST_RECORDED = 200;

/** What a statement says, whatever signature says it. */
export function saidOf({ digestOf }: Pick<Deps, 'digestOf'>, restoration: RestorationEvidence): Digest {
  const { evidence: _, ...said } = restoration;
  return digestOf(said);
}

/** The row with one statement more: they may come late, and in any order, from an agent whose server was away. */
export function withRestoration(
  means: Pick<Deps, 'digestOf'>,
  record: RestorationRecord | undefined,
  restoration: RestorationEvidence,
): RestorationRecord {
  const { lately = [], recorded = [] } = record ?? {};
  return {
    lately: [restoration, ...lately].sort((a, b) => b.at - a.at).slice(0, MOST_TOLD),
    recorded: [...recorded, saidOf(means, restoration)].slice(-MOST_RECORDED),
  };
}
