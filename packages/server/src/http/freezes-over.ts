/** Which declared freeze holds over a promotion, and what one would stop. */
import {
  type ControlStore,
  FREEZE_ALL,
  type FreezeRecord,
  freezeScopesOf,
  frozenApplication,
  streams,
} from '@headgate/control';
import {
  activeFreeze,
  type Freeze,
  type FreezeStop,
  freezeEffect,
  type Instant,
  type Promotion,
  type Rollout,
  UNTIL_LIFTED,
} from '@headgate/domain';
import type { Context } from './context.ts';

export type FreezeOver = (promotion: Pick<Promotion, 'environment' | 'application'>) => Freeze | undefined;

/** Loads what is declared for these promotions, in one query. */
export async function freezesOver(
  store: ControlStore,
  promotions: readonly Pick<Promotion, 'environment' | 'application'>[],
  now: Instant,
): Promise<FreezeOver> {
  const scopes = [...new Set([FREEZE_ALL, ...promotions.flatMap(freezeScopesOf)])];
  const rows = await store.load(scopes.map(streams.freeze));
  const of = (scope: string) => (rows.get(streams.freeze(scope))?.state as FreezeRecord | undefined)?.freezes ?? [];
  return (promotion) => activeFreeze(freezeScopesOf(promotion).flatMap(of), now);
}

/** A freeze as the contract shows it. */
export function showFreeze(scope: string, { name, from, to, reason, by }: Freeze) {
  return { scope, name, from, to: to >= UNTIL_LIFTED ? null : to, reason, ...(by !== undefined && { by }) };
}

/** Bounds of what one look at an effect reads and tells. */
const MOST = { promotions: 200, rollouts: 2_000, told: 50 };

/** What a freeze of a scope stops at this moment. */
export async function effectOf({ deps, gatherers }: Context, scope: string) {
  const application = frozenApplication(scope);
  const facet = scope === FREEZE_ALL || application !== undefined ? {} : { facet: scope };
  const rows = await deps.store.list('promotion', { open: true, limit: MOST.promotions + 1, ...facet });
  const open = rows
    .slice(0, MOST.promotions)
    .map((row) => row.state as Promotion)
    .filter((p) => application === undefined || p.application === application);
  const ids = open.flatMap(({ id, cells }) => cells.map((cell) => streams.rollout(`${id}.${cell}`)));
  const rollouts = await deps.store.load(ids.slice(0, MOST.rollouts));
  const stops: FreezeStop[] = [];
  for (const promotion of open) {
    const plan = await gatherers.plans.get(promotion.planDigest);
    const own = new Map<string, Rollout>();
    for (const cell of promotion.cells) {
      const rollout = rollouts.get(streams.rollout(`${promotion.id}.${cell}`))?.state as Rollout | undefined;
      if (rollout !== undefined) own.set(cell, rollout);
    }
    const stop = freezeEffect(promotion, own, plan);
    if (stop !== undefined) stops.push(stop);
  }
  const order = ['stopped', 'waits', 'goes-back'];
  stops.sort((a, b) => order.indexOf(a.stands) - order.indexOf(b.stands));
  const running = stops.reduce((sum, stop) => sum + stop.running.length, 0);
  return {
    stops: stops.slice(0, MOST.told),
    running,
    summary: summaryOf(stops, running),
    truncated: rows.length > MOST.promotions || ids.length > MOST.rollouts || stops.length > MOST.told,
  };
}

function summaryOf(stops: readonly FreezeStop[], running: number): string {
  const count = (stands: FreezeStop['stands']) => stops.filter((stop) => stop.stands === stands).length;
  const promotions = (n: number) => `${n} promotion${n === 1 ? '' : 's'}`;
  if (stops.length === 0) return 'Nothing moves there now; what is asked for meanwhile waits.';
  const [stopped, waits, back] = [count('stopped'), count('waits'), count('goes-back')];
  const parts = [
    ...(stopped > 0 ? [`${promotions(stopped)} stopped before the next step`] : []),
    ...(waits > 0 ? [`${promotions(waits)} waiting already`] : []),
    ...(back > 0 ? [`${promotions(back)} going back, which nothing stops`] : []),
    running === 0
      ? 'no step is at work'
      : `${running} step${running === 1 ? '' : 's'} at work, which end${running === 1 ? 's' : ''} first`,
  ];
  return `${parts.join('; ')}.`;
}
