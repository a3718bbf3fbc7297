import { type Promotion as PromotionView, traceParentOf } from '@headgate/contract';
import {
  type ApprovalSignature,
  answerRollout,
  approvePromotion,
  keepPromotion,
  notFound,
  objectionsTo,
  overtake,
  pausePromotion,
  planForPromotion,
  type Result,
  recoverabilityOf,
  refuse,
  rejectPromotion,
  requestPromotion,
  resumePromotion,
  rollBackPromotion,
  sayGo,
  streams,
} from '@headgate/control';
import {
  actionsOf,
  type Digest,
  envelopeOf,
  judgeGates,
  type Principal,
  type Promotion,
  type Rollout,
  renderPlan,
  renderRecoverability,
  toldExplanation,
  toldObjections,
  toldTakenBack,
  twoDecisions,
} from '@headgate/domain';
import type { Context } from '../context.ts';
import { declinedIn } from '../declined.ts';
import { explain } from '../explain.ts';
import { freezesOver } from '../freezes-over.ts';
import type { Handlers, Shown } from '../handler.ts';
import { missingEnvironment } from '../missing-environment.ts';
import { pageByTime, pageOfRows } from '../paging.ts';
import { takenBackOf } from '../taken-back.ts';
import { inBundle, showPromotion, showRollout } from '../views.ts';

type Names =
  | 'planPromotion'
  | 'requestPromotion'
  | 'listPromotions'
  | 'showPromotion'
  | 'explainPromotion'
  | 'approvePromotion'
  | 'sayGo'
  | 'rejectPromotion'
  | 'pausePromotion'
  | 'resumePromotion'
  | 'rollBackPromotion'
  | 'keepPromotion'
  | 'listRollouts'
  | 'showRollout'
  | 'answerRollout';

