import { z } from 'zod';
import { route } from '../route.ts';
import { id, name, pageOf, paging } from '../schemas/common.ts';
import { migrationTimes, planOutline, planStep, wayBack } from '../schemas/plans.ts';

const tag = 'promotions';
const params = z.object({ promotion: id });

/** A promotion's plan in words, a piece at a time. */
export const planRoutes = {
  showPlan: route({
    method: 'GET',
    path: '/v1/promotions/{promotion}/plan',
    summary: 'A promotion’s plan in words, without its steps',
    tag,
    needs: ['read'],
    params,
    response: planOutline,
  }),
  listSteps: route({
    method: 'GET',
    path: '/v1/promotions/{promotion}/cells/{cell}/steps',
    summary: 'The steps of one cell of a plan in words, in order, with where they stand',
    tag,
    needs: ['read'],
    params: params.extend({ cell: name }),
    query: z.object({
      ...paging,
      /** Only the forward steps of this wave. */
      wave: z.coerce.number().int().min(1).exactOptional(),
      course: z.enum(['forward', 'undo']).exactOptional(),
    }),
    response: pageOf(planStep),
  }),
  listMigrationTimes: route({
    method: 'GET',
    path: '/v1/promotions/{promotion}/migrations',
    summary: 'What the migrations of each cell took, against what their rehearsal promised',
    tag,
    needs: ['read'],
    params,
    query: z.object({
      cursor: paging.cursor,
      /** Cells. */
      limit: z.coerce.number().int().min(1).max(20).exactOptional(),
    }),
    response: pageOf(migrationTimes),
  }),
  showWayBack: route({
    method: 'GET',
    path: '/v1/promotions/{promotion}/way-back',
    summary: 'What a rollback would do if it were asked for now, and what it would lose; touches nothing',
    tag,
    needs: ['read'],
    params,
    response: wayBack,
  }),
} as const;
