/**
 * Hypercare is the watch after a promotion: the first hour, day, billing cycle. It holds no cell; the next promotion of
 * the environment supersedes it. A stage passes when, at its end, every cell was observed lately and runs what was
 * promoted; no observation is not a pass.
 *
 *   watching(stage 1) ── sound at its end ──▶ watching(stage 2) … ──▶ ended(sound)
 *        │ unsound or unobserved                    │ another promotion
 *        ▼                                          ▼
 *     alarmed ── sound again ──▶ watching        ended(superseded)
 *
 * Whatever its phase, it ends `taken-back` when an agent took the promotion back: what it watches over is gone.
 */
import type { Digest, Instant } from '../model/identity.ts';
import type { HypercareStage } from '../model/specs.ts';
import type { Decision } from '../rollout/looks.ts';

export interface HypercareCore {
  readonly id: string;
  readonly promotion: string;
  readonly environment: string;
  readonly release: Digest;
  readonly cells: readonly string[];
  readonly stages: readonly HypercareStage[];
  /** Index of the stage that is watched. */
  readonly stage: number;
}

export type HypercareResult = 'sound' | 'superseded' | 'taken-back';

export type Hypercare = HypercareCore &
  (
    | { readonly phase: 'watching'; readonly until: Instant }
    | { readonly phase: 'alarmed'; readonly why: string; readonly until: Instant }
    | { readonly phase: 'ended'; readonly result: HypercareResult }
  );

export type HypercareEvent =
  | {
      readonly type: 'hypercare.begun';
      readonly data: {
        readonly id: string;
        readonly promotion: string;
        readonly environment: string;
        readonly release: Digest;
        readonly cells: readonly string[];
        readonly stages: readonly HypercareStage[];
        readonly until: Instant;
      };
    }
  | { readonly type: 'hypercare.stage-passed'; readonly data: { readonly stage: string; readonly until: Instant } }
  | { readonly type: 'hypercare.alarmed'; readonly data: { readonly why: string; readonly until: Instant } }
  | {
      readonly type: 'hypercare.ended';
      readonly data: { readonly result: HypercareResult; readonly because?: string };
    };

export interface HypercareFacts {
  readonly now: Instant;
  /** What each cell was last seen to be, absent when no agent has seen it. */
  readonly observed: ReadonlyMap<
    string,
    {
      readonly at: Instant;
      readonly releases: readonly Digest[];
      /** The first of its stores that has drifted, and how. */
      readonly drift?: string;
    }
  >;
}

/** An observation older than this says nothing about now. Milliseconds. */
export const OBSERVATION_MAX_AGE_MS = 900_000;
/** How often an alarmed watch looks again. Milliseconds. */
export const ALARM_LOOK_MS = 60_000;

/**
 * What a promotion that ended well leaves to watch: the environment's watch before it is superseded, whatever came of it,
 * and its own begins, when the policy has a stage. One that was rolled back leaves the watch before it as it is.
 */
export function succeedHypercare(
  before: Hypercare | undefined,
  watch: Omit<HypercareCore, 'stage'>,
  now: Instant,
): readonly HypercareEvent[] {
  const events: HypercareEvent[] = [];
  if (before !== undefined && before.phase !== 'ended')
    events.push({ type: 'hypercare.ended', data: { result: 'superseded' } });
  const [first] = watch.stages;
  if (first !== undefined) events.push({ type: 'hypercare.begun', data: { ...watch, until: now + first.durationMs } });
  return events;
}

/** Ends the watch over a promotion that was taken back; nothing where another one is watched, or none any more. */
export function endTakenBack(
  watch: Hypercare | undefined,
  promotion: string,
  because: string,
): readonly HypercareEvent[] {
  if (watch === undefined || watch.phase === 'ended' || watch.promotion !== promotion) return [];
  return [{ type: 'hypercare.ended', data: { result: 'taken-back', because } }];
}

export function nextOfHypercare(state: Hypercare, facts: HypercareFacts): Decision<HypercareEvent> {
  if (state.phase === 'ended') return { events: [], lookAt: null };
  if (facts.now < state.until) return { events: [], lookAt: state.until };
  const why = unsound(state, facts);
  if (why !== undefined) {
    if (state.phase === 'alarmed' && state.why === why) return { events: [], lookAt: facts.now + ALARM_LOOK_MS };
    return { events: [{ type: 'hypercare.alarmed', data: { why, until: facts.now + ALARM_LOOK_MS } }], lookAt: null };
  }
  const stage = state.stages[state.stage];
  const next = state.stages[state.stage + 1];
  if (stage === undefined || next === undefined)
    return { events: [{ type: 'hypercare.ended', data: { result: 'sound' } }], lookAt: null };
  return {
    events: [{ type: 'hypercare.stage-passed', data: { stage: stage.name, until: facts.now + next.durationMs } }],
    lookAt: null,
  };
}

function unsound(state: Hypercare, facts: HypercareFacts): string | undefined {
  for (const cell of state.cells) {
    const seen = facts.observed.get(cell);
    if (seen === undefined) return `no agent has observed cell ${cell}`;
    if (facts.now - seen.at > OBSERVATION_MAX_AGE_MS)
      return `cell ${cell} was last observed more than ${OBSERVATION_MAX_AGE_MS / 1000} s ago`;
    if (!seen.releases.includes(state.release))
      return `cell ${cell} does not serve its tenants with the promoted release`;
    if (seen.drift !== undefined) return `in cell ${cell} ${seen.drift}`;
  }
  return undefined;
}

export function evolveHypercare(state: Hypercare | undefined, event: HypercareEvent): Hypercare {
  if (event.type === 'hypercare.begun') {
    const { until, ...rest } = event.data;
    return { ...rest, stage: 0, phase: 'watching', until };
  }
  if (state === undefined) throw new Error(`the first event of a hypercare is hypercare.begun, not ${event.type}`);
  const { id, promotion, environment, release, cells, stages, stage } = state;
  const core: HypercareCore = { id, promotion, environment, release, cells, stages, stage };
  switch (event.type) {
    case 'hypercare.stage-passed':
      return { ...core, stage: stage + 1, phase: 'watching', until: event.data.until };
    case 'hypercare.alarmed':
      return { ...core, phase: 'alarmed', ...event.data };
    case 'hypercare.ended':
      return { ...core, phase: 'ended', result: event.data.result };
  }
}

export function dueOfHypercare(state: Hypercare): Instant | null {
  return state.phase === 'ended' ? null : state.until;
}
