import { z } from 'zod';
import { route } from '../route.ts';
import { cell, hypercare } from '../schemas/cells.ts';
import { name, pageOf, paging, prefix } from '../schemas/common.ts';
import { status } from '../schemas/promotions.ts';

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
    maxValues: 200_000,
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
  status: route({
    method: 'GET',
    path: '/v1/status',
    summary: 'What is where, what moves, what waits for whom and until when',
    tag: 'cells',
    needs: ['read'],
    response: status,
  }),
} as const;