export function promotionHandlers(context: Context): Handlers<Names> {
  const { deps, gatherers, trust } = context;
  const { store } = deps;

  async function shown(principal: Principal, result: Result<Promotion>) {
    if (!result.ok) return result;
    const now = await store.now();
    const over = await freezesOver(store, [result.value], now);
    const back = await takenBackOf(store, [result.value]);
    const value = showPromotion(result.value, principal, now, over(result.value), back(result.value));
    return { ok: true, value } as const;
  }
  async function loadRow(id: string) {
    const stream = streams.promotion(id);
    return (await store.load([stream])).get(stream);
  }
  async function load(id: string): Promise<Promotion | undefined> {
    return (await loadRow(id))?.state as Promotion | undefined;
  }
  const asked = (view: Shown<PromotionView>, requestedAt: number | undefined) =>
    requestedAt === undefined ? view : { ...view, requestedAt };
  async function rolloutShown(principal: Principal, rollout: Rollout) {
    const plan = await gatherers.plans.get(rollout.planDigest);
    return showRollout(rollout, plan, principal, await store.now());
  }

  return {
    async planPromotion({ principal, body }) {
      const { overtakes, environment: to } = body;
      const hotfix = { id: 'the hotfix', environment: to, release: body.release };
      const overtaken = overtakes && (await overtake(deps, principal, overtakes, hotfix));
      if (overtaken?.ok === false) return overtaken;
      const planned = await planForPromotion(deps, body.release, to, body.tenants, overtaken?.value);
      if (!planned.ok) return planned;
      const { plan, release } = planned.value;
      const envelope = deps.digestOf(envelopeOf(plan));
      const { release: ref, environment, application } = plan;
      const authors = [...new Set([...release.manifest.authors, release.registeredBy])];
      // The gates as they would stand if the caller asked now.
      const asked = {
        application,
        environment,
        release: ref,
        authors,
        requester: principal.id,
        envelope,
        approvals: [],
      };
      const now = await store.now();
      const { gates } = await gatherers.gates.gather(asked as unknown as Promotion, plan, now);
      const verdicts = judgeGates(plan.gates, gates, { kind: 'wave', wave: 1 });
      const cells = await store.load(plan.cells.map(({ cell }) => streams.cell(cell)));
      const objections = toldObjections(await objectionsTo(store, plan, cells, undefined));
      const recoverability = await recoverabilityOf(deps, plan, now);
      const text = `${renderPlan(plan)}\n${renderRecoverability(recoverability)}`;
      return {
        ok: true,
        value: {
          ...{ plan: plan as never, text, verdicts: verdicts as never, objections: objections.told },
          goingBack: twoDecisions(plan) as never,
          recoverability: recoverability as never,
          ...(objections.left > 0 && { objectionsLeft: objections.left }),
        },
      };
    },
    async requestPromotion({ principal, body, idempotencyKey, request }) {
      const key = idempotencyKey === undefined ? {} : { key: idempotencyKey };
      // Its ticks and steps hang below this request; without traces of our own, below the caller's.
      const trace = context.tracing?.current() ?? traceParentOf(request.headers.traceparent);
      const traced = trace === undefined ? {} : { trace };
      return shown(principal, await requestPromotion(deps, principal, { ...body, ...key, ...traced }));
    },
    async listPromotions({ principal, input }) {
      const { environment, application, phase, open } = input;
      const only = {
        ...(environment !== undefined && { facet: environment }),
        ...(application !== undefined && { application }),
        ...(phase !== undefined && { phase }),
        ...(open !== undefined && { open: open === 'true' }),
      };
      const page = await pageByTime(store, 'promotion', input, only);
      if (!page.ok) return page;
      const { rows } = page.value;
      // An empty list of what isn't there would look like one of what is.
      const missing = rows.length === 0 ? await missingEnvironment(store, 'list promotions', environment) : undefined;
      if (missing !== undefined) return missing;
      const now = await store.now();
      const promotions = rows.map(({ state }) => state as Promotion);
      const over = await freezesOver(store, promotions, now);
      const back = await takenBackOf(store, promotions);
      const items = promotions.map((each, i) =>
        asked(showPromotion(each, principal, now, over(each), back(each)), rows[i]?.madeAt),
      );
      return { ok: true, value: { items, next: page.value.next } };
    },
    async showPromotion({ principal, input }) {
      const row = await loadRow(input.promotion);
      if (row === undefined) return notFound('show a promotion', streams.promotion(input.promotion));
      const answer = await shown(principal, { ok: true, value: row.state as Promotion });
      return answer.ok ? { ok: true, value: asked(answer.value, row.madeAt) } : answer;
    },
    async explainPromotion({ principal, input }) {
      const promotion = await load(input.promotion);
      if (promotion === undefined) return notFound('explain a promotion', streams.promotion(input.promotion));
      const now = await store.now();
      const { explanation, rollouts, plan } = await explain(context, promotion, now, true);
      // Before it moves: then its page asks all the time, and its gates say what stopped it.
      const stated = promotion.phase === 'awaiting' && { recoverability: await recoverabilityOf(deps, plan, now) };
      const declined = await declinedIn(context, rollouts, plan);
      const takenBack = toldTakenBack((await takenBackOf(store, [promotion]))(promotion));
      const over = await freezesOver(store, [promotion], now);
      const actions = actionsOf(promotion, principal, now, over(promotion));
      return {
        ok: true,
        value: { ...toldExplanation(explanation, takenBack), ...declined, ...stated, actions } as Shown<never>,
      };
    },
    async approvePromotion({ principal, input, body }) {
      const { envelope, bundle } = body;
      let signature: ApprovalSignature | undefined;
      if (bundle !== undefined) {
        await trust.refresh();
        const opened = trust.openApproval(bundle, envelope);
        const what = 'approve the promotion';
        if (!opened.ok) return refuse(opened.code, what, inBundle(opened.where), opened.why, opened.unblock);
        const { by, expiresAt } = opened.approval;
        if (by !== principal.id)
          return refuse(
            'approval-not-own',
            what,
            'body/bundle',
            `it is signed by ${by}, and you are ${principal.id}`,
            'sign with your own key',
          );
        signature = { bundle: await deps.blobs.put(deps.canonical(bundle)), expiresAt };
      }
      const id = input.promotion;
      return shown(principal, await approvePromotion(deps, gatherers, principal, id, envelope as Digest, signature));
    },
    async sayGo({ principal, input, body }) {
      return shown(principal, await sayGo(deps, gatherers, principal, input.promotion, body.reason));
    },
    async rejectPromotion({ principal, input, body }) {
      return shown(principal, await rejectPromotion(deps, gatherers, principal, input.promotion, body.reason));
    },
    async pausePromotion({ principal, input, body }) {
      return shown(principal, await pausePromotion(deps, gatherers, principal, input.promotion, body.reason));
    },
    async resumePromotion({ principal, input }) {
      return shown(principal, await resumePromotion(deps, gatherers, principal, input.promotion));
    },
    async rollBackPromotion({ principal, input, body }) {
      return shown(principal, await rollBackPromotion(deps, gatherers, principal, input.promotion, body.reason));
    },
    async keepPromotion({ principal, input }) {
      return shown(principal, await keepPromotion(deps, gatherers, principal, input.promotion));
    },
    async listRollouts({ principal, input }) {
      const page = await pageOfRows(store, 'rollout', input, { parent: streams.promotion(input.promotion) });
      if (!page.ok) return page;
      const items = await Promise.all(page.value.rows.map((row) => rolloutShown(principal, row.state as Rollout)));
      return { ok: true, value: { items, next: page.value.next } };
    },
    async showRollout({ principal, input }) {
      const stream = streams.rollout(input.rollout);
      const row = (await store.load([stream])).get(stream);
      if (row === undefined) return notFound('show a rollout', stream);
      return { ok: true, value: await rolloutShown(principal, row.state as Rollout) };
    },
    async answerRollout({ principal, input, body }) {
      const { answer, reason, ...about } = body;
      const answered = await answerRollout(deps, gatherers, principal, input.rollout, answer, reason, about);
      return answered.ok ? { ok: true, value: await rolloutShown(principal, answered.value) } : answered;
    },
  };
}
