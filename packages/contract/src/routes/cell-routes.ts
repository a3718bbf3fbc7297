import { z } from 'zod';
import { route } from '../route.ts';
import { cell, freeze, hypercare } from '../schemas/cells.ts';
import { instant, name, pageOf, paging, prefix, reason } from '../schemas/common.ts';
import { status } from '../schemas/promotions.ts';

const freezeName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'expected a name');

export const cellRoutes = {
  listCells: route({
    method: 'GET',
    path: '/v1/cells',
    summary: 'Cells in the order of their names',
    tag: 'cells',
    needs: ['read'],
    query: z.object({ ...paging, prefix, environment: name.exactOptional() }),
    response: pageOf(cell),
  }),
  showCell: route({
    method: 'GET',
    path: '/v1/cells/{cell}',
    summary: 'One cell: desired and observed',
    tag: 'cells',
    needs: ['read'],
    params: z.object({ cell: name }),
    response: cell,
  }),
  adoptCell: route({
    method: 'POST',
    path: '/v1/cells/{cell}/adopt',
    summary: 'Take a running cell under control as it is; what runs becomes baseline releases',
    tag: 'cells',
    needs: ['adopt'],
    params: z.object({ cell: name }),
    body: z.strictObject({
      /** Of the releases that run there and are not registered, as the agent observed them. */
      manifests: z.array(z.record(z.string(), z.unknown())).max(20).default([]),
    }),
    maxBytes: 8 * 1024 * 1024,
    response: cell,
    twice: 'an adopted cell refuses with 409',
  }),
  showHypercare: route({
    method: 'GET',
    path: '/v1/hypercare/{environment}',
    summary: 'The watch after an environment’s last promotion',
    tag: 'cells',
    needs: ['read'],
    params: z.object({ environment: name }),
    response: hypercare,
  }),
  listFreezes: route({
    method: 'GET',
    path: '/v1/freezes',
    summary: 'Declared freezes (those of calendars stand in their documents)',
    tag: 'freezes',
    needs: ['read'],
    response: z.object({ items: z.array(freeze) }),
  }),
  declareFreeze: route({
    method: 'POST',
    path: '/v1/freezes',
    summary: 'Stop forward steps in an environment, or everywhere, at once; undo is never stopped',
    tag: 'freezes',
    needs: ['freeze'],
    body: z.strictObject({
      scope: name.describe('an environment, or all'),
      name: freezeName,
      /** Now, unless said. */
      from: instant.exactOptional(),
      to: instant,
      reason,
    }),
    response: freeze,
    status: 201,
    twice: 'a freeze of the same name replaces the first',
  }),
  liftFreeze: route({
    method: 'DELETE',
    path: '/v1/freezes/{scope}/{name}',
    summary: 'End a declared freeze',
    tag: 'freezes',
    needs: ['freeze'],
    params: z.object({ scope: name, name: freezeName }),
    response: z.object({ items: z.array(freeze) }),
    twice: 'a freeze that is gone is gone',
  }),
  status: route({
    method: 'GET',
    path: '/v1/status',
    summary: 'What is where, what moves, what waits for whom and until when',
    tag: 'cells',
    needs: ['read'],
    response: status,
  }),
} as const;
