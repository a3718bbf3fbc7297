import { z } from 'zod';
import { route } from '../route.ts';
import { name, pageOf, paging } from '../schemas/common.ts';
import { signedBundle } from '../schemas/releases.ts';
import { restoration } from '../schemas/restorations.ts';

const tag = 'restorations';

export const restorationRoutes = {
  listRestorations: route({
    method: 'GET',
    path: '/v1/restorations',
    summary: 'What was brought back last in each cell; of one cell its last twenty',
    tag,
    needs: ['read'],
    query: z.object({ ...paging, cell: name.exactOptional() }),
    response: pageOf(restoration),
  }),
  recordRestoration: route({
    method: 'POST',
    path: '/v1/restorations',
    summary: 'Record the signed statement of something that was brought back; each one lands on the log',
    tag,
    needs: ['record-restoration'],
    body: z.strictObject({ bundle: signedBundle }),
    maxBytes: 5 * 1024 * 1024,
    response: restoration,
    status: 201,
    twice: 'the same statement changes nothing',
  }),
} as const;
