/**
 * How long an environment lived with a release: everybody in it, from when its promotion ended well until the first of them
 * may have left it. A release may come back; the times are added up, and none counts twice.
 */
import type { Instant } from '../model/identity.ts';

/** A time that everybody of an environment spent on a release. */
export interface Soaked {
  readonly environment: string;
  /** When a promotion of it ended well there; or, with `again`, when the last who had left were back. */
  readonly promotedAt: Instant;
  /** What began to replace it was rolled back. */
  readonly again?: true;
  /** When somebody may have left it; absent: everybody is on it still, or an older server wrote this. */
  readonly until?: Instant;
  /** What ended it. */
  readonly ended?: string;
}

/** What a release's stream says of where it was. These are the log's words. */
export type SoakEvent =
  | {
      readonly type: 'release.promoted';
      readonly data: { readonly environment: string; readonly promotedAt: Instant; readonly promotion: string };
    }
  | {
      readonly type: 'release.soak-ended';
      readonly data: {
        readonly environment: string;
        readonly until: Instant;
        readonly because: string;
        readonly promotion: string;
      };
    }
  | {
      readonly type: 'release.soak-resumed';
      readonly data: { readonly environment: string; readonly promotedAt: Instant; readonly promotion: string };
    };

/** Folds one event into where a release was; events of other types change nothing. */
export function evolveSoaked(soaked: readonly Soaked[], event: SoakEvent): readonly Soaked[] {
  switch (event.type) {
    case 'release.promoted': {
      const { environment, promotedAt } = event.data;
      return [...soaked, { environment, promotedAt }];
    }
    case 'release.soak-resumed': {
      const { environment, promotedAt } = event.data;
      return [...soaked, { environment, promotedAt, again: true }];
    }
    case 'release.soak-ended': {
      const { environment, until, because } = event.data;
      return soaked.map((each) =>
        soaksIn([each], environment) ? { ...each, until: Math.max(each.promotedAt, until), ended: because } : each,
      );
    }
    default:
      return soaked;
  }
}

/** Whether everybody of an environment is on the release still. */
export function soaksIn(soaked: readonly Soaked[], environment: string): boolean {
  return soaked.some((each) => each.environment === environment && each.until === undefined);
}

/** How long everybody of an environment was on the release up to `now`. Milliseconds. */
export function soakedMs(soaked: readonly Soaked[], environment: string, now: Instant): number {
  const times = soaked.filter((each) => each.environment === environment).sort((a, b) => a.promotedAt - b.promotedAt);
  let counted = Number.NEGATIVE_INFINITY;
  let sum = 0;
  for (const { promotedAt, until = now } of times) {
    const from = Math.max(promotedAt, counted);
    const to = Math.min(until, now);
    if (to <= from) continue;
    sum += to - from;
    counted = to;
  }
  return sum;
}
