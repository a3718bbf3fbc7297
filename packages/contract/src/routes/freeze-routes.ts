import { z } from 'zod';
import { route } from '../route.ts';
import { instant, reason } from '../schemas/common.ts';
import { freeze, freezeEffect, freezeList, freezeScope } from '../schemas/freezes.ts';

const freezeName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'expected a name');
const tag = 'freezes';

export const freezeRoutes = {
  listFreezes: route({
    method: 'GET',
    path: '/v1/freezes',
    summary: 'Declared freezes that are not over (those of calendars stand in their documents)',
    tag,
    needs: ['read'],
    response: freezeList,
  }),
  showFreezeEffect: route({
    method: 'GET',
    path: '/v1/freezes/effect',
    summary: 'What a freeze of a scope would stop at this moment, and what not; touches nothing',
    tag,
    needs: ['read'],
    query: z.object({ scope: freezeScope.default('all') }),
    response: freezeEffect,
  }),
  declareFreeze: route({
    method: 'POST',
    path: '/v1/freezes',
    summary: 'Stop forward steps in an environment, of an application, or everywhere, at once; undo is never stopped',
    tag,
    needs: ['freeze'],
    body: z.strictObject({
      scope: freezeScope.describe('all, an environment, or application:<name>'),
      /** Made by the server from the time, unless said. */
      name: freezeName.exactOptional(),
      /** Now, unless said. */
      from: instant.exactOptional(),
      /** Null: until somebody lifts it. Either this or `forMs`. */
      to: instant.nullable().exactOptional(),
      /** How long it lasts, by the server’s clock. Milliseconds, at most a year. */
      forMs: z
        .int()
        .min(1)
        .max(366 * 86_400_000)
        .exactOptional(),
      reason,
    }),
    response: freeze.extend({ effect: freezeEffect }).meta({ id: 'DeclaredFreeze' }),
    status: 201,
    twice: 'a freeze of the same name replaces the first; without a name another one is declared',
  }),
  liftFreeze: route({
    method: 'POST',
    path: '/v1/freezes/{scope}/{name}/lift',
    summary: 'End a declared freeze; what waited for it looks again at once',
    tag,
    needs: ['freeze'],
    params: z.object({ scope: freezeScope, name: freezeName }),
    body: z.strictObject({ reason }),
    response: freezeList,
    twice: 'a freeze that is gone is gone',
  }),
} as const;
