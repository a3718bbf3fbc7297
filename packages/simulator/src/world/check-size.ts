/**
 * How much there is to a promotion of this world. A small one proves little, so the simulator holds itself to a size: a
 * plan that takes a release to the environment, and the steps that were carried out by the time it completed. A
 * promotion that finds part of its work done, because one of the same release was kept half way, plans the rest alone:
 * it is counted together with those whose rest it is, and never as the fewest. Neither is one for some tenants alone.
 */
import type { Report } from '../history/recorded.ts';
import type { PromotionTrack } from '../history/tracks.ts';

/** What a plan has at least, and a promotion that completes has carried out. */
export const LEAST = { waves: 3, cells: 8, steps: 40 } as const;

/** What a promotion that completed took. */
export interface Completed {
  /** Steps that agents carried out in it alone. */
  readonly steps: number;
  /** It was for some tenants alone, or finished what such a one, or one that was kept half way, had left. */
  readonly rest: boolean;
}

type Promotions = ReadonlyMap<string, PromotionTrack>;

/** A plan that begins from nothing is large enough. */
export function checkPlanned(track: PromotionTrack, promotions: Promotions, report: Report): void {
  if (isForSome(track) || keptBefore(track, promotions).length > 0) return;
  const { waves, cells } = track.index.plan;
  const steps = cells.reduce((sum, cell) => sum + cell.steps.length, 0);
  if (waves.length < LEAST.waves || cells.length < LEAST.cells || steps < LEAST.steps)
    report('large-enough', `the plan has ${waves.length} waves, ${cells.length} cells and ${steps} steps`);
}

/** A promotion that completed has carried out enough, with what was carried out before in those whose rest it is. */
export function checkCompleted(track: PromotionTrack, promotions: Promotions, report: Report): void {
  if (isForSome(track)) return;
  const before = keptBefore(track, promotions);
  const steps = [track, ...before].reduce((sum, each) => sum + carriedOut(each), 0);
  if (steps < LEAST.steps)
    report('large-enough', `it completed after ${steps} steps, with those of ${before.length} kept before it`);
}

/** Of each promotion that completed, what it took. */
export function completedOf(promotions: Promotions): readonly Completed[] {
  const completed: Completed[] = [];
  for (const track of promotions.values())
    if (track.result === 'promoted')
      completed.push({ steps: carriedOut(track), rest: isForSome(track) || keptBefore(track, promotions).length > 0 });
  return completed;
}

/** Forward steps that an agent said were done, and was believed. */
function carriedOut({ rollouts }: PromotionTrack): number {
  let steps = 0;
  for (const { cursor } of rollouts.values()) steps += cursor;
  return steps;
}

function isForSome({ index }: PromotionTrack): boolean {
  return index.plan.tenants !== undefined;
}

/** Earlier promotions of the same release that a person kept half way, or that were for some: some are on it already. */
function keptBefore(track: PromotionTrack, promotions: Promotions): readonly PromotionTrack[] {
  const kept: PromotionTrack[] = [];
  for (const other of promotions.values()) {
    if (other === track) break;
    const same = other.index.plan.release.digest === track.index.plan.release.digest;
    const partly = other.result === 'partly-rolled-back' || (other.result === 'promoted' && isForSome(other));
    if (same && partly) kept.push(other);
  }
  return kept;
}
