/** Why a promotion stands where it stands, in words: from its state, its gates' verdicts and its rollouts. */
import type { Instant, Principal, Promotion, Rollout } from '@headgate/domain';
import { actionsOfPromotion } from './actions.ts';

export interface Wait {
  readonly what: string;
  readonly why: string;
  readonly who: string;
  readonly until: Instant | null;
}

export function explain(promotion: Promotion, rollouts: readonly Rollout[], principal: Principal, now: Instant) {
  const waits = [...waitsOf(promotion), ...rollouts.flatMap(waitsOfRollout)];
  const { id, release, environment, phase, wave, waves } = promotion;
  const lines = [
    `Promotion ${id}: release ${release.version} to ${environment}, ${phase}, wave ${wave} of ${waves}.`,
    ...(promotion.phase === 'ended' ? [`It ended: ${promotion.result}: ${promotion.because}.`] : []),
    ...(promotion.undo === null ? [] : [`It goes back: ${promotion.undo.because}.`]),
    ...waits.map(({ what, why, who, until }) => {
      const by = who === '' ? '' : `; ${who} can move it`;
      return `${what} waits: ${why}${by}${until === null ? '' : `; until ${new Date(until).toISOString()}`}.`;
    }),
  ];
  return {
    promotion: id,
    phase,
    text: lines.join('\n'),
    waits,
    actions: actionsOfPromotion(promotion, principal, now),
  };
}

/** What a promotion waits for, for whom, and until when. */
export function waitsOf(promotion: Promotion): readonly Wait[] {
  const what = `promotion/${promotion.id}`;
  switch (promotion.phase) {
    case 'awaiting': {
      const { until } = promotion;
      const closed = promotion.verdicts.filter((v) => v.verdict !== 'pass' && v.verdict !== 'waived');
      if (closed.length === 0) return [{ what, why: promotion.reason, who: '', until }];
      return closed.map((v) => ({
        what,
        why: `gate ${v.gate} is ${v.verdict}: ${v.because}${v.unblock === '' ? '' : ` (${v.unblock})`}`,
        who: v.who,
        until,
      }));
    }
    case 'advancing':
      return [
        { what, why: `wave ${promotion.wave} of ${promotion.waves} is under way`, who: '', until: promotion.until },
      ];
    case 'paused': {
      const why = `paused by ${promotion.by}: ${promotion.reason}`;
      return [{ what, why, who: 'operator, release-manager', until: promotion.until }];
    }
    case 'undoing':
      return [{ what, why: 'it is being taken back', who: '', until: promotion.until }];
    case 'held':
      return [{ what, why: promotion.question, who: 'release-manager', until: promotion.until }];
    case 'ended':
      return [];
  }
}

export function waitsOfRollout(rollout: Rollout): readonly Wait[] {
  const what = `rollout/${rollout.id}`;
  switch (rollout.phase) {
    case 'waiting':
      return [{ what, why: rollout.reason, who: '', until: rollout.until }];
    case 'offered': {
      const who = `agent of ${rollout.environment}`;
      return [{ what, why: `step ${rollout.step} is on offer`, who, until: rollout.until }];
    }
    case 'leased':
      return [{ what, why: `step ${rollout.step} is carried out`, who: rollout.agent, until: rollout.until }];
    case 'failed':
      return [{ what, why: `step ${rollout.step} failed: ${rollout.why}`, who: '', until: rollout.until }];
    case 'asking':
      return [{ what, why: rollout.question, who: 'operator, approver', until: rollout.until }];
    case 'settled':
      return [];
  }
}
