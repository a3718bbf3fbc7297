import { notFound, type Result, recoverabilityOf, refuse, streams } from '@headgate/control';
import {
  actionsOf,
  type Plan,
  type Promotion,
  planOutline,
  type Rollout,
  stepsInWords,
  type WayBackCell,
  wayBack,
} from '@headgate/domain';
import type { Context } from '../context.ts';
import type { Handlers, Shown } from '../handler.ts';
import { PAGE } from '../paging.ts';

/** Bounds of what one look at the way back tells; what it loses is told whole before anything else is cut. */
const MOST = { cells: 200, first: 20, loses: 100, data: 20 };

export function planHandlers(context: Context): Handlers<'showPlan' | 'listSteps' | 'showWayBack'> {
  const { store } = context.deps;

  async function load(what: string, id: string): Promise<Result<{ promotion: Promotion; plan: Plan }>> {
    const stream = streams.promotion(id);
    const promotion = (await store.load([stream])).get(stream)?.state as Promotion | undefined;
    if (promotion === undefined) return notFound(what, stream);
    return { ok: true, value: { promotion, plan: await context.gatherers.plans.get(promotion.planDigest) } };
  }
  async function rolloutsOf(promotion: Promotion, cells: readonly string[]): Promise<ReadonlyMap<string, Rollout>> {
    const ids = cells.map((cell) => streams.rollout(`${promotion.id}.${cell}`));
    const rows = [...(await store.load(ids)).values()].map((row) => row.state as Rollout);
    return new Map(rows.map((rollout) => [rollout.cell, rollout]));
  }

  return {
    async showPlan({ input }) {
      const loaded = await load('show a plan', input.promotion);
      if (!loaded.ok) return loaded;
      const { promotion, plan } = loaded.value;
      const { application, environment, release, latestFinish } = plan;
      const { planDigest, envelope, id } = promotion;
      const head = { promotion: id, plan: planDigest, envelope, application, environment, release, latestFinish };
      const stated = await recoverabilityOf(context.deps, plan, await store.now());
      return { ok: true, value: { ...head, ...planOutline(plan), recoverability: stated } as Shown<never> };
    },
    async listSteps({ input }) {
      const what = 'list the steps of a cell';
      const loaded = await load(what, input.promotion);
      if (!loaded.ok) return loaded;
      const { promotion, plan } = loaded.value;
      const cell = plan.cells.find((c) => c.cell === input.cell);
      if (cell === undefined) return notFound(what, `promotion/${promotion.id}/cell/${input.cell}`);
      const from = input.cursor === undefined ? 0 : Number(input.cursor);
      if (!Number.isSafeInteger(from) || from < 0)
        return refuse(
          'malformed',
          what,
          'query/cursor',
          'it is not a cursor of this list',
          'take `next` of the page before',
        );
      const rollout = (await rolloutsOf(promotion, [cell.cell])).get(cell.cell);
      const steps = stepsInWords(cell, rollout, promotion.phase === 'ended')
        .filter((step) => input.wave === undefined || step.wave === input.wave)
        .filter((step) => input.course === undefined || step.course === input.course);
      const to = from + (input.limit ?? PAGE);
      return { ok: true, value: { items: steps.slice(from, to), next: to < steps.length ? String(to) : null } };
    },
    async showWayBack({ principal, input }) {
      const loaded = await load('show the way back', input.promotion);
      if (!loaded.ok) return loaded;
      const { promotion, plan } = loaded.value;
      const now = await store.now();
      const { rollback } = actionsOf(promotion, principal, now);
      const rollouts = await rolloutsOf(promotion, promotion.cells);
      const cells = promotion.phase === 'ended' ? [] : wayBack(plan, rollouts, promotion.wave, now);
      return { ok: true, value: { promotion: promotion.id, ...rollback, ...bounded(cells) } };
    },
  };
}

function bounded(cells: readonly WayBackCell[]) {
  // Who loses something comes first, so that no bound hides it.
  const ordered = [...cells].sort((a, b) => b.loses.length - a.loses.length);
  return {
    cells: ordered.slice(0, MOST.cells).map(({ cell, tenants, who, steps, loses, stays, data }) => ({
      cell,
      tenants,
      who,
      steps: steps.length,
      first: steps.slice(0, MOST.first),
      loses: loses.slice(0, MOST.loses),
      stays,
      data: data.slice(0, MOST.data),
    })),
    truncated: cells.length > MOST.cells || cells.some((c) => c.loses.length > MOST.loses || c.data.length > MOST.data),
  };
}
