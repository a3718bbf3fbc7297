import { z } from 'zod';
import { route } from '../route.ts';
import { name, pageOf, paging } from '../schemas/common.ts';
import { drill } from '../schemas/drills.ts';
import { signedBundle } from '../schemas/releases.ts';

const tag = 'drills';

export const drillRoutes = {
  listDrills: route({
    method: 'GET',
    path: '/v1/drills',
    summary: 'The last restore drill of each store, by cell and store',
    tag,
    needs: ['read'],
    query: z.object({ ...paging, cell: name.exactOptional() }),
    response: pageOf(drill),
  }),
  recordDrill: route({
    method: 'POST',
    path: '/v1/drills',
    summary: 'Record the signed statement of a restore drill; the last one of a store is what gates judge',
    tag,
    needs: ['record-drill'],
    body: z.strictObject({ bundle: signedBundle }),
    maxBytes: 5 * 1024 * 1024,
    response: drill,
    status: 201,
    twice: 'the same statement, and an older one, change nothing; the last one is answered',
  }),
} as const;
