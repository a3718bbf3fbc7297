import { z } from 'zod';
import { route } from '../route.ts';
import { digest, id, name, pageOf, paging, reason } from '../schemas/common.ts';
import { explanation, planned, promotion, promotionPhase, rollout } from '../schemas/promotions.ts';
import { signedBundle } from '../schemas/releases.ts';

const tag = 'promotions';
const params = z.object({ promotion: id });
const asked = z.strictObject({
  release: digest,
  environment: name,
  /** Only these tenants; the others stay where they are. Without: everybody who isn't on the release yet. */
  tenants: z.array(name).min(1).max(10_000).exactOptional(),
  /** An open promotion at a hold point, which ends superseded: what is half way goes back, what is done stays. */
  overtakes: z.strictObject({ promotion: id, because: reason }).exactOptional(),
});
const words = z.strictObject({ reason });

export const promotionRoutes = {
  planPromotion: route({
    method: 'POST',
    path: '/v1/plans',
    summary: 'What a promotion would do; touches nothing',
    tag,
    needs: ['read'],
    body: asked,
    response: planned,
    twice: 'nothing is changed',
  }),
  requestPromotion: route({
    method: 'POST',
    path: '/v1/promotions',
    summary: 'Ask to take a release to an environment',
    tag,
    needs: ['promote'],
    body: asked,
    response: promotion,
    status: 201,
    twice: 'with an Idempotency-Key header the same key asks for the same promotion; without one, for another',
  }),
  listPromotions: route({
    method: 'GET',
    path: '/v1/promotions',
    summary: 'Promotions, the newest first, or with order=asc the oldest',
    tag,
    // An agent's command asks whether one is open before it puts a store back; all of them stand in the log that agents may read.
    needs: ['read', 'carry-out'],
    query: z.object({
      ...paging,
      environment: name.exactOptional(),
      application: name.exactOptional(),
      phase: promotionPhase.exactOptional(),
      open: z.enum(['true', 'false']).exactOptional(),
    }),
    response: pageOf(promotion),
  }),
  showPromotion: route({
    method: 'GET',
    path: '/v1/promotions/{promotion}',
    summary: 'One promotion, and what the caller may do with it',
    tag,
    needs: ['read'],
    params,
    response: promotion,
  }),
  explainPromotion: route({
    method: 'GET',
    path: '/v1/promotions/{promotion}/explanation',
    summary: 'Why a promotion stands where it stands, and what would move it',
    tag,
    needs: ['read'],
    params,
    response: explanation,
  }),
  approvePromotion: route({
    method: 'POST',
    path: '/v1/promotions/{promotion}/approve',
    summary: 'Approve the envelope that the caller saw; with a bundle, signed by the approver’s own key',
    tag,
    needs: ['approve'],
    params,
    body: z.strictObject({ envelope: digest, bundle: signedBundle.exactOptional() }),
    response: promotion,
    twice: 'a person’s second approval of the same envelope replaces the first',
  }),
  rejectPromotion: route({
    method: 'POST',
    path: '/v1/promotions/{promotion}/reject',
    summary: 'Reject a promotion that has not begun',
    tag,
    needs: ['reject'],
    params,
    body: words,
    response: promotion,
    twice: 'an ended promotion refuses with 409',
  }),
  sayGo: route({
    method: 'POST',
    path: '/v1/promotions/{promotion}/go',
    summary: 'Let begin what can’t be undone without losing data, where the gate go-no-go asks',
    tag,
    needs: ['go'],
    params,
    body: words,
    response: promotion,
    twice: 'said again by anybody, it is the same go',
  }),
  pausePromotion: route({
    method: 'POST',
    path: '/v1/promotions/{promotion}/pause',
    summary: 'Hand out no further forward steps',
    tag,
    needs: ['pause'],
    params,
    body: words,
    response: promotion,
    twice: 'a paused promotion refuses with 409',
  }),
  resumePromotion: route({
    method: 'POST',
    path: '/v1/promotions/{promotion}/resume',
    summary: 'Go on',
    tag,
    needs: ['resume'],
    params,
    response: promotion,
    twice: 'a promotion that goes on refuses with 409',
  }),
  rollBackPromotion: route({
    method: 'POST',
    path: '/v1/promotions/{promotion}/rollback',
    summary: 'Undo what was done, as the plan says',
    tag,
    needs: ['rollback'],
    params,
    body: words,
    response: promotion,
    twice: 'a promotion that goes back refuses with 409',
  }),
  keepPromotion: route({
    method: 'POST',
    path: '/v1/promotions/{promotion}/keep',
    summary: 'Leave the tenants that stayed on the release where they are, and end',
    tag,
    needs: ['keep'],
    params,
    response: promotion,
    twice: 'an ended promotion refuses with 409',
  }),
  listRollouts: route({
    method: 'GET',
    path: '/v1/promotions/{promotion}/rollouts',
    summary: 'A promotion’s rollouts, one a cell',
    tag,
    needs: ['read'],
    params,
    query: z.object(paging),
    response: pageOf(rollout),
  }),
  showRollout: route({
    method: 'GET',
    path: '/v1/rollouts/{rollout}',
    summary: 'One rollout',
    tag,
    needs: ['read'],
    params: z.object({ rollout: id }),
    response: rollout,
  }),
  answerRollout: route({
    method: 'POST',
    path: '/v1/rollouts/{rollout}/answer',
    summary: 'Answer what a rollout asks: agree to a step that loses data, decline it, or try the step again',
    tag,
    needs: ['answer'],
    params: z.object({ rollout: id }),
    /**
     * `decline` takes a reason, and nothing else does. `step` and `asked` are those of the question as it was read; absent, as
     * older clients leave them, the answer is to whatever is asked by then.
     */
    body: z.strictObject({
      answer: z.enum(['agree', 'retry', 'decline']),
      reason: reason.exactOptional(),
      step: z.string().min(1).max(200).exactOptional(),
      asked: z.int().min(0).exactOptional(),
    }),
    response: rollout,
    twice: 'a rollout that asks nothing, about another step, or anew about the same one, refuses with 409',
  }),
} as const;
